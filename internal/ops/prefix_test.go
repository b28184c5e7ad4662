package ops

import (
	"math"
	"testing"
)

func TestPrefixMarker(t *testing.T) {
	tests := []struct {
		m    PrefixMarker
		want string
	}{
		{PrefixMarker{}, "[fl x=000000000000000000000 s=000000000]"},
		{PrefixMarker{81985529216486895, 2048}, "[fl x=000081985529216486895 s=000002048]"},
		{PrefixMarker{math.MaxUint64, MaxMarkerCount}, "[fl x=018446744073709551615 s=999999999]"},
	}
	for _, tt := range tests {
		got := string(AppendPrefixMarker([]byte("x"), tt.m))
		if got != "x"+tt.want || len(tt.want) != PrefixMarkerChars {
			t.Errorf("got %q (%d characters)", got, PrefixMarkerChars)
		}
		p := Peeked{Messages: []Message{{Role: "system", Text: tt.want + " data"}, {Role: "user", Text: "Hi"}}}
		if m, ok := p.PrefixMarker(); !ok || m != tt.m {
			t.Errorf("%q: parsed %+v, %v", tt.want, m, ok)
		}
		p.Messages[0], p.Messages[1] = p.Messages[1], p.Messages[0]
		if m, ok := p.PrefixMarker(); ok {
			t.Errorf("what does not stand first is shared: %+v", m)
		}
		for i := range tt.want { // every byte matters
			if m, ok := ParsePrefixMarker(tt.want[:i] + "y" + tt.want[i+1:]); ok {
				t.Errorf("byte %d broken, parsed as %+v", i, m)
			}
			if _, ok := ParsePrefixMarker(tt.want[:i]); ok {
				t.Errorf("%q parsed", tt.want[:i])
			}
		}
	}
	if m, ok := new(Peeked).PrefixMarker(); ok {
		t.Errorf("no message, but %+v", m)
	}
	for _, tokens := range []int{-1, MaxMarkerCount + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d tokens did not panic", tokens)
				}
			}()
			AppendPrefixMarker(nil, PrefixMarker{Tokens: tokens})
		}()
	}
}

func FuzzParsePrefixMarker(f *testing.F) {
	f.Add("[fl x=000081985529216486895 s=000002048] x")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParsePrefixMarker(text); ok && string(AppendPrefixMarker(nil, m)) != text[:PrefixMarkerChars] {
			t.Fatalf("%q parsed as %+v", text, m)
		}
	})
}
