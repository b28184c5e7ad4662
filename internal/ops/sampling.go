package ops

// Sampling is what a request says of how the tokens of an answer are chosen. Numbers are JSON numbers as they were
// written, "" where absent or null: what range they may have is for whoever knows the model.
type Sampling struct {
	Temperature      string
	TopP             string
	PresencePenalty  string
	FrequencyPenalty string
	TopLogprobs      string   // chat: top_logprobs; completions: logprobs
	Logprobs         bool     // chat: logprobs is true
	Biased           bool     // logit_bias has an entry
	Stops            []string // stop, a text alone or several; empty ones are left out
}

// sampling reads a member if it is one of Sampling, and skips any other.
func (r *reader) sampling(s *Sampling, name []byte) {
	switch string(name) {
	case `"temperature"`:
		s.Temperature = r.number(place{name: "temperature"})
	case `"top_p"`:
		s.TopP = r.number(place{name: "top_p"})
	case `"presence_penalty"`:
		s.PresencePenalty = r.number(place{name: "presence_penalty"})
	case `"frequency_penalty"`:
		s.FrequencyPenalty = r.number(place{name: "frequency_penalty"})
	case `"top_logprobs"`:
		s.TopLogprobs = r.number(place{name: "top_logprobs"})
	case `"logprobs"`:
		s.Logprobs = r.bool(place{name: "logprobs"}, false)
	case `"logit_bias"`:
		s.Biased = r.filled(place{name: "logit_bias"})
	case `"stop"`:
		s.Stops = r.stops(place{name: "stop"}, MaxStops)
	default:
		r.skip()
	}
}

// number consumes a number and returns its text; null is "".
func (r *reader) number(at place) string {
	if r.null() || !r.is('0', at) {
		return ""
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return ""
	}
	return string(raw)
}

// filled consumes an object, or null, and reports whether it has a member.
func (r *reader) filled(at place) (some bool) {
	if r.null() {
		return false
	}
	r.enter('{', at)
	for r.more('}') {
		some = true
		r.name()
		r.skip()
	}
	return some
}

// stops consumes a text or a list of them, and keeps one more than most.
func (r *reader) stops(at place, most int) (list []string) {
	if r.null() || r.err != nil {
		return nil
	}
	keep := func() {
		// no more is kept than tells that there are too many
		if text := r.text(at); text != "" && len(list) <= most {
			list = append(list, text)
		}
	}
	if r.dec.PeekKind() == '"' {
		keep()
		return list
	}
	r.enter('[', at)
	for r.more(']') {
		keep()
	}
	return list
}
