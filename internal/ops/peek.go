package ops

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Peeked is what routing, metering and answering need from a request body.
type Peeked struct {
	Model               string       // "" when absent, as usual on the classic route
	Stream              bool         // stream
	IncludeUsage        bool         // stream_options.include_usage
	OmitObfuscation     bool         // stream_options.include_obfuscation is false
	MaxTokens           int          // max_tokens, or -1 when absent
	MaxCompletionTokens int          // max_completion_tokens, or -1 when absent
	N                   int          // number of choices, 1 when absent
	PromptCacheKey      string       // prompt_cache_key
	ServiceTier         string       // service_tier: one of ServiceTiers, "" when absent
	Messages            []Message    // in order
	PartChars           []int        // characters (code points) of every text part in order; a plain string is one part
	TextChars           int          // their sum
	Effort              string       // reasoning_effort or reasoning.effort, one of Efforts; "" when absent
	Sampling            Sampling     // chat and completions
	Tools               []byte       // tools as JSON; nil where absent or null, as those below
	ToolChoice          []byte       // tool_choice as JSON
	Format              []byte       // response_format as JSON
	OneCall             bool         // parallel_tool_calls is false
	Silent              int          // the first message, from 1, that must say something and has no content; 0: none
	AfterTool           bool         // the last message brings what a tool returned
	Inputs              []Input      // embeddings and completions, instead of messages
	Dimensions          int          // embeddings: 0 where absent
	Base64              bool         // embeddings: encoding_format is base64
	Echo                bool         // completions: the answer begins with the prompt
	BestOf              int          // completions: candidates made for each prompt, of which n are shown
	Response            *ResponseAsk // what else a Responses request says; nil for other operations
}

// Message is one chat message. Text is its string content, or its text parts one after the other; images, tool calls
// and other parts are left out.
type Message struct{ Role, Name, Text string }

// OutputLimit is the output bound the client set, in tokens: max_completion_tokens, else max_tokens, else -1.
func (p *Peeked) OutputLimit() int {
	if p.MaxCompletionTokens >= 0 {
		return p.MaxCompletionTokens
	}
	return p.MaxTokens
}

// ServiceTiers are the values of service_tier in OpenAI's API.
func ServiceTiers() []string {
	return []string{"auto", "default", "flex", "scale", "priority", "fast"}
}

// Largest integers that Peek accepts; the second is the documented maximum of n.
const (
	MaxOutputLimit = 1<<31 - 1
	MaxChoices     = 128
)

// Peek reads a chat request body in one pass. The error is always an *InvalidRequest; then the result holds what was
// read before it. The caller bounds the body. Unknown members are skipped, null counts as absent, and of a repeated
// member the last one counts.
func Peek(body []byte) (Peeked, error) { return new(Peeker).Peek(body) }

// Peeker is Peek with its working memory kept from one body to the next: it allocates only what the result holds.
// The zero value is ready. It keeps a reference to the last body. It is not safe for concurrent use.
type Peeker struct {
	Lenient bool // numbers and words that are out of range count as absent

	r    reader
	dec  jsontext.Decoder
	body bytes.Buffer
}

// Peek is like the function Peek.
func (k *Peeker) Peek(body []byte) (Peeked, error) {
	r := k.begin(body)
	p := Peeked{MaxTokens: -1, MaxCompletionTokens: -1, N: 1}
	hasMessages := false
	r.enter('{', place{})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"model"`:
			p.Model = r.text(place{name: "model"})
		case `"messages"`:
			hasMessages = true
			r.messages(&p)
		case `"stream"`:
			p.Stream = r.bool(place{name: "stream"}, false)
		case `"stream_options"`:
			r.streamOptions(&p)
		case `"max_tokens"`:
			p.MaxTokens = r.int(place{name: "max_tokens"}, -1, MaxOutputLimit)
		case `"max_completion_tokens"`:
			p.MaxCompletionTokens = r.int(place{name: "max_completion_tokens"}, -1, MaxOutputLimit)
		case `"n"`:
			p.N = r.int(place{name: "n"}, 1, MaxChoices)
		case `"prompt_cache_key"`:
			if p.PromptCacheKey = ""; !r.null() {
				p.PromptCacheKey = r.text(place{name: "prompt_cache_key"})
			}
		case `"tools"`:
			p.Tools = r.raw()
		case `"tool_choice"`:
			p.ToolChoice = r.raw()
		case `"parallel_tool_calls"`:
			p.OneCall = !r.bool(place{name: "parallel_tool_calls"}, true)
		case `"response_format"`:
			p.Format = r.raw()
		case `"service_tier"`:
			p.ServiceTier = r.choice(place{name: "service_tier"}, ServiceTiers())
		case `"reasoning_effort"`:
			p.Effort = r.choice(place{name: "reasoning_effort"}, Efforts())
		default:
			r.sampling(&p.Sampling, name)
		}
	}
	for _, n := range p.PartChars {
		p.TextChars += n
	}
	return p, r.finish(hasMessages, "messages")
}

// begin readies the working memory for a body.
func (k *Peeker) begin(body []byte) *reader {
	k.body = *bytes.NewBuffer(body)
	k.dec.Reset(&k.body, jsontext.AllowDuplicateNames(true))
	k.r.dec, k.r.err, k.r.list, k.r.lenient = &k.dec, nil, "messages", k.Lenient
	return &k.r
}

// finish demands that the body is over and had the member that it must have, and returns the first error of all.
func (r *reader) finish(seen bool, needed string) error {
	r.end()
	if r.err == nil && !seen {
		r.missing(place{name: needed})
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) streamOptions(p *Peeked) {
	p.IncludeUsage, p.OmitObfuscation = false, false
	if r.null() {
		return
	}
	r.enter('{', place{name: "stream_options"})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"include_usage"`:
			p.IncludeUsage = r.bool(place{name: "stream_options.include_usage"}, false)
		case `"include_obfuscation"`:
			p.OmitObfuscation = !r.bool(place{name: "stream_options.include_obfuscation"}, true)
		default:
			r.skip()
		}
	}
}

func (r *reader) messages(p *Peeked) {
	p.Messages, p.PartChars, p.Silent = make([]Message, 0, 4), make([]int, 0, 4), 0
	r.enter('[', place{name: "messages"})
	for i := 1; r.more(']'); i++ {
		r.result = false
		m := r.message(p, i)
		p.Messages = append(p.Messages, m)
		p.AfterTool = r.result || m.Role == "tool"
	}
}

// message reads message i, counted from 1, and notes its parts in p.
func (r *reader) message(p *Peeked, i int) Message {
	var m Message
	parts, silent := len(p.PartChars), true
	r.enter('{', place{message: i})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"role"`:
			m.Role = r.text(place{i, 0, "role"})
		case `"name"`:
			m.Name = r.text(place{i, 0, "name"})
		case `"content"`:
			p.PartChars = p.PartChars[:parts]
			m.Text = r.content(p, i, "content")
			silent = r.parts == 0
		default:
			r.skip()
		}
	}
	if m.Role == "" {
		r.missing(place{i, 0, "role"})
	}
	if silent && p.Silent == 0 && m.Role != "assistant" { // which may do nothing but call tools
		p.Silent = i
	}
	return m
}

// content reads what the member of that name in message i says: a text, or a list of parts.
func (r *reader) content(p *Peeked, i int, name string) string {
	r.parts = 0
	if r.null() {
		return ""
	}
	r.parts = 1
	if r.dec.PeekKind() != '[' {
		text := r.text(place{i, 0, name})
		p.PartChars = append(p.PartChars, characters(text))
		return text
	}
	all := ""
	r.enter('[', place{i, 0, name})
	r.parts = 0
	for j := 1; r.more(']'); j++ {
		r.parts++
		text, isText := r.part(i, j)
		if !isText {
			continue
		}
		p.PartChars = append(p.PartChars, characters(text))
		all += text
	}
	return all
}

// part reads content part j of message i, both counted from 1. Every part with a text member is a text part.
func (r *reader) part(i, j int) (text string, isText bool) {
	wordy := false
	r.enter('{', place{message: i, part: j})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"text"`:
			isText = true
			text = r.text(place{i, j, "text"})
		case `"type"`:
			kind := r.text(place{i, j, "type"})
			r.result = r.result || kind == "tool_result"
			wordy = kind == "text"
		default:
			r.skip()
		}
	}
	if wordy && !isText && !r.lenient {
		r.missing(place{i, j, "text"})
	}
	return text, isText
}
