package gateway

// messagesOperation is that of Anthropic's Messages API.
const messagesOperation = "Messages_Create"

// anthropicEnvelope is an error as Anthropic's SDKs expect it.
type anthropicEnvelope struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

// anthropicError puts what keeps a request from its answer into the envelope of the Messages API, whose clients go by its
// type, as the service does with what its models refuse. A refusal at the door (who asks, and what) stays in Azure's own, as
// the service's layer in front of them has it.
func anthropicError(status uint16, message string) (e anthropicEnvelope) {
	e.Type, e.Error.Type, e.Error.Message = "error", "api_error", message
	switch status {
	case 403:
		e.Error.Type = "permission_error"
	case 429:
		e.Error.Type = "rate_limit_error"
	case 503:
		e.Error.Type = "overloaded_error"
	case 504:
		e.Error.Type = "timeout_error"
	}
	return e
}
