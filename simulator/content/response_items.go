package content

import (
	"encoding/base64"
	"encoding/binary"

	"foundrylab/internal/ops"
)

// thinks reports whether the first item is what the model thought.
func (p *Response) thinks() bool { return p.r.ReasoningTokens > 0 }

// place returns where the item with an index among those after the thought stands in the output.
func (p *Response) place(i int) int {
	if p.thinks() {
		return i + 1
	}
	return i
}

// items returns how many items there are after the thought. A model that could only think says nothing.
func (p *Response) items() (n int) {
	if p.r.Script == nil {
		if p.r.OutputTokens == 0 && p.thinks() {
			return 0
		}
		return 1
	}
	for n < len(p.r.Script.items) && p.r.Script.items[n].begun(p.r.OutputTokens) {
		n++
	}
	return n
}

// call returns the call that an item is; nil: it is words.
func (p *Response) call(i int) *item {
	if p.r.Script == nil || !p.r.Script.items[i].call {
		return nil
	}
	return &p.r.Script.items[i]
}

// said returns the text of an item, or the arguments of a call.
func (p *Response) said(i int) string {
	if p.r.Script == nil {
		return string(p.r.appendText(nil, 0, 0, p.r.OutputTokens))
	}
	return p.r.Script.items[i].part(0, p.r.OutputTokens)
}

// whole reports whether an item has come to its own end. What the content filter stopped has not.
func (p *Response) whole(i int) bool {
	if p.r.Script == nil {
		return p.State() == ResponseCompleted
	}
	last := i == len(p.r.Script.items)-1
	return p.closed(i) && !(last && p.r.Finish == ops.FinishContentFilter)
}

// closed reports whether all is said that a script has of an item.
func (p *Response) closed(i int) bool {
	it := &p.r.Script.items[i]
	return it.from+len(it.ends) <= p.r.OutputTokens
}

// id appends a member that is the id of an item.
func (p *Response) id(m *members, name string, i int) {
	prefix := "msg_"
	if p.call(i) != nil {
		prefix = "fc_"
	}
	p.itemID(m, name, prefix, p.place(i))
}

func (p *Response) itemID(m *members, name, prefix string, place int) {
	m.name(name)
	m.b = append(AppendItemID(append(m.b, '"'), prefix, p.form.ID, place), '"')
}

// Context returns what a later response that follows this one has of it in its context.
func (p *Response) Context() (list []ops.Message) {
	for i := range p.items() {
		m := ops.Message{Role: "assistant", Text: p.said(i)}
		if it := p.call(i); it != nil {
			m.Text = it.name + m.Text
		}
		list = append(list, m)
	}
	return list
}

// output appends all items.
func (p *Response) output(m *members) {
	if p.thinks() {
		p.thought(m, true)
	}
	for i := range p.items() {
		if i > 0 || p.thinks() {
			m.b = append(m.b, ',')
		}
		state := ResponseCompleted
		if !p.whole(i) {
			state = ResponseIncomplete
		}
		p.item(m, i, state, p.said(i))
	}
}

// item appends an item with so much of its text; in progress it has no content yet.
func (p *Response) item(m *members, i int, state, text string) {
	m.b = append(m.b, '{')
	p.id(m, "id", i)
	if it := p.call(i); it != nil {
		m.raw("type", `"function_call"`)
		m.text("call_id", it.id)
		m.text("name", it.name)
		m.text("arguments", text)
		m.text("status", state)
		m.b = append(m.b, '}')
		return
	}
	m.raw("type", `"message"`)
	m.text("status", state)
	m.raw("role", `"assistant"`)
	m.raw("content", "[")
	if state != ResponseInProgress {
		p.part(m, i, text)
	}
	m.b = append(m.b, "]}"...)
}

// part appends the part of a message that is its words: all that are said, or none yet.
func (p *Response) part(m *members, i int, text string) {
	m.b = append(m.b, `{"type":"output_text","text":`...)
	m.b = append(appendQuoted(m.b, text), `,"annotations":[]`...)
	said := 0
	if text != "" {
		said = p.r.OutputTokens
	}
	p.logprobs(m, i, 0, said, true)
	m.b = append(m.b, '}')
}

// logprobs appends the member of the log probabilities of what an item has of the tokens from to to-1. The tokens' bytes
// stand in a part, and not in events about it.
func (p *Response) logprobs(m *members, i, from, to int, raw bool) {
	m.raw("logprobs", "[")
	if p.r.Logprobs {
		if p.r.Script != nil {
			it := &p.r.Script.items[i]
			from, to = max(from, it.from), min(to, it.from+len(it.ends))
		}
		m.b = p.r.appendEntries(m.b, 0, from, to, raw)
	}
	m.b = append(m.b, ']')
}

// summaryTokens is how long a summary of the thought is, where one is asked for.
const summaryTokens = 16

func (p *Response) summary() string {
	if p.form.Asked.Response.Summary == "" {
		return ""
	}
	return string(AppendProse(nil, p.r.Key+golden, summaryTokens))
}

// thought appends the item of what the model thought, as it is at the end or before.
func (p *Response) thought(m *members, over bool) {
	m.b = append(m.b, '{')
	p.itemID(m, "id", "rs_", 0)
	m.raw("type", `"reasoning"`)
	m.raw("summary", "[")
	if text := p.summary(); text != "" && over {
		m.b = append(m.b, `{"type":"summary_text","text":`...)
		m.b = append(appendQuoted(m.b, text), '}')
	}
	m.b = append(m.b, ']')
	if p.form.Asked.Response.Encrypted {
		m.text("encrypted_content", Sealed(p.form.ID, p.r.ReasoningTokens))
	}
	m.b = append(m.b, '}')
}

// maxSealed bounds a sealed text, in bytes before base64.
const maxSealed = 3 << 10

// Sealed returns a text that stands for what nobody but the service can read, longer for more tokens: base64 for URLs
// that begins as the service's do.
func Sealed(key uint64, tokens int) string {
	raw := []byte{0x80, 0, 0, 0, 0}
	for k := uint64(0); len(raw) < min(64+2*tokens, maxSealed); k++ {
		raw = binary.BigEndian.AppendUint64(raw, mix(key+golden*(k+1)))
	}
	return base64.URLEncoding.EncodeToString(raw)
}
