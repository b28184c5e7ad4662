package content

// PreviousNotFound answers a previous_response_id that is unknown, or not known yet.
func PreviousNotFound(id string) Answer {
	return engine(400, "Previous response with id '"+id+"' not found.", invalidRequest, "previous_response_id", "previous_response_not_found")
}

// ResponseNotFound answers an unknown response. The body is OpenAI's; that Azure has the same is inferred.
func ResponseNotFound(id string) Answer {
	return engine(404, "Response with id '"+id+"' not found.", invalidRequest, "", "")
}

// InputTooLong answers a context beyond the model's window. The wording is ours.
func InputTooLong() Answer {
	return engine(400, "Your input exceeds the context window of this model. Please adjust your input and try again.", invalidRequest, "input", "context_length_exceeded")
}
