package tokens

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unsafe"

	loader "github.com/pkoukk/tiktoken-go-loader"
)

// Every token is found at its rank, what is none is not, and the sizes are those that Encoding states.
func TestVocabulary(t *testing.T) {
	for _, name := range Encodings() {
		v := mustBPE(t, name).vocab
		byToken, err := loader.NewOfflineLoader().LoadTiktokenBpe(name + ".tiktoken")
		if err != nil {
			t.Fatal(err)
		}
		ranks := slices.SortedFunc(maps.Keys(byToken), func(a, b string) int { return byToken[a] - byToken[b] })
		place := 0
		for r, token := range ranks {
			if !v.tells(place, token) {
				t.Fatalf("%s: %q is not told from what differs in a byte", name, token)
			}
			place += len(token)
			if got, _ := v.rank(token, 0, len(token)); got != rank(r) {
				t.Fatalf("%s: %q has rank %d, want %d", name, token, got, r)
			}
			if got, _ := v.rank("<"+token+">>>>>>>>>", 1, 1+len(token)); got != rank(r) { // where it can be read by words
				t.Fatalf("%s: %q within a text has rank %d, want %d", name, token, got, r)
			}
			longer := token + "\x00"
			if got := v.joined(longer, 0, len(longer)); got != none && ranks[got] != longer {
				t.Fatalf("%s: %q is taken for %q", name, longer, ranks[got])
			}
		}
		size := len(v.text) + 8*len(v.slots) + 8*len(v.sieve) + 4*len(v.pairs) + memoSlots*int(unsafe.Sizeof(memoSlot{}))
		t.Logf("%s: %d tokens in %.1f MB", name, len(ranks), float64(size)/1e6)
		if size > 6_250_000 {
			t.Errorf("%s takes %d bytes, Encoding says 6.2 MB at most", name, size)
		}
	}
}

// tells tells whether the token at that place is found to be itself, and not any other of its length.
func (v *vocabulary) tells(place int, token string) bool {
	is := func(s string) bool {
		w := wordOf(s, 0, len(s))
		return v.is(place, s, 0, len(s), &w)
	}
	for i := range len(token) {
		if other := token[:i] + string([]byte{token[i] ^ 1}) + token[i+1:]; is(other) {
			return false
		}
	}
	return is(token)
}

func TestBadVocabularies(t *testing.T) {
	var all strings.Builder
	for i := range 256 {
		fmt.Fprintf(&all, "%s %d\n", base64.StdEncoding.EncodeToString([]byte{byte(i)}), i)
	}
	if _, err := newVocabulary("f", []byte(all.String())); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ src, want string }{
		{"", "f has 0 of the 256 single bytes"},
		{"IQ== 0\n", "f has 1 of the 256 single bytes"},
		{all.String() + "IQ=\n", "f:257 is not a token"},
		{all.String() + "ISE= x\n", "f:257 is not a token"},
		{all.String() + "ISE= 1234567890\n", "f:257 is not a token"},
		{all.String() + "ISE= 255\n", "f:257 is not a token and a rank above the one before"},
		{all.String() + " 256\n", "f has a token of 0 bytes"},
		{all.String() + strings.Repeat("ISEh", 43) + " 256\n", "f has a token of 129 bytes"},
	} {
		if _, err := newVocabulary("f", []byte(tt.src)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.20q...: error %v, want %q", tt.src, err, tt.want)
		}
	}
	if _, err := loadVocabulary("nothere"); err == nil {
		t.Error("no error without a file")
	}
}
