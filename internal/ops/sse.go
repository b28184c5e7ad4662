package ops

// ChunkKind says what one SSE data payload of a chat stream means to someone who measures it.
type ChunkKind uint8

// The kinds. When a payload is several of them, the first that applies in the order
// Error, Content, Finish, Usage, Role, FilterOnly is its kind.
const (
	ChunkMalformed  ChunkKind = iota // not a JSON object: a cut stream, or not this API
	ChunkFilterOnly                  // no token: Azure's first chunk, asynchronous filter annotations, unknown objects
	ChunkRole                        // a delta with nothing in it, as the one that names the role
	ChunkContent                     // text, refusal, reasoning, tool call or function call: counts as a token
	ChunkFinish                      // a finish_reason and no content
	ChunkUsage                       // the usage object
	ChunkError                       // an object with a non-null "error": the stream has failed
	ChunkDone                        // [DONE]
	chunkKinds
)

// String returns the lower-case name of the kind.
func (k ChunkKind) String() string {
	if k >= chunkKinds {
		return "invalid"
	}
	return [chunkKinds]string{"malformed", "filter_only", "role", "content", "finish", "usage", "error", "done"}[k]
}

// FinishReason is the finish_reason of a choice.
type FinishReason uint8

// The reasons; the texts are the wire values.
const (
	FinishNone FinishReason = iota // absent or null
	FinishStop
	FinishLength
	FinishContentFilter
	FinishToolCalls
	FinishFunctionCall
	FinishOther // a text that this package does not know
	finishReasons
)

// String returns the wire value; FinishNone is "null", FinishOther is "other".
func (f FinishReason) String() string {
	if f >= finishReasons {
		return "invalid"
	}
	return [finishReasons]string{"null", "stop", "length", "content_filter", "tool_calls", "function_call", "other"}[f]
}

// Chunk is what one SSE data payload says.
type Chunk struct {
	Kind     ChunkKind
	Finish   FinishReason // of the last choice that has one; may accompany ChunkContent
	HasUsage bool         // the usage is there, and its Completion is final; may accompany any kind
	Used                  // what is known of it
}

// ClassifySSE classifies one SSE data payload of a chat stream, without decoding the content. It never fails:
// what is not a JSON object is ChunkMalformed. It does not validate what it skips.
func ClassifySSE(data []byte) Chunk {
	s := scan{b: data}
	if s.peek() == '[' && string(trimRight(data[s.i:])) == "[DONE]" {
		return Chunk{Kind: ChunkDone}
	}
	var c Chunk
	var seen choices
	failed := false
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			break
		}
		switch {
		case string(name) == "choices" && s.peek() == '[':
			s.choices(&seen)
		case string(name) == "usage" && s.peek() == '{':
			u, prompt, completion := s.used(chatUsage)
			if c.HasUsage = prompt && completion; c.HasUsage {
				c.Used = u
			}
		case string(name) == "error":
			failed = string(s.value()) != "null"
		default:
			s.skip()
		}
	}
	if s.bad || s.peek() != 0 {
		return Chunk{}
	}
	c.Finish = seen.finish
	switch {
	case failed:
		c.Kind = ChunkError
	case seen.content:
		c.Kind = ChunkContent
	case seen.finish != FinishNone:
		c.Kind = ChunkFinish
	case c.HasUsage:
		c.Kind = ChunkUsage
	case seen.delta:
		c.Kind = ChunkRole
	default:
		c.Kind = ChunkFilterOnly
	}
	return c
}

// choices is what the choices array of a chunk holds.
type choices struct {
	delta, content bool
	finish         FinishReason
}

func (s *scan) choices(seen *choices) {
	s.open('[')
	for n := 0; s.next(n, ']'); n++ {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		s.open('{')
		for m := 0; ; m++ {
			name, more := s.member(m)
			if !more {
				break
			}
			switch {
			case string(name) == "delta" && s.peek() == '{':
				seen.delta = true
				s.delta(seen)
			case string(name) == "text": // of the completions operation, which has no delta
				if s.filled() {
					seen.content = true
				}
			case string(name) == "finish_reason":
				if f := finishReason(s.value()); f != FinishNone {
					seen.finish = f
				}
			default:
				s.skip()
			}
		}
	}
}

func (s *scan) delta(seen *choices) {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return
		}
		switch string(name) {
		case "content", "tool_calls", "reasoning_content", "reasoning", "refusal", "function_call":
			if s.filled() {
				seen.content = true
			}
		default:
			s.skip()
		}
	}
}

// value consumes one value and returns its raw text.
func (s *scan) value() []byte {
	s.peek()
	start := s.i
	s.skip()
	return s.b[start:s.i]
}

func finishReason(raw []byte) FinishReason {
	switch string(raw) {
	case "null", `""`:
		return FinishNone
	case `"stop"`:
		return FinishStop
	case `"length"`:
		return FinishLength
	case `"content_filter"`:
		return FinishContentFilter
	case `"tool_calls"`:
		return FinishToolCalls
	case `"function_call"`:
		return FinishFunctionCall
	}
	return FinishOther
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\n' || b[len(b)-1] == '\r' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
