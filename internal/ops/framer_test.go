package ops

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// frame feeds the pieces and returns every payload, the one left at the end included, and the error.
func frame(max int, pieces ...string) (got []string, err error) {
	f := NewFramer(max)
	for _, p := range pieces {
		in := []byte(p)
		data, rest, ok := f.Next(in)
		for ; ok; data, rest, ok = f.Next(rest) {
			got = append(got, string(data))
		}
		for i := range in {
			in[i] = '#' // the reader reuses its buffer
		}
	}
	if data, ok := f.End(); ok {
		got = append(got, string(data))
	}
	return got, f.Err()
}

func TestFramer(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"plain", "data: a\n\ndata: b\n\n", []string{"a", "b"}},
		{"crlf", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
		{"crlf in one event", "data: a\r\ndata: b\r\n\r\n", []string{"a\nb"}},
		{"cr", "data: a\r\rdata: b\r\r", []string{"a", "b"}},
		{"multi-line", "data: a\ndata:\ndata:  b\ndata\n\n", []string{"a\n\n b\n"}},
		{"comments and other fields", ": ping\n\nevent: x\nid: 1\nretry: 5\ndata:a\nfoo\ndatax: no\n\n", []string{"a"}},
		{"event without data", "event: x\n\n", nil},
		{"empty data", "data:\n\ndata\n\n", []string{"", ""}},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", []string{"a"}},
		{"extra blank lines", "\n\r\n\ndata: a\n\n\n\ndata: b\n\n", []string{"a", "b"}},
		{"no blank line at the end", "data: a\n\ndata: [DONE]\n", []string{"a", "[DONE]"}},
		{"no line end at the end", "data: a\n\ndata: [DO", []string{"a", "[DO"}},
		{"lf cr lf", "data: a\n\r\ndata: b\n\r\n", []string{"a", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := frame(100, tt.in); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("whole: got %q, %v", got, err)
			}
			if got, err := frame(100, strings.Split(tt.in, "")...); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("byte by byte: got %q, %v", got, err)
			}
		})
	}
}

func TestFramerBound(t *testing.T) {
	tests := []struct {
		in   string
		want []string
		long bool
	}{
		{"data: 1234\n\n", []string{"1234"}, false}, // a line of 10
		{"data: 12345\n\n", nil, true},              // a line of 11
		{"data: a\n\n: 123456789\n\ndata: b\n\n", []string{"a"}, true},
		{"data:12345\ndata:1234\n\n", []string{"12345\n1234"}, false}, // an event of 10
		{"data:12345\ndata:12345\n\n", nil, true},
		{"data: a\n\nno line end in sight", []string{"a"}, true},
	}
	for _, tt := range tests {
		for _, pieces := range [][]string{{tt.in}, strings.Split(tt.in, "")} {
			got, err := frame(10, pieces...)
			if !slices.Equal(got, tt.want) || errors.Is(err, ErrEventTooLong) != tt.long {
				t.Errorf("%q in %d pieces: got %q, %v", tt.in, len(pieces), got, err)
			}
		}
	}
}

func TestFramerDoesNotCopyOrAllocate(t *testing.T) {
	f := NewFramer(1 << 20)
	in := []byte("data: " + contentChunk + "\n\n")
	if n := testing.AllocsPerRun(100, func() {
		data, _, ok := f.Next(in)
		if !ok || &data[0] != &in[6] {
			t.Fatal("copied")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// dumbFrame reads the whole stream at once.
func dumbFrame(all string) (got []string) {
	all = strings.TrimPrefix(all, "\xef\xbb\xbf")
	all = strings.ReplaceAll(strings.ReplaceAll(all, "\r\n", "\n"), "\r", "\n")
	var data []string
	for _, line := range append(strings.Split(all, "\n"), "") {
		if line == "" {
			if data != nil {
				got = append(got, strings.Join(data, "\n"))
			}
			data = nil
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		if name == "data" {
			data = append(data, strings.TrimPrefix(value, " "))
		}
	}
	return got
}

func TestFramerAgainstDumb(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	bits := []string{"data:", "data: ", "data", "\n", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", ":", " ", "x", "event: e", "\xef\xbb\xbf"}
	for range 20_000 {
		var all strings.Builder
		for range rng.IntN(20) {
			all.WriteString(bits[rng.IntN(len(bits))])
		}
		compareFramer(t, all.String(), rng.Uint64()&rng.Uint64())
	}
}

func FuzzFramer(f *testing.F) {
	f.Add("data: a\r\n\r\n: c\ndata: b\ndata: c\n\n", uint64(0x3a7))
	f.Add("\xef\xbb\xbfdata\r\rdata: [DONE]", uint64(1))
	f.Fuzz(compareFramer)
}

// compareFramer: bit i of cuts, repeated, says whether to cut before byte i.
func compareFramer(t *testing.T, all string, cuts uint64) {
	var pieces []string
	start := 0
	for i := range len(all) {
		if cuts>>(i%64)&1 == 1 {
			pieces = append(pieces, all[start:i])
			start = i
		}
	}
	pieces = append(pieces, all[start:])
	got, err := frame(1<<20, pieces...)
	if want := dumbFrame(all); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q: got %q, %v, want %q", pieces, got, err, want)
	}
}

func BenchmarkFramer(b *testing.B) {
	f := NewFramer(1 << 20)
	in := []byte(strings.Repeat("data: "+contentChunk+"\n\n", 8))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, rest, ok := f.Next(in); ok; _, rest, ok = f.Next(rest) {
			n++
		}
		if n != 8 {
			b.Fatal(n)
		}
	}
}
