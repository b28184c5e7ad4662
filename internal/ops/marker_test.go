package ops

import (
	"math"
	"strings"
	"testing"
)

func TestMarker(t *testing.T) {
	tests := []struct {
		m    Marker
		want string
	}{
		{Marker{}, "[fl k=000000000000000000000 t=000 o=000000 p=000000000 c=000000000]"},
		{Marker{Key: 81985529216486895, Try: 2, Output: 210, Prompt: 1234, Chars: 6092}, "[fl k=000081985529216486895 t=002 o=000210 p=000001234 c=000006092]"},
		{Marker{Key: math.MaxUint64, Try: MaxMarkerTry, Output: MaxMarkerOutput, Prompt: MaxMarkerCount, Chars: MaxMarkerCount}, "[fl k=018446744073709551615 t=999 o=999999 p=999999999 c=999999999]"},
	}
	for _, tt := range tests {
		got := string(AppendMarker([]byte("x"), tt.m))
		if got != "x"+tt.want || len(tt.want) != MarkerChars {
			t.Errorf("got %q (%d characters)", got, MarkerChars)
		}
		for _, tail := range []string{"", " data", "]"} {
			if m, ok := ParseMarker(tt.want + tail); !ok || m != tt.m {
				t.Errorf("%q: parsed %+v, %v", tt.want+tail, m, ok)
			}
		}
		for i := range tt.want { // every byte matters
			broken := tt.want[:i] + "x" + tt.want[i+1:]
			if m, ok := ParseMarker(broken); ok {
				t.Errorf("%q parsed as %+v", broken, m)
			}
			if _, ok := ParseMarker(tt.want[:i]); ok {
				t.Errorf("%q parsed", tt.want[:i])
			}
		}
	}
	for _, bad := range []string{" " + tests[0].want, strings.Replace(tests[0].want, "k=000", "k=+00", 1), strings.Replace(tests[2].want, "551615", "551616", 1)} {
		if m, ok := ParseMarker(bad); ok {
			t.Errorf("%q parsed as %+v", bad, m)
		}
	}
}

func TestMarkerOutOfRange(t *testing.T) {
	for _, m := range []Marker{{Output: -1}, {Output: MaxMarkerOutput + 1}, {Prompt: -1}, {Prompt: MaxMarkerCount + 1}, {Chars: -1}, {Chars: MaxMarkerCount + 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v did not panic", m)
				}
			}()
			AppendMarker(nil, m)
		}()
	}
}

func TestPeekedMarker(t *testing.T) {
	want := Marker{Key: 7, Output: 2, Prompt: 50, Chars: 61}
	text := string(AppendMarker(nil, want))
	p := Peeked{Messages: []Message{{Role: "system", Text: "Be kind."}, {Role: "user", Text: text + " data"}}}
	if got, ok := p.Marker(); !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	p.Messages[1].Text = "see " + text
	if got, ok := p.Marker(); ok {
		t.Errorf("a marker that does not start a message was read: %+v", got)
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add("[fl k=000081985529216486895 t=000 o=000210 p=000001234 c=000006092] x")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParseMarker(text); ok && string(AppendMarker(nil, m)) != text[:MarkerChars] {
			t.Fatalf("%q parsed as %+v", text, m)
		}
	})
}
