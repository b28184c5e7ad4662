package ops

// aboutResponses is what the Responses API has beside its operation, by OpenAI's
// specification. {id} is that of a response.
var aboutResponses = []Operation{
	aboutResponse("Responses_Get", "get_response", "GET", "/{id}"),
	aboutResponse("Responses_Delete", "delete_response", "DELETE", "/{id}"),
	aboutResponse("Responses_Cancel", "cancel_response", "POST", "/{id}/cancel"),
	aboutResponse("Responses_InputItems", "list_input_items", "GET", "/{id}/input_items"),
	aboutResponse("Responses_InputTokens", "count_input_tokens", "POST", "/input_tokens"),
	compactResponses(),
}

func aboutResponse(name, genAI, method, tail string) Operation {
	return Operation{
		Name: name, GenAI: genAI, Method: method, Tail: responses.Tail + tail, In: responses.In,
		Usage: noUsage, Classify: ClassifyResponses,
	}
}

func compactResponses() Operation {
	op := aboutResponse("Responses_Compact", "compact_response", "POST", "/compact")
	op.Peek, op.Usage, op.Example = responses.Peek, responses.Usage, responses.Example
	return op
}
