package content

import "github.com/go-json-experiment/json"

// Anthropic puts a refusal into the envelope of Anthropic's API, with the status that goes with it there. requestID may
// be empty.
func Anthropic(a Answer, requestID string) Answer {
	kind := "api_error"
	switch a.Status {
	case 400, 422:
		kind = "invalid_request_error"
	case 401:
		kind = "authentication_error"
	case 403:
		kind = "permission_error"
	case 404:
		kind = "not_found_error"
	case 413:
		kind = "request_too_large"
	case 429:
		kind = "rate_limit_error"
	case 503:
		kind, a.Status = "overloaded_error", 529
	}
	b := appendQuoted([]byte(`{"type":"error","error":{"type":`), kind)
	b = appendQuoted(append(b, `,"message":`...), message(a))
	b = append(b, '}')
	if requestID != "" {
		b = appendQuoted(append(b, `,"request_id":`...), requestID)
	}
	return Answer{a.Status, append(b, '}')}
}

// APINotSupported answers a model that has not the API of the route, and a wrong path under /anthropic.
func APINotSupported() Answer {
	const text = "Requested API is currently not supported"
	return Answer{404, []byte(`{"error":{"code":"api_not_supported","message":"` + text + `","details":"` + text + `"}}`)}
}

// message returns what a refusal says, in whichever envelope.
func message(a Answer) string {
	var body struct {
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &body) != nil { // bodies are our own
		return ""
	}
	return body.Error.Message + body.Message
}
