package record

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand"
	"strings"
	"testing"
)

func TestFixedText(t *testing.T) {
	for _, c := range []struct {
		millis Millis
		want   string
	}{
		{0, "0"}, {1, "0.001"}, {10, "0.01"}, {100, "0.1"}, {999, "0.999"}, {1000, "1"}, {1001, "1.001"}, {1500, "1.5"}, {204_850, "204.85"},
		{Null, "null"}, {-2, "-0.002"}, {-1500, "-1.5"}, {math.MaxInt64, "9223372036854775.807"},
	} {
		b, err := json.Marshal(c.millis)
		if err != nil || string(b) != c.want {
			t.Errorf("%d: %s, %v, want %s", int64(c.millis), b, err, c.want)
		}
		if c.millis != Null && c.millis.String() != c.want {
			t.Errorf("%d prints as %s", int64(c.millis), c.millis)
		}
		var back Millis
		if err := json.Unmarshal(b, &back); c.millis != math.MaxInt64 && (err != nil || back != c.millis) {
			t.Errorf("%s reads as %d, %v", b, int64(back), err)
		}
	}
	for _, c := range []struct {
		ratio Ratio
		want  string
	}{{1, "0.000001"}, {999_999, "0.999999"}, {1_000_000, "1"}, {500_000, "0.5"}, {1_234_500, "1.2345"}, {Null, "null"}} {
		if b, _ := json.Marshal(c.ratio); string(b) != c.want {
			t.Errorf("%d: %s, want %s", int64(c.ratio), b, c.want)
		}
	}
	if Millis(Null).String() != "-" || Ratio(Null).String() != "-" {
		t.Error("null prints as something")
	}
}

func TestFixedRoundTrip(t *testing.T) {
	dice := rand.New(rand.NewSource(3))
	for range 20_000 {
		v := dice.Int63() >> (1 + dice.Intn(62))
		if dice.Intn(2) == 0 {
			v = -v
		}
		if v == Null {
			continue
		}
		type both struct {
			M Millis
			R Ratio
		}
		b, err := json.Marshal(both{Millis(v), Ratio(v)})
		var back both
		if err2 := json.Unmarshal(b, &back); err != nil || err2 != nil || back != (both{Millis(v), Ratio(v)}) {
			t.Fatalf("%d: %s, %+v, %v, %v", v, b, back, err, err2)
		}
	}
}

func TestFixedRefused(t *testing.T) {
	for _, text := range []string{"", "-", ".", "1.", ".5", "-.5", "1.2.3", "1e3", "+1", " 1", "1 ", "0x1", "nul", "true", `"1"`, "1,5", "--1", "1.-5", "-null",
		"0.0001", "1.2345", "-0.001", "9223372036854775.808", "99999999999999999999", "922337203685477580800"} {
		var m Millis = 77
		if err := parseFixed([]byte(text), 3, (*int64)(&m)); err == nil || m != 77 {
			t.Errorf("%q reads as %d", text, int64(m))
		}
	}
	var m Millis
	if err := json.Unmarshal([]byte("1.2345"), &m); err == nil || !strings.Contains(err.Error(), `"1.2345" is not null or a number with at most 3 decimals`) {
		t.Errorf("%v", err)
	}
}

// What is read is exactly what was written, whatever was written.
func FuzzParseFixed(f *testing.F) {
	for _, s := range []string{"0", "1.5", "-0.001", "null", "2882303761517117440", "9223372036854.775807", "00.10"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v int64
		if parseFixed([]byte(text), 6, &v) != nil {
			return
		}
		if text == "null" {
			if v != Null {
				t.Fatalf("null reads as %d", v)
			}
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || want.Cmp(big.NewRat(v, 1_000_000)) != 0 || v == Null {
			t.Fatalf("%q reads as %d millionths", text, v)
		}
		var back int64
		if err := parseFixed(appendFixed(nil, v, 6), 6, &back); err != nil || back != v {
			t.Fatalf("%q: %d comes back as %d, %v", text, v, back, err)
		}
	})
}
