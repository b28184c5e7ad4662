package content

import (
	"strconv"

	"foundrylab/internal/ops"
)

// Answer is a refusal: its HTTP status and its JSON body. Unless a comment says otherwise, bodies were observed on the
// real service; the caller adds the headers, retry-after included.
type Answer struct {
	Status int
	Body   []byte
}

// gateway builds the body of the API management layer.
func gateway(status int, code, message string) Answer {
	b := appendQuoted([]byte(`{"error":{"code":`), code)
	b = appendQuoted(append(b, `,"message":`...), message)
	return Answer{status, append(b, "}}"...)}
}

// engine builds the body of the model engine. An empty param or code is null.
func engine(status int, message, kind, param, code string) Answer {
	b := appendQuoted([]byte(`{"error":{"message":`), message)
	b = appendQuoted(append(b, `,"type":`...), kind)
	b = appendOrNull(append(b, `,"param":`...), param)
	b = appendOrNull(append(b, `,"code":`...), code)
	return Answer{status, append(b, "}}"...)}
}

const invalidRequest = "invalid_request_error" // type of the engine's 400 bodies

// Worded is a refusal in somebody's own words.
func Worded(status int, code, message string) Answer { return gateway(status, code, message) }

// NotFound answers an unknown route, and a classic route without api-version.
func NotFound() Answer { return gateway(404, "404", "Resource not found") }

// DeploymentNotFound answers an unknown deployment, in the path or (inferred) in the model member on v1.
func DeploymentNotFound() Answer {
	return gateway(404, "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.")
}

// OperationNotSupported answers an operation that the model does not have, as chatCompletion on an embedding model.
func OperationNotSupported(operation, model string) Answer {
	return gateway(400, "OperationNotSupported", "The "+operation+" operation does not work with the specified model, "+model+". Please choose different model and try again. You can learn more about which models can be used with each operation here: https://go.microsoft.com/fwlink/?linkid=2197993.")
}

// NewerVersionNeeded answers an api-version that is too old for the model. The braces are literal on the real service.
func NewerVersionNeeded() Answer {
	return gateway(400, "BadRequest", "Model {modelName} is enabled only for api versions 2024-12-01-preview and later")
}

// InvalidRequest answers a body that ops.Peek refused. The shape is the engine's; the wording is ops's own.
func InvalidRequest(err *ops.InvalidRequest) Answer {
	return engine(400, err.Message, invalidRequest, err.Param, err.Code)
}

// ContextLengthExceeded answers a prompt longer than the context window, both in tokens.
func ContextLengthExceeded(window, prompt int) Answer {
	return engine(400, "This model's maximum context length is "+strconv.Itoa(window)+" tokens. However, your messages resulted in "+strconv.Itoa(prompt)+" tokens. Please reduce the length of the messages.", invalidRequest, "messages", "context_length_exceeded")
}

// UnsupportedParameter answers a parameter that the model does not accept, as max_tokens on a reasoning model. instead
// may be "".
func UnsupportedParameter(param, instead string) Answer {
	if instead != "" {
		instead = " Use '" + instead + "' instead."
	}
	return engine(400, "Unsupported parameter: '"+param+"' is not supported with this model."+instead, invalidRequest, param, "unsupported_parameter")
}

// UnsupportedValue answers a value that the model does not accept, as a temperature on a reasoning model. value and
// the default are JSON texts.
func UnsupportedValue(param, value, byDefault string) Answer {
	return engine(400, "Unsupported value: '"+param+"' does not support "+value+" with this model. Only the default ("+byDefault+") value is supported.", invalidRequest, param, "unsupported_value")
}

// NoSuchTier answers a service tier that the model does not have. Shape and type are documented, the wording is ours.
func NoSuchTier(tier string) Answer {
	return engine(400, "Invalid service_tier argument: this model does not support '"+tier+"'.", invalidRequest, "service_tier", "invalid_value")
}

// NoCapacity answers a request in a service tier without a promise when there is nothing to spare. The status is
// documented; code and wording are ours.
func NoCapacity(tier string) Answer {
	return engine(429, "There is no capacity for requests in the service tier '"+tier+"' at present. Please retry later, or use another tier.", "rate_limit_error", "service_tier", "resource_unavailable")
}

// FlexTimeout answers a request that waited for capacity in vain. The status is documented; the body is ours.
func FlexTimeout(tier string) Answer {
	return engine(408, "No capacity came free in time for this request in the service tier '"+tier+"'.", "timeout_error", "service_tier", "request_timeout")
}

// ServiceUnavailable answers a service outage.
func ServiceUnavailable() Answer {
	return gateway(503, "InternalServerError", "The service is temporarily unable to process your request. Please try again later.")
}

// InternalServerError answers a failure inside. Status 500 is documented; no body of it was found, so this is the
// engine's shape with our own wording.
func InternalServerError() Answer {
	return engine(500, "The server failed while it processed the request. Please retry.", "server_error", "", "")
}

// Overloaded answers a model without capacity, with 429 or 503; its body may also come as an event in mid-stream
// (AppendEvent). An older wording.
func Overloaded(status int, requestID string) Answer {
	return engine(status, "That model is currently overloaded with other requests. You can retry your request, or contact us through an Azure support request at: https://go.microsoft.com/fwlink/?linkid=2213926 if the error persists. (Please include the request ID "+requestID+" in your message.)", "server_error", "", "")
}

// AppendEvent appends an error as an event of a stream.
func AppendEvent(dst []byte, a Answer) []byte {
	dst = append(append(dst, "data: "...), a.Body...)
	return append(dst, "\n\n"...)
}
