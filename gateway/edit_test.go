package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/internal/record"
)

// marking is an editor that drops, replaces and appends by what the data says.
type marking struct{ seen []string }

func (m *marking) event(raw, data []byte) []byte {
	m.seen = append(m.seen, string(data))
	switch string(data) {
	case "drop":
		return nil
	case "swap":
		return []byte("data: swapped\n\n")
	}
	return raw
}

func (m *marking) last() []byte { return []byte("data: last\n\n") }
func (m *marking) body(whole []byte) []byte {
	return bytes.ReplaceAll(whole, []byte("Hello."), []byte("Bye."))
}

// silent leaves everything as it is.
type silent struct{}

func (silent) event(raw, _ []byte) []byte { return raw }
func (silent) last() []byte               { return nil }
func (silent) body(whole []byte) []byte   { return whole }

// cutAt passes text through a cutter in pieces of size bytes.
func cutAt(e editor, text string, size int, inOrder bool) string {
	c := newCutter(e)
	out := ""
	for i := 0; i < len(text); i += size {
		out += string(c.next([]byte(text[i:min(i+size, len(text))])))
	}
	return out + string(c.end(inOrder))
}

// What an editor makes of a stream does not depend on where reads end.
func TestEditAtAnyReadBoundary(t *testing.T) {
	for _, c := range []struct{ name, in, seen, want string }{
		{"left as it is", "data: a\n\ndata: b\n\n", "a b", "data: a\n\ndata: b\n\ndata: last\n\n"},
		{"dropped, its name too", "data: a\n\nevent: x\ndata: drop\n\ndata: b\n\n", "a drop b", "data: a\n\ndata: b\n\ndata: last\n\n"},
		{"replaced", "id: 1\ndata: swap\n\ndata: b\n\n", "swap b", "data: swapped\n\ndata: b\n\ndata: last\n\n"},
		{"data of two lines", "data: a\ndata: b\n\n", "a\nb", "data: a\ndata: b\n\ndata: last\n\n"},
		{"comments are no events", ": ping\n\n: ping\n\ndata: a\n\n", "a", ": ping\n\n: ping\n\ndata: a\n\ndata: last\n\n"},
		{"CR", "data: a\r\rdata: b\r\r", "a b", "data: a\r\rdata: b\r\rdata: last\n\n"},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", "a b", "data: a\r\n\r\ndata: b\r\n\r\ndata: last\n\n"},
		{"the last without its blank line", "data: a\n\ndata: swap", "a swap", "data: a\n\ndata: swapped\n\ndata: last\n\n"},
		{"nothing", "", "", "data: last\n\n"},
	} {
		for size := 1; size <= len(c.in)+1; size++ {
			e := &marking{}
			if got := cutAt(e, c.in, size, true); got != c.want || strings.Join(e.seen, " ") != c.seen {
				t.Errorf("%s, in pieces of %d: got %q of %q, want %q of %q", c.name, size, got, e.seen, c.want, c.seen)
			}
		}
	}
}

// The two bytes of a CRLF are one line end. Where a read ends between those of a
// blank line, nobody waits for the second, which is a blank line more then.
func TestEditOfCRLF(t *testing.T) {
	in := "event: x\r\ndata: drop\r\n\r\ndata: b\r\n\r\n"
	for size := 1; size <= len(in); size++ {
		e := &marking{}
		if got := strings.TrimLeft(cutAt(e, in, size, true), "\n"); got != "data: b\r\n\r\ndata: last\n\n" || strings.Join(e.seen, " ") != "drop b" {
			t.Errorf("in pieces of %d: got %q of %q", size, got, e.seen)
		}
	}
}

// Comments keep a connection alive only if they do not wait for an event.
func TestEditKeepsNoCommentBack(t *testing.T) {
	c := newCutter(silent{})
	if got := string(c.next([]byte(": ping\n\ndata: a"))); got != ": ping\n\n" {
		t.Errorf("passed %q", got)
	}
	if got := string(c.next([]byte("\n\n"))); got != "data: a\n\n" {
		t.Errorf("then %q", got)
	}
}

// An event above the bound passes unedited, without being held, and the next is edited.
func TestEditOfAnEventTooLong(t *testing.T) {
	long := "data: " + strings.Repeat("x", maxEvent) + "\n\n"
	for _, size := range []int{1000, relayBuffer, len(long) + 100} {
		e := &marking{}
		got := cutAt(e, "data: drop\n\n"+long+"data: drop\n\ndata: b\n\n", size, true)
		if got != long+"data: b\n\ndata: last\n\n" || strings.Join(e.seen, " ") != "drop drop b" {
			t.Errorf("in pieces of %d: %d bytes, seen %d events", size, len(got), len(e.seen))
		}
	}
	c := newCutter(silent{})
	for range 3 * maxEvent / 1000 {
		if c.next(make([]byte, 1000)); len(c.held) > maxEvent {
			t.Fatalf("%d bytes are held", len(c.held))
		}
	}
}

// Whatever the bytes and however they are cut, an editor that leaves everything changes none; of a broken stream only half an event is missing.
func FuzzEdit(f *testing.F) {
	f.Add("data: a\n\n: c\r\n\r\ndata: b\r\rx\n\n\n", uint8(3))
	f.Add("\xef\xbb\xbfdata: a\r\n\n\ndata", uint8(1))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		if got := cutAt(silent{}, text, int(size)+1, true); got != text {
			t.Errorf("%q became %q", text, got)
		}
		if got := cutAt(silent{}, text, int(size)+1, false); !strings.HasPrefix(text, got) || strings.Contains(text[len(got):], "\n\n") {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// The meter reads what the backend sent and the client gets what the editor made of it.
func TestEditedAnswers(t *testing.T) {
	long := `{"usage":{"completion_tokens":2},"pad":"Hello.` + strings.Repeat("x", maxMetered) + `"}`
	for _, c := range []struct {
		name       string
		answer     http.HandlerFunc
		want       func(direct string) string
		err        error
		completion int32
	}{
		{"stream", stream(0, roleEvent, contentEvent, finishEvent, usageEvent, doneEvent), func(s string) string { return s + "data: last\n\n" }, nil, 42},
		{"cut stream", stream(0, roleEvent, contentEvent, "cut"), func(s string) string { return s }, io.ErrUnexpectedEOF, 1},
		{"body", ok, func(s string) string { return strings.ReplaceAll(s, "Hello.", "Bye.") }, nil, 7},
		{"body too long to be held", nonStream(len(long), long), func(s string) string { return s }, nil, 0},
		{"body shorter than announced", nonStream(9, `Hello.`), func(s string) string { return s }, io.ErrUnexpectedEOF, 0},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, func(string) string { return "" }, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lb := newLab(t, []*fake{always(c.answer)}, nil)
				edited := serveOn(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					x := &exchange{g: lb.Gateway, route: routes()[0], w: w, r: r, visitor: visitor{tenant: record.NoTenant}, editor: &marking{}}
					x.run(lb.describe(x))
				}))
				direct := pass(t, &http.Client{Transport: lb.present.Load().backends[0].Transport}, "http://a.test/")
				got := pass(t, &http.Client{Transport: edited}, "http://gateway.test"+classic)
				if want := c.want(direct.body); got.body != want || !errors.Is(got.err, c.err) {
					t.Errorf("got %.300q, %v; want %.300q", got.body, got.err, want)
				}
				synctest.Wait()
				if r := lb.responds(); len(r) != 1 || r[0].Completion != c.completion || (r[0].Outcome == record.Succeeded) != (c.err == nil) {
					t.Errorf("the core responded %+v", r)
				}
				lb.idle()
			})
		})
	}
}

// sink is a client that takes everything.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
func (s sink) WriteHeader(int)             {}
func (s sink) Flush()                      {}

// chunks is a body of so many reads, each an event.
type chunks struct {
	event []byte
	left  int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.event), nil
}

// A thousand events more allocate nothing more, with an editor that leaves them as they are and without one.
func TestChunksAllocateNothing(t *testing.T) {
	lb := newLab(t, []*fake{nil}, nil)
	h := http.Header{"Content-Type": {"text/event-stream"}}
	for _, e := range []editor{nil, silent{}} {
		allocated := func(events int) float64 {
			return testing.AllocsPerRun(10, func() {
				x := &exchange{g: lb.Gateway, w: sink{h}, editor: e}
				m := newMeter(routes()[0].op, h)
				body := &chunks{[]byte("data: " + contentEvent + "\n\n"), events}
				if upstream, client := x.pass(body, m); upstream != nil || client != nil || m.completion != events {
					t.Fatal(upstream, client, m.completion)
				}
			})
		}
		if few, many := allocated(10), allocated(1010); many-few >= 10 { // the pool of buffers may be emptied in between
			t.Errorf("editor %v: 10 events allocate %v times, 1010 %v times", e, few, many)
		}
	}
}
