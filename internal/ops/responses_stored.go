package ops

// AboutResponses lists what the Responses API has beside its operation, in the
// same families, by OpenAI's specification. {id} is that of a response. None of
// them but Responses_Compact asks anything of a model: they have no Peek. Never
// mutated.
var AboutResponses = []Operation{
	aboutResponses("Responses_Get", "get_response", "GET", "/{id}"),
	aboutResponses("Responses_Delete", "delete_response", "DELETE", "/{id}"),
	aboutResponses("Responses_Cancel", "cancel_response", "POST", "/{id}/cancel"),
	aboutResponses("Responses_InputItems", "list_input_items", "GET", "/{id}/input_items"),
	aboutResponses("Responses_InputTokens", "count_input_tokens", "POST", "/input_tokens"),
	compactResponses(),
}

func aboutResponses(name, genAI, method, tail string) Operation {
	return Operation{
		Name: name, GenAI: genAI, Method: method, Tail: responses.Tail + tail, In: responses.In,
		Usage: noUsage, Classify: ClassifyResponses,
	}
}

func compactResponses() Operation {
	op := aboutResponses("Responses_Compact", "compact_response", "POST", "/compact")
	op.Peek, op.Usage, op.Example = responses.Peek, responses.Usage, responses.Example
	return op
}

// noUsage is the usage of an answer that nothing was used for: a response that
// is shown again has been counted when it was made.
func noUsage([]byte) (Used, bool) { return Used{}, false }
