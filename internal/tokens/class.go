package tokens

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class says what the vocabularies' patterns ask of a character, as bits.
type class uint8

const (
	upper   class = 1 << iota // \p{Lu} \p{Lt} \p{Lm} \p{Lo} \p{M}: may stand in the capitals of an o200k word
	lower                     // \p{Ll} \p{Lm} \p{Lo} \p{M}: may stand in its small letters
	letter                    // \p{L}
	number                    // \p{N}
	space                     // \s
	newline                   // \r \n, which are spaces too
	slash                     // "/", which o200k lets follow signs with the line ends
)

// sign is [^\s\p{L}\p{N}]: what has none of these bits. Marks are signs.
const notSign = letter | number | space

// classes has the class of every character in two stages: most blocks of 256 characters are equal to another.
type classes struct {
	ascii  [256]class // of a byte; 0x80 and above are not characters and have none
	block  [(unicode.MaxRune + 1) / 256]uint16
	blocks [][256]class
}

// loadClasses builds the table from the Unicode tables of the Go release, which the oracle reads as well.
var loadClasses = sync.OnceValue(func() *classes {
	all := make([]class, unicode.MaxRune+1)
	mark := func(table *unicode.RangeTable, bits class) {
		for _, r := range table.R16 {
			for c := int(r.Lo); c <= int(r.Hi); c += int(r.Stride) {
				all[c] |= bits
			}
		}
		for _, r := range table.R32 {
			for c := int(r.Lo); c <= int(r.Hi); c += int(r.Stride) {
				all[c] |= bits
			}
		}
	}
	mark(unicode.Lu, letter|upper)
	mark(unicode.Lt, letter|upper)
	mark(unicode.Ll, letter|lower)
	mark(unicode.Lm, letter|upper|lower)
	mark(unicode.Lo, letter|upper|lower)
	mark(unicode.M, upper|lower)
	mark(unicode.N, number)
	mark(unicode.White_Space, space)
	all['\r'] |= newline
	all['\n'] |= newline
	all['/'] |= slash

	t := &classes{}
	copy(t.ascii[:utf8.RuneSelf], all)
	known := map[[256]class]uint16{}
	for i := range t.block {
		b := [256]class(all[i*256:])
		at, ok := known[b]
		if !ok {
			at = uint16(len(t.blocks))
			known[b] = at
			t.blocks = append(t.blocks, b)
		}
		t.block[i] = at
	}
	return t
})

// at returns the class and the size in bytes of the character at text[i]; text is valid UTF-8.
func (t *classes) at(text string, i int) (class, int) {
	if c := text[i]; c < utf8.RuneSelf {
		return t.ascii[c], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return t.blocks[t.block[r>>8]][r&0xff], n
}

// run returns where the characters from text[i] on that have one of the bits end.
func (t *classes) run(text string, i int, bits class) int {
	for i < len(text) {
		if t.ascii[text[i]]&bits != 0 {
			i++
			continue
		}
		c, n := t.at(text, i)
		if c&bits == 0 {
			return i
		}
		i += n
	}
	return i
}
