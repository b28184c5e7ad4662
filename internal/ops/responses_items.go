package ops

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Item is one item of a Responses request's input.
type Item struct {
	Kind    string  // its type
	ID      string  // its own, "" for none
	JSON    []byte  // with a type, and with a list of parts where a message's content was one text
	Message Message // what it adds to the prompt; a Role of "" adds nothing
}

// items reads the input: a text, or a list of items.
func (r *reader) items(p *Peeked, body []byte) {
	p.PartChars, p.Response.Items, p.AfterTool = nil, nil, false
	if r.err == nil && r.dec.PeekKind() == '"' {
		text := r.text(place{name: "input"})
		p.PartChars = []int{characters(text)}
		p.Response.Items = []Item{plainItem("user", text)}
		return
	}
	r.enter('[', place{name: "input"})
	for i := 1; r.more(']'); i++ {
		from := r.dec.InputOffset()
		it, typed := r.item(p, i)
		if r.err == nil && it.JSON == nil {
			it.JSON = bytes.Clone(bytes.TrimLeft(body[from:r.dec.InputOffset()], " \t\r\n,"))
			if !typed {
				it.JSON = append([]byte(`{"type":"message",`), it.JSON[1:]...)
			}
		}
		p.Response.Items = append(p.Response.Items, it)
		p.AfterTool = it.Kind == "function_call_output"
	}
}

// item reads item i, counted from 1, and notes its parts in p.
func (r *reader) item(p *Peeked, i int) (it Item, typed bool) {
	var m Message
	parts, plain, called := len(p.PartChars), false, ""
	r.enter('{', place{message: i})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"type"`:
			typed = true
			it.Kind = r.text(place{i, 0, "type"})
		case `"id"`:
			if !r.null() {
				it.ID = r.text(place{i, 0, "id"})
			}
		case `"role"`:
			m.Role = r.text(place{i, 0, "role"})
		case `"content"`:
			p.PartChars, plain = p.PartChars[:parts], r.err == nil && r.dec.PeekKind() == '"'
			m.Text = r.content(p, i, "content")
		case `"name"`:
			called = r.text(place{i, 0, "name"}) + called
		case `"arguments"`:
			called += r.text(place{i, 0, "arguments"})
		case `"output"`:
			m.Text = r.content(p, i, "output")
		default:
			r.skip()
		}
	}
	if it.Kind == "" {
		it.Kind = "message"
	}
	switch it.Kind {
	case "message":
		if m.Role == "" {
			r.missing(place{i, 0, "role"})
		}
		if plain {
			it = plainItem(m.Role, m.Text)
		}
	case "function_call":
		m.Role, m.Text = "assistant", called
		p.PartChars = append(p.PartChars[:parts], characters(called))
	case "function_call_output":
		m.Role = "tool"
	default: // what the service keeps to itself: reasoning, references, compacted contexts, calls of its own tools
		p.PartChars, m = p.PartChars[:parts], Message{}
	}
	it.Message = m
	return it, typed
}

// plainItem is the message of a text that was given instead of parts.
func plainItem(role, text string) Item {
	kind := "input_text"
	if role == "assistant" {
		kind = "output_text"
	}
	b, _ := jsontext.AppendQuote([]byte(`{"type":"message","status":"completed","role":`), role)
	b = append(append(b, `,"content":[{"type":"`...), kind...)
	b, _ = jsontext.AppendQuote(append(b, `","text":`...), text)
	if role == "assistant" {
		b = append(b, `,"annotations":[],"logprobs":[]`...)
	}
	return Item{Kind: "message", JSON: append(b, "}]}"...), Message: Message{Role: role, Text: text}}
}
