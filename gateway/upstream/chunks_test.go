package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http/httputil"
	"strings"
	"testing"
)

// pieces is a connection that has what it has piece by piece.
type pieces struct {
	text []byte
	dice *rand.Rand
	most int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.dice.Intn(p.most))], p.text)
	p.text = p.text[n:]
	return n, nil
}

// readAll reads a body as a relay does: what lies there alone, else what Read has.
func readAll(text []byte, seed int64, most int) (got []byte, alone int, err error) {
	dice := rand.New(rand.NewSource(seed))
	in := bufio.NewReaderSize(&pieces{text, dice, most}, 64)
	c := &chunks{in: in, other: httputil.NewChunkedReader(in)}
	for {
		if dice.Intn(8) > 0 {
			c.settle()
			in.Peek(1)
			if p := c.alone(); p != nil {
				got = append(got, p...)
				alone++
				continue
			}
		}
		p := make([]byte, 1+dice.Intn(100))
		n, err := c.Read(p)
		got = append(got, p[:n]...)
		if err != nil {
			return got, alone, err
		}
		if n == 0 {
			return got, alone, errors.New("nothing, and no error")
		}
	}
}

// FuzzChunks: whatever comes, in whatever pieces, is read as net/http reads it.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n3;a=b\r\n, y\r\n2\r\nou\r\n0\r\nT: x\r\n\r\n", "1\r\na\r\n1\r\nb\r\n", "2\r\nabc\r\n", "0\r\n\r\n", "00000005\r\nhello\r\n0\r\n\r\n",
		"fffffffffffff\r\nx", "5 \r\nhello\r\n0\r\n\r\n", "1\na\n", "A\r\n0123456789\r\n0\r\n", "1\r\na\n\r\n", "g\r\n"} {
		f.Add([]byte(s), int64(1), uint8(3))
		f.Add([]byte(s), int64(2), uint8(200))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed int64, most uint8) {
		want, wanted := io.ReadAll(httputil.NewChunkedReader(bufio.NewReaderSize(bytes.NewReader(text), 64)))
		got, _, err := readAll(text, seed, int(most)+1)
		if err == io.EOF {
			err = nil
		}
		if !bytes.Equal(got, want) || (err == nil) != (wanted == nil) || errors.Is(err, io.ErrUnexpectedEOF) != errors.Is(wanted, io.ErrUnexpectedEOF) {
			t.Fatalf("%q: %q, %v; net/http reads %q, %v", text, got, err, want, wanted)
		}
	})
}

// Chunks that come one by one are handed out without being copied; several at once are read together.
func TestChunksAlone(t *testing.T) {
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "%x\r\n%s\r\n", i%7+1, strings.Repeat("x", i%7+1))
	}
	for seed := range int64(200) {
		got, _, err := readAll([]byte(text.String()+"0\r\n\r\n"), seed, 1+int(seed))
		if err != io.EOF || len(got) != 77 {
			t.Fatalf("seed %d: %d bytes, %v", seed, len(got), err)
		}
	}
	in := bufio.NewReader(nil)
	c := &chunks{in: in}
	there := func(text string) (alone string) {
		c.settle()
		rest, _ := io.ReadAll(io.LimitReader(in, int64(in.Buffered())))
		in.Reset(strings.NewReader(string(rest) + text))
		in.Peek(1)
		return string(c.alone())
	}
	for _, s := range []struct{ comes, alone string }{
		{"5\r\nhello\r\n", "hello"},
		{"5\r\nhe", "he"}, {"l", "l"}, {"lo", "lo"}, {"\r", ""}, {"\n3\r\nyou\r", "you"}, {"\n1\r\n", ""}, {"!\r\n", "!"},
		{"1\r\na\r\n1\r\nb\r\n", ""},
	} {
		if got := there(s.comes); got != s.alone {
			t.Errorf("of %q there is %q, want %q", s.comes, got, s.alone)
		}
	}
	if n, err := c.Read(make([]byte, 10)); n != 2 || err != nil {
		t.Errorf("both are %d bytes, %v", n, err)
	}
}
