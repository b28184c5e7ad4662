package content

// open begins an event, with its type and its number; shut ends it.
func (p *Response) open(dst []byte, kind string) members {
	m := members{append(append(append(dst, "event: "...), kind...), "\ndata: {"...)}
	m.text("type", kind)
	m.int("sequence_number", p.seq)
	p.seq++
	return m
}

// shut ends an event that was begun after dst, which stays as it is where the event is to be skipped.
func (p *Response) shut(dst []byte, m members) []byte {
	if p.seq <= p.form.Skip {
		return dst
	}
	return append(m.b, endEvent...)
}

// wholeEvent appends an event that has the response.
func (p *Response) wholeEvent(dst []byte, kind, state string) []byte {
	m := p.open(dst, kind)
	m.name("response")
	m.b = p.AppendObject(m.b, state)
	return p.shut(dst, m)
}

// AppendHead implements Writer.
func (p *Response) AppendHead(dst []byte) []byte {
	if p.form.Asked.Response.Background {
		dst = p.wholeEvent(dst, "response.created", ResponseQueued)
		dst = p.wholeEvent(dst, "response.queued", ResponseQueued)
	} else {
		dst = p.wholeEvent(dst, "response.created", ResponseInProgress)
	}
	dst = p.wholeEvent(dst, "response.in_progress", ResponseInProgress)
	if p.thinks() {
		dst = p.thoughtEvent(dst, "response.output_item.added", false)
	}
	return dst
}

func (p *Response) thoughtEvent(dst []byte, kind string, over bool) []byte {
	m := p.open(dst, kind)
	m.int("output_index", 0)
	m.name("item")
	p.thought(&m, over)
	return p.shut(dst, m)
}

// AppendOpen implements Writer. A script opens its items as it comes to them.
func (p *Response) AppendOpen(dst []byte) []byte {
	if p.thinks() {
		if text := p.summary(); text != "" {
			dst = p.summaryEvents(dst, text)
		}
		dst = p.thoughtEvent(dst, "response.output_item.done", true)
	}
	if p.r.Script == nil && p.items() > 0 {
		dst = p.openItem(dst, 0)
	}
	return dst
}

func (p *Response) summaryEvents(dst []byte, text string) []byte {
	for _, e := range [...]struct{ kind, member string }{{"part.added", "part"}, {"text.delta", "delta"}, {"text.done", "text"}, {"part.done", "part"}} {
		m := p.open(dst, "response.reasoning_summary_"+e.kind)
		p.itemID(&m, "item_id", "rs_", 0)
		m.int("output_index", 0)
		m.int("summary_index", 0)
		switch {
		case e.member != "part":
			m.text(e.member, text)
		default:
			m.raw("part", `{"type":"summary_text"`)
			if e.kind == "part.added" {
				m.text("text", "")
			} else {
				m.text("text", text)
			}
			m.b = append(m.b, '}')
		}
		dst = p.shut(dst, m)
	}
	return dst
}

// openItem appends the events that open an item.
func (p *Response) openItem(dst []byte, i int) []byte {
	m := p.open(dst, "response.output_item.added")
	m.int("output_index", p.place(i))
	m.name("item")
	p.item(&m, i, ResponseInProgress, "")
	dst = p.shut(dst, m)
	if p.call(i) != nil {
		return dst
	}
	m = p.within(dst, "response.content_part.added", i)
	m.name("part")
	p.part(&m, i, "")
	return p.shut(dst, m)
}

// within begins an event about what is in an item.
func (p *Response) within(dst []byte, kind string, i int) members {
	m := p.open(dst, kind)
	p.id(&m, "item_id", i)
	m.int("output_index", p.place(i))
	if p.call(i) == nil {
		m.int("content_index", 0)
	}
	return m
}

// closeItem appends the events that close an item, cut short or not.
func (p *Response) closeItem(dst []byte, i int) []byte {
	text, state := p.said(i), ResponseCompleted
	if !p.whole(i) {
		state = ResponseIncomplete
	}
	if it := p.call(i); it != nil {
		m := p.within(dst, "response.function_call_arguments.done", i)
		m.text("name", it.name)
		m.text("arguments", text)
		dst = p.shut(dst, m)
	} else {
		m := p.within(dst, "response.output_text.done", i)
		m.text("text", text)
		p.logprobs(&m, i, 0, p.r.OutputTokens, false)
		dst = p.shut(dst, m)
		m = p.within(dst, "response.content_part.done", i)
		m.name("part")
		p.part(&m, i, text)
		dst = p.shut(dst, m)
	}
	m := p.open(dst, "response.output_item.done")
	m.int("output_index", p.place(i))
	m.name("item")
	p.item(&m, i, state, text)
	return p.shut(dst, m)
}

// AppendTokens implements Writer.
func (p *Response) AppendTokens(dst []byte, from, to int) []byte {
	if p.r.Script == nil {
		m := p.within(dst, "response.output_text.delta", 0)
		m.name("delta")
		m.b = append(m.b, '"')
		m.b = append(p.r.appendText(m.b, 0, from, to), '"')
		return p.closeDelta(dst, m, 0, from, to)
	}
	for i := range p.r.Script.items {
		it := &p.r.Script.items[i]
		end := it.from + len(it.ends)
		if it.from >= to || end <= from {
			continue
		}
		if from <= it.from {
			dst = p.openItem(dst, i)
		}
		if part := it.part(from, to); part != "" {
			kind := "response.output_text.delta"
			if it.call {
				kind = "response.function_call_arguments.delta"
			}
			m := p.within(dst, kind, i)
			m.text("delta", part)
			dst = p.closeDelta(dst, m, i, from, to)
		}
		if end <= to {
			dst = p.closeItem(dst, i)
		}
	}
	return dst
}

// closeDelta ends the event of a delta, padded so that its length says nothing of it.
func (p *Response) closeDelta(dst []byte, m members, i, from, to int) []byte {
	if p.call(i) == nil {
		p.logprobs(&m, i, from, to, false)
	}
	if p.r.Obfuscation {
		m.name("obfuscation")
		m.b = append(m.b, '"')
		m.b = append(appendPadding(m.b, mix(p.r.Key^uint64(int64(from)))), '"')
	}
	return p.shut(dst, m)
}

// AppendClose implements Writer. It closes the item that is still open.
func (p *Response) AppendClose(dst []byte) []byte {
	for i := range p.items() {
		if p.r.Script == nil || !p.closed(i) {
			dst = p.closeItem(dst, i)
		}
	}
	return p.wholeEvent(dst, "response."+p.State(), p.State())
}

// AppendError implements Writer: the event of the error, and the response that failed of it.
func (p *Response) AppendError(dst []byte, e Answer) []byte {
	m := p.open(dst, "error")
	m.raw("code", `"server_error"`)
	m.text("message", message(e))
	m.raw("param", "null")
	return p.wholeEvent(p.shut(dst, m), "response.failed", ResponseFailed)
}

// AppendBroken implements Writer.
func (p *Response) AppendBroken(dst []byte) []byte {
	return append(dst, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequ\n\n"...)
}
