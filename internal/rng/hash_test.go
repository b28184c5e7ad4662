package rng

import (
	"math/bits"
	"strings"
	"testing"
)

// TestHash: the same for a string and for its bytes, and another one for each text, length, place and beginning.
func TestHash(t *testing.T) {
	seen := map[uint64]string{}
	note := func(what string, h uint64) {
		if before, taken := seen[h]; taken {
			t.Errorf("%q and %q have one hash", before, what)
		}
		seen[h] = what
	}
	long := strings.Repeat("The quick brown fox. ", 20)
	for n := range len(long) {
		text := long[:n]
		h := Hash(0, text)
		if Hash(0, []byte(text)) != h {
			t.Fatalf("%q and its bytes differ", text)
		}
		note(text, h)
		note(text+" after 1", Hash(1, text))
		note(text+" and a zero", Hash(0, text+"\x00"))
	}
	flipped := 0
	for i := range len(long) * 8 {
		other := []byte(long)
		other[i/8] ^= 1 << (i % 8)
		flipped += bits.OnesCount64(Hash(0, other) ^ Hash(0, long))
	}
	if mean := float64(flipped) / float64(len(long)*8); mean < 31.5 || mean > 32.5 {
		t.Errorf("a bit of the text changes %.2f bits of the hash, want half of them", mean)
	}
	if h := Hash(0, "determinism"); h != 0xe56f526e885e9d3f {
		t.Errorf("%#x: seeds would no longer give what they gave", h)
	}
}
