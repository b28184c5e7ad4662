package ops

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// responses: OpenAI's specification, and the families that Microsoft's page on the Responses API names.
var responses = Operation{
	Name:     "Responses_Create",
	GenAI:    "chat",
	Method:   "POST",
	Tail:     "/responses",
	In:       InResource | inOpenAI,
	Example:  responsesExample,
	Peek:     (*Peeker).PeekResponses,
	Usage:    ResponsesUsage,
	Classify: ClassifyResponses,
}

func responsesExample(model string) []byte {
	return example(model, `,"instructions":"You are a terse assistant.","input":"Say hello.","max_output_tokens":16}`)
}

// ResponseAsk is what a Responses request says beside what Peeked has of all requests. It shares no memory with the body.
type ResponseAsk struct {
	Instructions string
	Previous     string            // previous_response_id
	Unstored     bool              // store is false
	Background   bool              // background
	Encrypted    bool              // include has reasoning.encrypted_content
	Logprobs     bool              // include has message.output_text.logprobs
	Truncates    bool              // truncation is auto
	Summary      string            // reasoning.summary
	Verbosity    string            // text.verbosity
	Items        []Item            // input; a text is one message
	Echo         map[string][]byte // members that an answer repeats, as JSON, those of echoed that are there and not null
}

// echoed are the members that are not looked into, with the kind of value that each has.
var echoed = []struct {
	name string
	kind jsontext.Kind
}{
	{"frequency_penalty", '0'}, {"max_tool_calls", '0'}, {"metadata", '{'}, {"presence_penalty", '0'}, {"prompt_cache_retention", '"'},
	{"safety_identifier", '"'}, {"temperature", '0'}, {"top_logprobs", '0'}, {"top_p", '0'}, {"user", '"'},
}

// Efforts are the values of reasoning.effort.
func Efforts() []string { return []string{"none", "minimal", "low", "medium", "high", "xhigh"} }

// PeekResponses reads the body of a Responses request, by the rules of Peek. Its messages are the instructions and then
// what the items say; what the previous response knows is not among them.
func (k *Peeker) PeekResponses(body []byte) (Peeked, error) {
	r := k.begin(body)
	r.list = "input"
	ask := &ResponseAsk{Echo: map[string][]byte{}}
	p := Peeked{MaxTokens: -1, MaxCompletionTokens: -1, N: 1, Response: ask}
	seen := false
	r.enter('{', place{})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"input"`:
			seen = true
			r.items(&p, body)
		case `"model"`:
			p.Model = r.text(place{name: "model"})
		case `"stream"`:
			p.Stream = r.bool(place{name: "stream"}, false)
		case `"stream_options"`:
			r.streamOptions(&p)
		case `"max_output_tokens"`:
			p.MaxCompletionTokens = r.int(place{name: "max_output_tokens"}, -1, MaxOutputLimit)
		case `"prompt_cache_key"`:
			p.PromptCacheKey = r.optional("prompt_cache_key")
		case `"service_tier"`:
			p.ServiceTier = r.choice(place{name: "service_tier"}, ServiceTiers())
		case `"tools"`:
			p.Tools = r.compact()
		case `"tool_choice"`:
			p.ToolChoice = r.compact()
		case `"parallel_tool_calls"`:
			p.OneCall = !r.bool(place{name: "parallel_tool_calls"}, true)
		case `"text"`:
			r.textOptions(&p)
		default:
			r.responseMember(&p, name)
		}
	}
	p.gather()
	if ask.Previous != "" {
		seen = true
	}
	return p, r.finish(seen, "input")
}

// responseMember reads a member that no other operation has.
func (r *reader) responseMember(p *Peeked, name []byte) {
	ask := p.Response
	if r.err != nil {
		return
	}
	switch string(name) {
	case `"instructions"`:
		ask.Instructions = r.optional("instructions")
	case `"previous_response_id"`:
		ask.Previous = r.optional("previous_response_id")
	case `"store"`:
		ask.Unstored = !r.bool(place{name: "store"}, true)
	case `"background"`:
		ask.Background = r.bool(place{name: "background"}, false)
	case `"truncation"`:
		ask.Truncates = r.choice(place{name: "truncation"}, []string{"auto", "disabled"}) == "auto"
	case `"reasoning"`:
		r.reasoning(p)
	case `"include"`:
		r.include(ask)
	default:
		kind, known := kindOfEchoed(name[1 : len(name)-1])
		if at := (place{name: string(name[1 : len(name)-1])}); !known {
			r.skip()
		} else if !r.null() && r.is(kind, at) {
			ask.Echo[at.name] = r.compact()
		}
	}
}

func kindOfEchoed(name []byte) (kind jsontext.Kind, known bool) {
	for _, e := range echoed {
		if string(name) == e.name {
			return e.kind, true
		}
	}
	return 0, false
}

// gather puts the messages of a Responses request together.
func (p *Peeked) gather() {
	ask := p.Response
	if ask.Instructions != "" {
		p.Messages = append(p.Messages, Message{Role: "developer", Text: ask.Instructions})
		p.PartChars = append(p.PartChars, characters(ask.Instructions))
	}
	for i := range ask.Items {
		if m := ask.Items[i].Message; m.Role != "" {
			p.Messages = append(p.Messages, m)
		}
	}
	for _, n := range p.PartChars {
		p.TextChars += n
	}
}

// compact consumes a value as raw does, and leaves out the space in it: it may come to stand on one line of a stream.
func (r *reader) compact() []byte {
	value := jsontext.Value(r.raw())
	if value == nil || value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return nil
	}
	return value
}

// optional reads a text; null is "".
func (r *reader) optional(name string) string {
	if r.null() {
		return ""
	}
	return r.text(place{name: name})
}

func (r *reader) reasoning(p *Peeked) {
	if r.null() {
		return
	}
	r.enter('{', place{name: "reasoning"})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"effort"`:
			p.Effort = r.choice(place{name: "reasoning.effort"}, Efforts())
		case `"summary"`:
			p.Response.Summary = r.choice(place{name: "reasoning.summary"}, []string{"auto", "concise", "detailed"})
		default:
			r.skip()
		}
	}
}

func (r *reader) textOptions(p *Peeked) {
	if r.null() {
		return
	}
	r.enter('{', place{name: "text"})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"format"`:
			p.Format = r.compact()
		case `"verbosity"`:
			p.Response.Verbosity = r.choice(place{name: "text.verbosity"}, []string{"low", "medium", "high"})
		default:
			r.skip()
		}
	}
}

func (r *reader) include(ask *ResponseAsk) {
	if r.null() {
		return
	}
	r.enter('[', place{name: "include"})
	for r.more(']') {
		switch r.text(place{name: "include"}) {
		case "reasoning.encrypted_content":
			ask.Encrypted = true
		case "message.output_text.logprobs":
			ask.Logprobs = true
		}
	}
}

// ResponsesUsage reads usage.input_tokens and usage.output_tokens of a response; a response that is not over has none.
func ResponsesUsage(body []byte) (u Used, ok bool) {
	s := scan{b: body}
	r := s.response()
	return r.used, r.usage && !s.bad
}

// responseSeen is what a response object says to who measures it.
type responseSeen struct {
	used   Used
	usage  bool // used has both counts
	finish FinishReason
}

// response consumes a response object.
func (s *scan) response() (r responseSeen) {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return r
		}
		switch {
		case string(name) == "status" && s.peek() == '"':
			if string(s.str()) == "completed" {
				r.finish = FinishStop
			}
		case string(name) == "incomplete_details" && s.peek() == '{':
			r.finish = incompleteReason(s.textOf("reason"))
		case string(name) == "usage" && s.peek() == '{':
			var prompt, completion bool
			r.used, prompt, completion = s.used(responseUsage)
			r.usage = prompt && completion
		default:
			s.skip()
		}
	}
}

// incompleteReason is how an answer that is not complete finished.
func incompleteReason(text string) FinishReason {
	switch text {
	case "max_output_tokens":
		return FinishLength
	case "content_filter":
		return FinishContentFilter
	}
	return FinishOther
}

// ClassifyResponses classifies one SSE data payload of a Responses stream, by its type. The event that ends the stream
// has the whole response, and with it the usage.
func ClassifyResponses(data []byte) Chunk {
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
			c.Kind = responseEvent(string(s.str()))
		case string(name) == "response" && s.peek() == '{':
			r := s.response()
			c.Finish, c.HasUsage = r.finish, r.usage
			if r.usage {
				c.Used = r.used
			}
		default:
			s.skip()
		}
	}
	if s.bad || s.peek() != 0 {
		return Chunk{}
	}
	if c.Kind == ChunkMalformed {
		c.Kind = ChunkFilterOnly
	}
	return c
}

func responseEvent(kind string) ChunkKind {
	switch kind {
	case "response.completed", "response.incomplete":
		return ChunkDone
	case "response.failed", "error":
		return ChunkError
	case "response.output_item.added":
		return ChunkRole
	}
	if strings.HasSuffix(kind, ".delta") {
		return ChunkContent
	}
	return ChunkFilterOnly
}
