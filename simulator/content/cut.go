package content

// Prose is so many tokens of made-up words as a Script, for who must know them before they are said.
func Prose(key uint64, tokens int) *Script {
	var text []byte
	ends := make([]int, tokens)
	for k := range tokens {
		text = appendToken(text, key, k, false)
		ends[k] = len(text)
	}
	s := new(Script)
	s.AddText(string(text), ends)
	return s
}

// Text returns all that is said, without calls.
func (s *Script) Text() string { return s.text(0, s.total) }

// Cut returns the first so many tokens as a whole script: of a call that is cut there is nothing.
func (s *Script) Cut(tokens int) *Script {
	if tokens >= s.total {
		return s
	}
	short := new(Script)
	for _, it := range s.items {
		n := min(len(it.ends), tokens-it.from)
		if n <= 0 || it.call && n < len(it.ends) {
			break
		}
		if it.ends = it.ends[:n]; !it.call {
			it.text = it.text[:it.ends[n-1]]
		} else {
			short.calls++
		}
		short.items, short.total = append(short.items, it), it.from+n
	}
	return short
}

// Before returns what is said before a byte of Text: the token that has it is cut.
func (s *Script) Before(at int) *Script {
	short := new(Script)
	for _, it := range s.items {
		if !it.call && at < len(it.text) {
			n := it.tokenAt(at)
			if at == 0 || n > 0 && it.ends[n-1] == at { // between two tokens
				return s.Cut(it.from + n)
			}
			it.ends = append(append([]int(nil), it.ends[:n]...), at)
			it.text = it.text[:at]
			short.items, short.total = append(short.items, it), it.from+n+1
			return short
		}
		if it.call {
			short.calls++
		} else {
			at -= len(it.text)
		}
		short.items, short.total = append(short.items, it), it.from+len(it.ends)
	}
	return s
}

// tokenAt returns the token that has a byte of the item.
func (it *item) tokenAt(at int) (k int) {
	for k < len(it.ends) && it.ends[k] <= at {
		k++
	}
	return k
}

// TokenAt returns the token, of all, that has a byte of Text.
func (s *Script) TokenAt(at int) int {
	for i := range s.items {
		it := &s.items[i]
		if it.call {
			continue
		}
		if at < len(it.text) {
			return it.from + it.tokenAt(at)
		}
		at -= len(it.text)
	}
	return s.total
}

// ByteAt returns where in Text a token begins.
func (s *Script) ByteAt(token int) int { return len(s.text(0, token)) }
