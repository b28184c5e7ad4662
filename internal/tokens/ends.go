package tokens

// AppendEnds appends where each token of a text ends, in bytes; as many as Count counts. The text must be valid UTF-8. A
// token may end within a character.
func (e *Encoding) AppendEnds(dst []int, text string) []int {
	var m merger
	for at := 0; at < len(text); {
		end := e.split(e.classes, text, at)
		if e.piece(text, at, end) == 1 {
			dst = append(dst, end)
			at = end
			continue
		}
		m.merge(e.vocab, text[at:end])
		for part := 0; part < end-at; part = int(m.next[part]) {
			dst = append(dst, at+int(m.next[part]))
		}
		at = end
	}
	return dst
}
