package content

import (
	"strconv"

	"foundrylab/internal/ops"
)

// Script is what an answer says where its words are given and not made up: texts and tool calls, one after the other,
// each in tokens. Immutable once built; safe for concurrent use.
type Script struct {
	items []item
	total int // tokens
	calls int
}

type item struct {
	call     bool
	name, id string // of a call
	text     string // said, or the arguments of a call
	ends     []int  // of its tokens, in bytes; no token ends within a character
	from     int    // tokens of the items before it
	index    int    // of a call among the calls
}

// AddText appends a text. ends are where its tokens end, in bytes, the last at its length.
func (s *Script) AddText(text string, ends []int) {
	s.add(item{text: text, ends: whole(text, ends)})
}

// AddCall appends a tool call with its arguments, a JSON text. What a call costs beside them is tokens that end at 0.
func (s *Script) AddCall(name, id, arguments string, ends []int) {
	s.add(item{call: true, name: name, id: id, text: arguments, ends: whole(arguments, ends), index: s.calls})
	s.calls++
}

func (s *Script) add(it item) {
	it.from = s.total
	s.total += len(it.ends)
	s.items = append(s.items, it)
}

// whole moves the ends that lie within a character to where that character began, as a decoder that waits for the rest
// of it does.
func whole(text string, ends []int) []int {
	moved := make([]int, len(ends))
	for k, end := range ends {
		for end < len(text) && end > 0 && text[end]&0xC0 == 0x80 {
			end--
		}
		moved[k] = end
	}
	return moved
}

// Tokens returns the length of all there is to say.
func (s *Script) Tokens() int { return s.total }

// Calls reports whether a tool is called.
func (s *Script) Calls() bool { return s.calls > 0 }

// wordless reports whether there is nothing but calls.
func (s *Script) wordless() bool {
	if s == nil || s.calls == 0 {
		return false
	}
	for i := range s.items {
		if !s.items[i].call {
			return false
		}
	}
	return true
}

// part returns the bytes of an item that its tokens from to to-1, counted within the script, are.
func (it *item) part(from, to int) string {
	from, to = max(from-it.from, 0), min(to-it.from, len(it.ends))
	if from >= to {
		return ""
	}
	start := 0
	if from > 0 {
		start = it.ends[from-1]
	}
	return it.text[start:it.ends[to-1]]
}

// text returns what is said by the tokens from to to-1, without calls.
func (s *Script) text(from, to int) (said string) {
	for i := range s.items {
		if it := &s.items[i]; !it.call {
			said += it.part(from, to)
		}
	}
	return said
}

// begun reports whether an answer of so many tokens comes to the item at all.
func (it *item) begun(tokens int) bool { return it.from < tokens || tokens == it.from+len(it.ends) }

// appendMessage appends content and tool_calls of a whole message of so many tokens.
func (s *Script) appendMessage(dst []byte, tokens int) []byte {
	said, text := false, ""
	for i := range s.items {
		if it := &s.items[i]; !it.call {
			said = true
			text += it.part(0, tokens)
		}
	}
	dst = append(dst, `"content":`...)
	if said || s.calls == 0 {
		dst = appendQuoted(dst, text)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"refusal":null,"role":"assistant"`...)
	calls := 0
	for i := range s.items {
		it := &s.items[i]
		if !it.call || !it.begun(tokens) {
			continue
		}
		if calls++; calls == 1 {
			dst = append(dst, `,"tool_calls":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"function":{"arguments":`...)
		dst = appendQuoted(dst, it.part(0, tokens))
		dst = append(dst, `,"name":`...)
		dst = appendQuoted(dst, it.name)
		dst = append(dst, `},"id":`...)
		dst = appendQuoted(dst, it.id)
		dst = append(dst, `,"type":"function"}`...)
	}
	if calls > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// appendDeltas calls event for each delta of the tokens from to to-1. A call begins with its name, and then come its
// arguments.
func (s *Script) appendDeltas(dst []byte, from, to int, event func(dst, delta []byte, words bool) []byte) []byte {
	var delta []byte
	for i := range s.items {
		it := &s.items[i]
		part := it.part(from, to)
		if it.call && from <= it.from && it.from < max(to, from+1) && it.begun(to) {
			delta = append(delta[:0], `{"tool_calls":[{"function":{"arguments":"","name":`...)
			delta = appendQuoted(delta, it.name)
			delta = append(delta, `},"id":`...)
			delta = appendQuoted(delta, it.id)
			delta = append(delta, `,"index":`...)
			delta = strconv.AppendInt(delta, int64(it.index), 10)
			delta = append(delta, `,"type":"function"}]}`...)
			dst = event(dst, delta, false)
		}
		if part == "" {
			continue
		}
		if it.call {
			delta = append(delta[:0], `{"tool_calls":[{"function":{"arguments":`...)
			delta = appendQuoted(delta, part)
			delta = append(delta, `},"index":`...)
			delta = strconv.AppendInt(delta, int64(it.index), 10)
			delta = append(delta, `}]}`...)
		} else {
			delta = append(delta[:0], `{"content":`...)
			delta = appendQuoted(delta, part)
			delta = append(delta, '}')
		}
		dst = event(dst, delta, !it.call)
	}
	return dst
}

// finish is the natural end of a script.
func (s *Script) finish() ops.FinishReason {
	if s.calls > 0 {
		return ops.FinishToolCalls
	}
	return ops.FinishStop
}
