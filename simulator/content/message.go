package content

import (
	"strconv"

	"foundrylab/internal/ops"
)

// Message is the Writer of Anthropic's messages operation. Made-up words are one block of text; a script has a block for
// each of its texts and calls.
type Message struct{ r Reply }

// NewMessage prepares an answer of one choice.
func NewMessage(r Reply) *Message {
	r.normalize()
	return &Message{r}
}

// AppendMessageID appends a message's id: msg_ and 24 base-62 characters.
func AppendMessageID(dst []byte, key uint64) []byte {
	return append(append(dst, "msg_"...), AppendID(nil, key)[:24]...)
}

func (m *Message) stopReason() string {
	switch m.r.Finish {
	case ops.FinishLength:
		return "max_tokens"
	case ops.FinishToolCalls:
		return "tool_use"
	case ops.FinishContentFilter:
		return "refusal"
	}
	if m.r.StopSequence != "" {
		return "stop_sequence"
	}
	return "end_turn"
}

// appendStopped appends what ended the message, after the quote of its stop_reason.
func (m *Message) appendStopped(dst []byte) []byte {
	dst = append(append(dst, m.stopReason()...), `","stop_sequence":`...)
	if m.r.Finish != ops.FinishStop {
		return append(dst, "null"...)
	}
	return appendOrNull(dst, m.r.StopSequence)
}

// appendStart appends a message's members up to its content.
func (m *Message) appendStart(dst []byte) []byte {
	dst = append(dst, `{"model":`...)
	dst = appendQuoted(dst, m.r.Model)
	dst = append(dst, `,"id":"`...)
	dst = AppendMessageID(dst, m.r.Key)
	return append(dst, `","type":"message","role":"assistant","content":[`...)
}

func (m *Message) appendUsage(dst []byte, output int) []byte {
	dst = append(dst, `{"input_tokens":`...)
	dst = strconv.AppendInt(dst, int64(m.r.PromptTokens-m.r.CachedTokens), 10)
	dst = append(dst, `,"cache_creation_input_tokens":0,"cache_read_input_tokens":`...)
	dst = strconv.AppendInt(dst, int64(m.r.CachedTokens), 10)
	dst = append(dst, `,"output_tokens":`...)
	dst = strconv.AppendInt(dst, int64(output), 10)
	return append(dst, '}')
}

// AppendBody implements Writer.
func (m *Message) AppendBody(dst []byte) []byte {
	dst = m.appendStart(dst)
	if m.r.Script == nil {
		dst = append(dst, `{"type":"text","text":"`...)
		dst = m.r.appendText(dst, 0, 0, m.r.OutputTokens)
		dst = append(dst, `"}`...)
	} else {
		dst = m.appendBlocks(dst)
	}
	dst = append(dst, `],"stop_reason":"`...)
	dst = append(m.appendStopped(dst), `,"usage":`...)
	dst = m.appendUsage(dst, m.r.billed())
	return append(dst, '}')
}

// appendBlocks appends the blocks of a script. A call that max_tokens cut has no input yet, as it would be no JSON.
func (m *Message) appendBlocks(dst []byte) []byte {
	for i := range m.r.Script.items {
		it := &m.r.Script.items[i]
		if !it.begun(m.r.OutputTokens) {
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		text := it.part(0, m.r.OutputTokens)
		dst = it.appendBlock(dst, text)
	}
	return dst
}

// appendBlock appends a whole block, with so much of its text.
func (it *item) appendBlock(dst []byte, text string) []byte {
	if !it.call {
		dst = append(dst, `{"type":"text","text":`...)
		return append(appendQuoted(dst, text), '}')
	}
	dst = append(dst, `{"type":"tool_use","id":`...)
	dst = appendQuoted(dst, it.id)
	dst = append(dst, `,"name":`...)
	dst = appendQuoted(dst, it.name)
	dst = append(dst, `,"input":`...)
	if len(text) < len(it.text) {
		text = "{}"
	}
	return append(append(dst, text...), '}')
}

func event(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	return append(dst, '"')
}

const endEvent = "}\n\n"

// AppendHead implements Writer.
func (m *Message) AppendHead(dst []byte) []byte {
	dst = append(event(dst, "message_start"), `,"message":`...)
	dst = append(m.appendStart(dst), `],"stop_reason":null,"stop_sequence":null,"usage":`...)
	return append(m.appendUsage(dst, 1), "}"+endEvent...)
}

// AppendOpen implements Writer. A script opens its blocks as it comes to them.
func (m *Message) AppendOpen(dst []byte) []byte {
	if m.r.Script != nil {
		return dst
	}
	dst = append(event(dst, "content_block_start"), `,"index":0,"content_block":{"type":"text","text":""}`+endEvent...)
	return appendPing(dst)
}

// appendPing appends what follows the start of the first block.
func appendPing(dst []byte) []byte { return append(event(dst, "ping"), endEvent...) }

// AppendTokens implements Writer.
func (m *Message) AppendTokens(dst []byte, from, to int) []byte {
	if m.r.Script == nil {
		dst = append(event(dst, "content_block_delta"), `,"index":0,"delta":{"type":"text_delta","text":"`...)
		dst = m.r.appendText(dst, 0, from, to)
		return append(dst, `"}`+endEvent...)
	}
	for i := range m.r.Script.items {
		it := &m.r.Script.items[i]
		end := it.from + len(it.ends)
		if it.from >= to || end <= from {
			continue
		}
		if from <= it.from {
			dst = append(event(dst, "content_block_start"), `,"index":`...)
			dst = append(strconv.AppendInt(dst, int64(i), 10), `,"content_block":`...)
			dst = append(it.appendBlock(dst, ""), endEvent...)
			if i == 0 {
				dst = appendPing(dst)
			}
		}
		dst = it.appendDelta(dst, i, it.part(from, to))
		if end <= to {
			dst = appendStop(dst, i)
		}
	}
	return dst
}

func (it *item) appendDelta(dst []byte, index int, part string) []byte {
	if part == "" {
		return dst
	}
	dst = append(event(dst, "content_block_delta"), `,"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	if it.call {
		dst = append(dst, `,"delta":{"type":"input_json_delta","partial_json":`...)
	} else {
		dst = append(dst, `,"delta":{"type":"text_delta","text":`...)
	}
	return append(appendQuoted(dst, part), "}"+endEvent...)
}

func appendStop(dst []byte, index int) []byte {
	dst = append(event(dst, "content_block_stop"), `,"index":`...)
	return append(strconv.AppendInt(dst, int64(index), 10), endEvent...)
}

// AppendClose implements Writer. It closes the block that max_tokens left open.
func (m *Message) AppendClose(dst []byte) []byte {
	if m.r.Script == nil {
		dst = appendStop(dst, 0)
	} else {
		for i := range m.r.Script.items {
			it := &m.r.Script.items[i]
			if it.from < m.r.OutputTokens && m.r.OutputTokens < it.from+len(it.ends) {
				dst = appendStop(dst, i)
			}
		}
	}
	dst = append(event(dst, "message_delta"), `,"delta":{"stop_reason":"`...)
	dst = append(m.appendStopped(dst), `},"usage":`...)
	dst = append(m.appendUsage(dst, m.r.billed()), endEvent...)
	return append(event(dst, "message_stop"), endEvent...)
}

// AppendError implements Writer.
func (m *Message) AppendError(dst []byte, e Answer) []byte {
	e = Anthropic(e, "")
	dst = append(append(dst, "event: error\ndata: "...), e.Body...)
	return append(dst, "\n\n"...)
}

// AppendBroken implements Writer.
func (m *Message) AppendBroken(dst []byte) []byte {
	return append(dst, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n"...)
}
