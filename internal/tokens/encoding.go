package tokens

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// Vocabularies.
const (
	O200K  = "o200k_base"
	CL100K = "cl100k_base"
	P50K   = "p50k_base"
	R50K   = "r50k_base"
)

// vocabularies in the order in which they are named to users: one line each.
var vocabularies = []struct {
	name string
	load func() (*Encoding, error)
}{
	{O200K, encoding(O200K, splitO200K)},
	{CL100K, encoding(CL100K, splitCL100K)},
	{P50K, encoding(P50K, splitP50K)},
	{R50K, encoding(R50K, splitP50K)},
}

// Encodings returns the names of all vocabularies.
func Encodings() []string {
	names := make([]string, len(vocabularies))
	for i := range vocabularies {
		names[i] = vocabularies[i].name
	}
	return names
}

// NewBPE returns the counter of a vocabulary. It is loaded on first use, once per process, and then shared; see
// Encoding for what it costs.
func NewBPE(name string) (*Encoding, error) {
	for i := range vocabularies {
		if vocabularies[i].name == name {
			return vocabularies[i].load()
		}
	}
	return nil, fmt.Errorf("unknown token encoding %q; use %s", name, either(Encodings()))
}

// either lists choices: "a, b or c".
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// encoding makes what loads a vocabulary once; sync.OnceValues is safe for concurrent use.
func encoding(name string, split splitter) func() (*Encoding, error) {
	return sync.OnceValues(func() (*Encoding, error) {
		v, err := loadVocabulary(name + ".tiktoken")
		if err != nil {
			return nil, err
		}
		return &Encoding{name, split, loadClasses(), v, make(memo, memoSlots)}, nil
	})
}

// Encoding counts the tokens of texts with one of the public byte-pair vocabularies. It is safe for concurrent use,
// without locks, and counting allocates nothing. It takes 6.2 MB (o200k_base), 3.3 MB (cl100k_base) or 2 MB;
// to load it takes some 10 ms.
//
// Counts are those of tiktoken's encode_ordinary: special tokens count as the text that they are spelled with. A byte
// that is not valid UTF-8 counts as U+FFFD, for which the text is copied.
type Encoding struct {
	name    string
	split   splitter
	classes *classes
	vocab   *vocabulary
	memo    memo
}

// Name is the vocabulary's name.
func (e *Encoding) Name() string { return e.name }

// Count returns the number of tokens. Time is linear in the length, whatever the text.
func (e *Encoding) Count(text string) int {
	if !utf8.ValidString(text) {
		text = string([]rune(text))
	}
	n := 0
	for at := 0; at < len(text); {
		end := e.classes.plain(text, at) // as the splitters do: most pieces need no more, and the call costs as much
		if end == at {
			end = e.split(e.classes, text, at)
		}
		n += e.piece(text, at, end)
		at = end
	}
	return n
}

// piece counts the piece text[at:end]. A piece that is a token is one, even where merging would not arrive at it. A short
// one is looked for in the memo first, even if it is a token: that touches one cache line, and the vocabulary three.
func (e *Encoding) piece(text string, at, end int) int {
	length := end - at
	switch {
	case length > longest:
		return e.vocab.mergeLong(text[at:end], longPiece)
	case length > memoBytes:
		w := wordOf(text, at, end)
		return e.whole(text, at, end, &w)
	}
	w := wordOf(text, at, end)
	n := e.memo.get(w, length)
	if n == 0 {
		n = e.whole(text, at, end, &w)
		e.memo.put(w, length, n)
	}
	return n
}

// whole counts a piece of 1 to longest bytes, of which w is known.
func (e *Encoding) whole(text string, at, end int, w *word) int {
	switch {
	case e.vocab.ranked(text, at, end, w) != none:
		return 1
	case end-at > shortPiece:
		return e.vocab.mergeLong(text[at:end], longPiece)
	}
	return e.vocab.mergeShort(text, at, end)
}
