package render

import (
	"bytes"
	"encoding/json"
	"fmt"

	"foundrylab/internal/record"
)

// JSON writes report.json: one value a line, two blanks a level, arrays of
// plain values on one line, so that a change is a short diff. Equal results
// give equal bytes, and compare.Load reads them back; only broken UTF-8 in a
// name comes back as U+FFFD.
func JSON(r *record.Result) ([]byte, error) {
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encoding the report: %w", err)
	}
	return layout(make([]byte, 0, 2*compact.Len()), compact.Bytes()), nil
}

// layout spreads compact, valid JSON over lines.
func layout(dst, src []byte) []byte {
	depth, flat := 0, -1 // flat: the depth of the array that stays on its line
	newline := func() {
		dst = append(dst, '\n')
		for range depth {
			dst = append(dst, ' ', ' ')
		}
	}
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '"':
			end := stringEnd(src, i)
			dst = append(dst, src[i:end]...)
			i = end - 1
		case '{', '[':
			depth++
			dst = append(dst, c)
			switch {
			case c == '[' && plainArray(src[i+1:]):
				flat = depth
			case src[i+1] != '}':
				newline()
			}
		case '}', ']':
			depth--
			if flat <= depth && src[i-1] != '{' {
				newline()
			}
			flat = -1
			dst = append(dst, c)
		case ',':
			dst = append(dst, c)
			if flat < 0 {
				newline()
			}
		case ':':
			dst = append(dst, ':', ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// plainArray tells whether the array that begins before src holds no array,
// object or string.
func plainArray(src []byte) bool {
	for _, c := range src {
		switch c {
		case ']':
			return true
		case '[', '{', '"':
			return false
		}
	}
	return false
}

// stringEnd is the index after the string that begins at src[i].
func stringEnd(src []byte, i int) int {
	for i++; src[i] != '"'; i++ {
		if src[i] == '\\' {
			i++
		}
	}
	return i + 1
}
