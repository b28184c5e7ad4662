package tokens

import (
	"fmt"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// maxRun is the longest run of one character class, in bytes, that is encoded in one go. The library's merging is
// quadratic in the length of a run: 32 KiB of letters cost a third of a second whole, 9 ms in runs of 512.
const maxRun = 512

// NewBPE returns the counter of a vocabulary: O200K or CL100K. The vocabulary is read on first use (about 0.2 s and
// 22 MB), once per process; a counter is one small value to keep or to ask for again.
//
// Counts are those of tiktoken's encode_ordinary, so special tokens count as the text they are spelled with. They are
// exact as long as no run of letters, of spaces or of other signs is longer than 512 bytes. A longer run is cut every
// 512 bytes; a cut was seen to change the count by up to four tokens, in a run that repeats a sign pattern.
func NewBPE(encoding string) (Counter, error) {
	switch encoding {
	case O200K:
		return loadO200K()
	case CL100K:
		return loadCL100K()
	}
	return nil, fmt.Errorf("unknown token encoding %q; use %s or %s", encoding, O200K, CL100K)
}

// Constant after the first call; sync.OnceValues is safe for concurrent use.
var (
	loadO200K  = sync.OnceValues(func() (Counter, error) { return load(O200K) })
	loadCL100K = sync.OnceValues(func() (Counter, error) { return load(CL100K) })
)

// loading guards the library's package-level loader.
var loading sync.Mutex

func load(encoding string) (Counter, error) {
	loading.Lock()
	defer loading.Unlock()
	tiktoken.SetBpeLoader(loader.NewOfflineLoader()) // otherwise the library downloads
	enc, err := tiktoken.GetEncoding(encoding)
	if err != nil {
		return nil, fmt.Errorf("load the embedded vocabulary %s: %w", encoding, err)
	}
	return bpe{enc}, nil
}

// bpe is a Counter; the library's encoder is read-only.
type bpe struct{ enc *tiktoken.Tiktoken }

// Count returns the number of tokens; see NewBPE for how exact it is.
func (b bpe) Count(text string) int {
	total := 0
	for len(text) > 0 {
		n := cut(text)
		total += len(b.enc.EncodeOrdinary(text[:n]))
		text = text[n:]
	}
	return total
}

// cut returns how many bytes of text can be encoded in one go: all, or up to the end of the first run of maxRun.
// The vocabularies' patterns build a piece from letters, from spaces or from other signs; marks go with letters and
// with signs, line ends and slashes may follow signs; digits go in threes and need no bound.
func cut(text string) int {
	if len(text) <= maxRun {
		return len(text)
	}
	letters, spaces, signs := 0, 0, 0 // where the current run of each class begins
	for i, c := range text {
		next := i + utf8.RuneLen(c)
		letter := c < 0x80 && (c|0x20 >= 'a' && c|0x20 <= 'z') || c >= 0x80 && unicode.IsLetter(c)
		space := unicode.IsSpace(c)
		mark := c >= 0x80 && unicode.IsMark(c)
		digit := c >= '0' && c <= '9' || c >= 0x80 && unicode.IsNumber(c)
		if !letter && !mark {
			letters = next
		}
		if !space {
			spaces = next
		}
		if letter || digit || space && c != '\n' && c != '\r' {
			signs = next
		}
		if i >= maxRun && i-min(letters, spaces, signs) >= maxRun {
			return i
		}
	}
	return len(text)
}
