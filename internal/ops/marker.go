package ops

import (
	"fmt"
	"strconv"
	"strings"
)

// Marker is what a generated prompt says about itself. It stands at the start of the user's text, so that it
// survives any gateway that strips headers:
//
//	[fl k=000000081985529216486 t=000 o=000210 p=000001234 c=000006092]
//
// Every field is decimal with a fixed width that is a multiple of three, because o200k_base and cl100k_base cut
// digits into groups of three and know each group as one token: so the marker has the same number of characters
// and of tokens for every request.
type Marker struct {
	Key    uint64 // request key
	Try    int    // which sending of the request by its client this is, from 0, to MaxMarkerTry
	Output int    // wanted output length, tokens, 0 to MaxMarkerOutput
	Prompt int    // prompt tokens of the whole request by the chat rule, 0 to MaxMarkerCount
	Chars  int    // characters of all messages' text, 0 to MaxMarkerCount
}

// Sizes of a marker.
const (
	MarkerChars     = len(markerShape) // characters (= bytes) of every marker
	MaxMarkerTry    = 999              // largest Try
	MaxMarkerOutput = 999_999          // largest Output, tokens
	MaxMarkerCount  = 999_999_999      // largest Prompt (tokens) and Chars
)

// markerShape shows where the fields stand; the offsets below are taken from it.
const markerShape = "[fl k=##################### t=### o=###### p=######### c=#########]"

const (
	keyWidth, tryWidth, outputWidth, countWidth = 21, 3, 6, 9

	keyAt    = len("[fl k=")
	tryAt    = keyAt + keyWidth + len(" t=")
	outputAt = tryAt + tryWidth + len(" o=")
	promptAt = outputAt + outputWidth + len(" p=")
	charsAt  = promptAt + countWidth + len(" c=")
)

// AppendMarker appends the marker. It panics when a field is out of its range: the caller must have checked the plan.
func AppendMarker(dst []byte, m Marker) []byte {
	if m.Try < 0 || m.Try > MaxMarkerTry || m.Output < 0 || m.Output > MaxMarkerOutput || m.Prompt < 0 || m.Prompt > MaxMarkerCount || m.Chars < 0 || m.Chars > MaxMarkerCount {
		panic(fmt.Sprintf("ops: marker out of range: %+v", m))
	}
	dst = append(dst, "[fl k="...)
	dst = appendFixed(dst, m.Key, keyWidth)
	dst = append(dst, " t="...)
	dst = appendFixed(dst, uint64(m.Try), tryWidth)
	dst = append(dst, " o="...)
	dst = appendFixed(dst, uint64(m.Output), outputWidth)
	dst = append(dst, " p="...)
	dst = appendFixed(dst, uint64(m.Prompt), countWidth)
	dst = append(dst, " c="...)
	dst = appendFixed(dst, uint64(m.Chars), countWidth)
	return append(dst, ']')
}

// ParseMarker reads the marker at the start of a message's text. ok is false when there is none, or a broken one.
func ParseMarker(text string) (m Marker, ok bool) {
	if len(text) < MarkerChars || !strings.HasPrefix(text, "[fl k=") || text[MarkerChars-1] != ']' ||
		text[tryAt-3:tryAt] != " t=" || text[outputAt-3:outputAt] != " o=" || text[promptAt-3:promptAt] != " p=" || text[charsAt-3:charsAt] != " c=" {
		return Marker{}, false
	}
	key, okKey := fixed(text[keyAt : keyAt+keyWidth])
	try, okTry := fixed(text[tryAt : tryAt+tryWidth])
	output, okOutput := fixed(text[outputAt : outputAt+outputWidth])
	prompt, okPrompt := fixed(text[promptAt : promptAt+countWidth])
	chars, okChars := fixed(text[charsAt : charsAt+countWidth])
	if !okKey || !okTry || !okOutput || !okPrompt || !okChars {
		return Marker{}, false
	}
	return Marker{Key: key, Try: int(try), Output: int(output), Prompt: int(prompt), Chars: int(chars)}, true
}

// Marker returns the first marker that starts the text of any message, or input. A gateway's own system prompt may precede it.
func (p *Peeked) Marker() (Marker, bool) {
	for i := range p.Messages {
		if m, ok := ParseMarker(p.Messages[i].Text); ok {
			return m, true
		}
	}
	for i := range p.Inputs {
		if m, ok := ParseMarker(p.Inputs[i].Text); ok {
			return m, true
		}
	}
	return Marker{}, false
}

// appendFixed appends v in decimal with leading zeros.
func appendFixed(dst []byte, v uint64, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}

// fixed reads decimal digits and nothing else; ok is false when they do not fit 64 bits.
func fixed(digits string) (v uint64, ok bool) {
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(digits, 10, 64)
	return v, err == nil
}
