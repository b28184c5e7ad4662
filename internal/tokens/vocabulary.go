package tokens

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/bits"

	"github.com/pkoukk/tiktoken-go-loader/assets"
)

// vocabulary is a set of byte strings with ranks, packed: the tokens one after the other, and a hash table with linear
// probing whose slots hold place and length of a token beside its rank. Constant once loaded.
type vocabulary struct {
	text  string   // all tokens in the order of their ranks, and eight bytes more: a word can be read at every one
	slots []uint64 // see slot; 0 is free; a power of two, at least twice the tokens
	sieve []uint64 // a bit for each token's hash: four in five of the pieces that are no token are known by it, from the nearest cache
	pairs []rank   // of every two bytes: first<<8 | second
}

// rank is the place of a token in the order of merging; the token of the lowest rank is merged first.
type rank uint32

// none is the rank of what is no token; it is above all ranks.
const none rank = 1<<32 - 1

// longest is the length of the longest token of all vocabularies, in bytes.
const longest = 128

// A slot is, from the low end: rank, place in text, length, and the hash's highest bits, so that most of what is not
// there is known without looking at text.
const (
	rankBits, placeBits, lengthBits = 18, 21, 8
	tagShift                        = rankBits + placeBits + lengthBits
)

// rank returns the rank of text[at:end], which has 1 to longest bytes, and that piece as a word.
func (v *vocabulary) rank(text string, at, end int) (rank, word) {
	w := wordOf(text, at, end)
	return v.ranked(text, at, end, &w), w
}

// ranked is rank where the word is known.
func (v *vocabulary) ranked(text string, at, end int, w *word) rank {
	if at, bit := sieved(w.hash); v.sieve[at]&bit == 0 {
		return none
	}
	mask := uint64(len(v.slots) - 1)
	want := w.hash>>tagShift<<lengthBits | uint64(end-at)
	for i := w.hash & mask; ; i = (i + 1) & mask {
		s := v.slots[i]
		if s == 0 {
			return none
		}
		if s>>(rankBits+placeBits) != want {
			continue
		}
		place := int(s >> rankBits & (1<<placeBits - 1))
		if v.is(place, text, at, end, w) {
			return rank(s & (1<<rankBits - 1))
		}
	}
}

// sieveWords is the size of a sieve: 128 KiB.
const sieveWords = 1 << 14

// sieved returns the place of a hash's bit, by bits of it that choose neither slot nor tag of most vocabularies.
func sieved(h uint64) (at, bit uint64) { return h >> 26 % sieveWords, 1 << (h >> 20 & 63) }

// is tells whether the token at that place is text[at:end], of which w is known.
func (v *vocabulary) is(place int, text string, at, end int, w *word) bool {
	switch n := end - at; {
	case n <= 8:
		return load8(v.text, place)&low(n) == w.a
	case n <= 16:
		return load8(v.text, place) == w.a && load8(v.text, place+n-8) == w.b
	default:
		return v.text[place:place+n] == text[at:end]
	}
}

// word is a piece as a key. Up to 16 bytes, a and b and the length say all: they are the first and the last eight, or
// b is 0 and what is missing in a.
type word struct{ a, b, hash uint64 }

func wordOf(text string, at, end int) word {
	var w word
	n := end - at
	switch {
	case n > 16:
		w.a, w.b = fold(text[at:end])
	case n > 8:
		w.a, w.b = load8(text, at), load8(text, end-8)
	case at+8 <= len(text):
		w.a = load8(text, at) & low(n)
	default:
		for i := end; i > at; i-- {
			w.a = w.a<<8 | uint64(text[i-1])
		}
	}
	hi, lo := bits.Mul64(w.a^k0, w.b^k1^uint64(n))
	w.hash = hi ^ lo
	return w
}

const k0, k1 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db // of wyhash

// fold mixes more than 16 bytes into two words.
func fold(s string) (a, b uint64) {
	for at := 0; at+16 < len(s); at += 16 {
		hi, lo := bits.Mul64(load8(s, at)^a^k1, load8(s, at+8)^b^k0)
		a, b = a^hi, b^lo
	}
	return a ^ load8(s, len(s)-16), b ^ load8(s, len(s)-8)
}

// low has the lowest n bytes set, 1 to 8.
func low(n int) uint64 { return ^uint64(0) >> ((64 - 8*n) & 63) }

func load8(s string, at int) uint64 {
	s = s[at : at+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// loadVocabulary reads an embedded vocabulary.
func loadVocabulary(file string) (*vocabulary, error) {
	src, err := assets.Assets.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load the embedded vocabulary: %w", err)
	}
	return newVocabulary(file, src)
}

// newVocabulary reads lines of a token in base64, a space, and its rank, in rising order. Ranks are numbered anew without
// gaps, which keeps their order.
func newVocabulary(file string, src []byte) (*vocabulary, error) {
	tokens := bytes.Count(src, []byte{'\n'}) + 1
	v := &vocabulary{slots: make([]uint64, 1<<bits.Len(uint(2*tokens-1))), pairs: make([]rank, 1<<16), sieve: make([]uint64, sieveWords)}
	for i := range v.pairs {
		v.pairs[i] = none
	}
	text := make([]byte, 0, len(src)/2)
	ends := make([]uint32, 0, tokens)
	last := -1
	for line := 1; len(src) > 0; line++ {
		var one []byte
		one, src, _ = bytes.Cut(src, []byte{'\n'})
		if len(one) == 0 {
			continue
		}
		token, number, _ := bytes.Cut(one, []byte{' '})
		n, ok := decimal(number)
		var err error
		if text, err = base64.StdEncoding.AppendDecode(text, token); err != nil || !ok || n <= last {
			return nil, fmt.Errorf("load the embedded vocabulary: %s:%d is not a token and a rank above the one before", file, line)
		}
		last = n
		ends = append(ends, uint32(len(text)))
	}
	v.text = string(append(text, make([]byte, 8)...))
	return v, v.index(file, ends)
}

// index fills the tables, for tokens that end where ends says.
func (v *vocabulary) index(file string, ends []uint32) error {
	if len(ends) >= 1<<rankBits || len(v.text) >= 1<<placeBits {
		return fmt.Errorf("load the embedded vocabulary: %s has %d tokens of %d bytes, more than there is room for", file, len(ends), len(v.text))
	}
	mask := uint64(len(v.slots) - 1)
	at, bytes := uint32(0), 0
	for r, end := range ends {
		token := v.text[at:end]
		if len(token) == 0 || len(token) > longest {
			return fmt.Errorf("load the embedded vocabulary: %s has a token of %d bytes", file, len(token))
		}
		switch len(token) {
		case 1:
			bytes++
		case 2:
			v.pairs[int(token[0])<<8|int(token[1])] = rank(r)
		}
		h := wordOf(v.text, int(at), int(end)).hash
		word, bit := sieved(h)
		v.sieve[word] |= bit
		i := h & mask
		for v.slots[i] != 0 {
			i = (i + 1) & mask
		}
		v.slots[i] = (h>>tagShift<<lengthBits|uint64(len(token)))<<(rankBits+placeBits) | uint64(at)<<rankBits | uint64(r)
		at = end
	}
	if bytes != 256 {
		return fmt.Errorf("load the embedded vocabulary: %s has %d of the 256 single bytes", file, bytes)
	}
	return nil
}

// decimal reads a number of up to nine digits.
func decimal(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0 && len(b) < 10
}
