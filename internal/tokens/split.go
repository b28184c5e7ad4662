package tokens

import (
	"math/bits"
	"unicode/utf8"
)

// A splitter returns where the piece of text that begins at text[at] ends. Text is valid UTF-8 and at < len(text). Each
// is a vocabulary's regular expression by hand: its alternatives in order, the first that matches counts, and each
// takes what a backtracking matcher would leave it.
type splitter func(t *classes, text string, at int) int

// splitO200K:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	\p{N}{1,3}
//	 ?[^\s\p{L}\p{N}]+[\r\n/]*
//	\s*[\r\n]+
//	\s+(?!\S)
//	\s+
func splitO200K(t *classes, text string, at int) int {
	if end := t.plain(text, at); end > at {
		return end
	}
	first, n := t.at(text, at)
	if first&(number|newline) == 0 {
		from := at
		if first&letter == 0 {
			from += n // before the word
		}
		end, small := t.word(text, from)
		if !small && first&letter == 0 && first&lower != 0 {
			end = from // a mark before a word without small letters is a word of its own: the first alternative again, without a character in front
		}
		if end > at && (end > from || first&lower != 0) {
			return contraction(text, end, 0x20)
		}
	}
	if first&number != 0 {
		return t.digits(text, at+n)
	}
	if end := t.signs(text, at); end > at {
		return t.run(text, end, newline|slash)
	}
	return t.spaces(text, at, true)
}

// splitCL100K:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)
//	[^\r\n\p{L}\p{N}]?\p{L}+
//	\p{N}{1,3}
//	 ?[^\s\p{L}\p{N}]+[\r\n]*
//	\s*[\r\n]+
//	\s+(?!\S)
//	\s+
func splitCL100K(t *classes, text string, at int) int {
	if end := t.plain(text, at); end > at {
		return end
	}
	if end := contraction(text, at, 0x20); end > at {
		return end
	}
	first, n := t.at(text, at)
	if first&(number|newline) == 0 {
		if end := t.run(text, at+n, letter); end > at+n || first&letter != 0 {
			return end
		}
	}
	if first&number != 0 {
		return t.digits(text, at+n)
	}
	if end := t.signs(text, at); end > at {
		return t.run(text, end, newline)
	}
	return t.spaces(text, at, true)
}

// splitP50K, which r50k_base has as well:
//
//	's|'t|'re|'ve|'m|'ll|'d
//	 ?\p{L}+
//	 ?\p{N}+
//	 ?[^\s\p{L}\p{N}]+
//	\s+(?!\S)
//	\s+
func splitP50K(t *classes, text string, at int) int {
	if end := t.plain(text, at); end > at {
		return end
	}
	if end := contraction(text, at, 0); end > at {
		return end
	}
	from := at
	if text[at] == ' ' {
		from++
	}
	if end := t.run(text, from, letter); end > from {
		return end
	}
	if end := t.run(text, from, number); end > from {
		return end
	}
	if end := t.signs(text, at); end > at {
		return end
	}
	return t.spaces(text, at, false)
}

// plain matches what most pieces are, and is the same in all patterns: small ASCII letters, perhaps a space or a capital in
// front or both, and behind them an ASCII character that cannot go on; or one ASCII sign before a space. Else the result
// is at.
func (t *classes) plain(text string, at int) int {
	i := at
	if text[i] == ' ' {
		i++
	}
	if i < len(text) && text[i]-'A' < 26 {
		i++
	}
	from := i
	for i+8 <= len(text) {
		n := smallLetters(load8(text, i))
		i += n
		if n < 8 {
			break
		}
	}
	switch {
	case i+8 > len(text):
	case i == at:
		if text[i+1] == ' ' && text[i] < utf8.RuneSelf && t.ascii[text[i]]&notSign == 0 {
			return i + 1
		}
	case i > from && text[i] < utf8.RuneSelf && t.ascii[text[i]]&letter == 0 && text[i] != '\'':
		return i
	}
	return at
}

// smallLetters returns how many of the eight bytes of w, from the low end, are a to z before the first that is not.
func smallLetters(w uint64) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	fromA := (w | high) - 'a'*each          // high bit: the low seven bits are at least a
	aboveZ := (w &^ high) + (0x7f-'z')*each // high bit: they are above z
	return bits.TrailingZeros64((^fromA|aboveZ|w)&high) / 8
}

// contraction returns the end of one of 's 't 're 've 'm 'll 'd at text[at], or at. fold is 0x20 to take capitals too.
// No other character than these is folded to them: the oracle compares lower case, and "ſ" is its own.
func contraction(text string, at int, fold byte) int {
	if at+1 >= len(text) || text[at] != '\'' {
		return at
	}
	next := byte(0)
	if at+2 < len(text) {
		next = text[at+2] | fold
	}
	switch text[at+1] | fold {
	case 's', 't', 'm', 'd':
		return at + 2
	case 'r', 'v':
		if next == 'e' {
			return at + 3
		}
	case 'l':
		if next == 'l' {
			return at + 3
		}
	}
	return at
}

// word matches [upper]*[lower]+, else [upper]+. The result is from when neither does; small tells the first.
func (t *classes) word(text string, from int) (end int, small bool) {
	both := from // end of the last that may stand in either part
	i := from
	for i < len(text) {
		c, n := t.at(text, i)
		if c&upper == 0 {
			break
		}
		i += n
		if c&lower != 0 {
			both = i
		}
	}
	if end := t.run(text, i, lower); end > i {
		return end, true
	}
	if both > from {
		return both, true // the capitals give back what follows it
	}
	return i, false
}

// digits extends a piece whose one number ends at text[at] to three.
func (t *classes) digits(text string, at int) int {
	for range 2 {
		if at == len(text) {
			break
		}
		c, n := t.at(text, at)
		if c&number == 0 {
			break
		}
		at += n
	}
	return at
}

// signs matches " ?" and signs; the result is at when there are none.
func (t *classes) signs(text string, at int) int {
	i := at
	if text[i] == ' ' {
		i++
	}
	from := i
	for i < len(text) {
		c, n := t.at(text, i)
		if c&notSign != 0 {
			break
		}
		i += n
	}
	if i == from {
		return at
	}
	return i
}

// spaces matches \s*[\r\n]+ if lines is set, else \s+(?!\S), else \s+. There is a space at text[at].
func (t *classes) spaces(text string, at int, lines bool) int {
	last, end, i := at, at, at // the start of the last space; after the last line end
	for i < len(text) {
		c, n := t.at(text, i)
		if c&space == 0 {
			break
		}
		last = i
		i += n
		if c&newline != 0 {
			end = i
		}
	}
	switch {
	case lines && end > at:
		return end
	case i == len(text) || last == at:
		return i
	}
	return last // it goes with what follows
}
