package ops

// messages is Anthropic's operation, as Foundry has it for Claude models.
var messages = Operation{
	Name:     "Messages_Create",
	GenAI:    "chat",
	Method:   "POST",
	Tail:     "/messages",
	In:       InAnthropic,
	Example:  messagesExample,
	Peek:     (*Peeker).PeekMessages,
	Usage:    MessagesUsage,
	Classify: ClassifyMessages,
}

func messagesExample(model string) []byte {
	return example(model, `,"max_tokens":16,"messages":[{"role":"user","content":"Say hello."}]}`)
}

// PeekMessages reads the body of a messages request, by the rules of Peek. The system prompt is the first message.
func (k *Peeker) PeekMessages(body []byte) (Peeked, error) {
	p, err := k.peekMessages(body)
	if err == nil && p.MaxTokens < 0 {
		return p, &InvalidRequest{Message: "max_tokens: Field required", Param: "max_tokens", Code: "missing_required_parameter"}
	}
	return p, err
}

// PeekCountTokens reads the body of a request that asks how long its prompt is.
func (k *Peeker) PeekCountTokens(body []byte) (Peeked, error) { return k.peekMessages(body) }

func (k *Peeker) peekMessages(body []byte) (Peeked, error) {
	r := k.begin(body)
	p := Peeked{MaxTokens: -1, MaxCompletionTokens: -1, N: 1}
	var system []Message
	var systemChars []int
	seen := false
	r.enter('{', place{})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"model"`:
			p.Model = r.text(place{name: "model"})
		case `"messages"`:
			seen = true
			r.messages(&p)
		case `"system"`:
			s := Peeked{}
			text := r.content(&s, 0, "system")
			system, systemChars = []Message{{Role: "system", Text: text}}, s.PartChars
		case `"stream"`:
			p.Stream = r.bool(place{name: "stream"}, false)
		case `"max_tokens"`:
			p.MaxTokens = r.int(place{name: "max_tokens"}, -1, MaxOutputLimit)
		case `"stop_sequences"`:
			p.Sampling.Stops = r.stops(place{name: "stop_sequences"}, maxSequences)
		case `"tools"`:
			p.Tools = r.raw()
		case `"tool_choice"`:
			p.ToolChoice = r.raw()
		default:
			r.skip()
		}
	}
	p.Messages, p.PartChars = append(system, p.Messages...), append(systemChars, p.PartChars...)
	for _, n := range p.PartChars {
		p.TextChars += n
	}
	return p, r.finish(seen, "messages")
}

// maxSequences bounds the stop sequences that are heeded: the service names no bound.
const maxSequences = 63

// MessagesUsage reads usage.input_tokens and usage.output_tokens of a message.
func MessagesUsage(body []byte) (u Used, ok bool) { return usageOf(body, responseUsage) }

// ClassifyMessages classifies one SSE data payload of a messages stream, by its type. message_start has the prompt's
// tokens and message_delta the answer's; HasUsage is true for the latter, which ends the count.
func ClassifyMessages(data []byte) Chunk {
	s := scan{b: data}
	var c Chunk
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			break
		}
		switch {
		case string(name) == "type" && s.peek() == '"':
			c.Kind = messageEvent(string(s.str()))
		case string(name) == "message" && s.peek() == '{':
			c.Used = s.begun()
		case string(name) == "delta" && s.peek() == '{':
			c.Finish = stopReason(s.textOf("stop_reason"))
		case string(name) == "usage" && s.peek() == '{':
			c.Used, _, c.HasUsage = s.used(responseUsage)
		default:
			s.skip()
		}
	}
	if s.bad || s.peek() != 0 {
		return Chunk{}
	}
	return c
}

// begun consumes the message of a message_start: its usage has the prompt's tokens.
func (s *scan) begun() (u Used) {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return u
		}
		if string(name) == "usage" && s.peek() == '{' {
			u, _, _ = s.used(responseUsage)
			u.Completion = 0 // of what has yet to come
			continue
		}
		s.skip()
	}
}

func messageEvent(kind string) ChunkKind {
	switch kind {
	case "message_start", "content_block_start":
		return ChunkRole
	case "content_block_delta":
		return ChunkContent
	case "message_delta":
		return ChunkFinish
	case "message_stop":
		return ChunkDone
	case "error":
		return ChunkError
	}
	return ChunkFilterOnly
}

// stopReason is how a delta says that the answer finished.
func stopReason(text string) FinishReason {
	switch text {
	case "":
		return FinishNone
	case "end_turn", "stop_sequence":
		return FinishStop
	case "max_tokens":
		return FinishLength
	case "tool_use":
		return FinishToolCalls
	}
	return FinishOther
}
