package ops

import (
	"fmt"
	"strings"
)

// PrefixMarker is what a generated prompt says about the beginning that it shares with others. It stands at the start of
// the system message that is this beginning, so it reaches a prompt cache as part of what is cached:
//
//	[fl x=012345678900000000001 s=000002048]
//
// Like a Marker it has the same number of characters and of tokens for every request.
type PrefixMarker struct {
	Name   uint64 // of the prefix: equal where it is the same text
	Tokens int    // of the whole message by the chat rule, 0 to MaxMarkerCount
}

// PrefixMarkerChars are the characters (= bytes) of every prefix marker.
const PrefixMarkerChars = len("[fl x=##################### s=#########]")

const (
	nameAt   = len("[fl x=")
	sharedAt = nameAt + keyWidth + len(" s=")
)

// AppendPrefixMarker appends the marker. It panics when Tokens is out of its range.
func AppendPrefixMarker(dst []byte, m PrefixMarker) []byte {
	if m.Tokens < 0 || m.Tokens > MaxMarkerCount {
		panic(fmt.Sprintf("ops: prefix marker out of range: %+v", m))
	}
	dst = append(dst, "[fl x="...)
	dst = appendFixed(dst, m.Name, keyWidth)
	dst = append(dst, " s="...)
	dst = appendFixed(dst, uint64(m.Tokens), countWidth)
	return append(dst, ']')
}

// ParsePrefixMarker reads the marker at the start of a message's text. ok is false when there is none, or a broken one.
func ParsePrefixMarker(text string) (m PrefixMarker, ok bool) {
	if len(text) < PrefixMarkerChars || !strings.HasPrefix(text, "[fl x=") || text[sharedAt-3:sharedAt] != " s=" || text[PrefixMarkerChars-1] != ']' {
		return PrefixMarker{}, false
	}
	name, okName := fixed(text[nameAt : nameAt+keyWidth])
	shared, okShared := fixed(text[sharedAt : sharedAt+countWidth])
	if !okName || !okShared {
		return PrefixMarker{}, false
	}
	return PrefixMarker{Name: name, Tokens: int(shared)}, true
}

// PrefixMarker returns the marker that starts the first message: only what stands first is the same for others.
func (p *Peeked) PrefixMarker() (PrefixMarker, bool) {
	if len(p.Messages) == 0 {
		return PrefixMarker{}, false
	}
	return ParsePrefixMarker(p.Messages[0].Text)
}
