package record

import (
	"bytes"
	"errors"
	"math/rand"
	"strings"
	"testing"
	"testing/iotest"
)

// file writes entries to a file.
func file(t *testing.T, h Header, entries []entry, interrupted bool) string {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, put := range entries {
		put(w)
	}
	if interrupted {
		w.Interrupt()
	}
	if err := w.Finish(h); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// A file read back makes the summary that the entries made, byte for byte.
func TestWriterAndReplay(t *testing.T) {
	for seed := range int64(30) {
		dice := rand.New(rand.NewSource(seed))
		h := randomHeader(dice)
		entries := randomEntries(dice, &h, dice.Intn(500))
		direct := summarise(h, entries)
		if seed%3 == 0 {
			direct.Interrupt()
		}
		written := file(t, h, entries, seed%3 == 0)
		got, err := Replay(strings.NewReader(written), nil)
		if err != nil {
			t.Fatal(err)
		}
		replayed := NewSummary(got)
		if _, err := Replay(strings.NewReader(written), replayed); err != nil {
			t.Fatal(err)
		}
		if a, b := text(t, direct), text(t, replayed); a != b {
			t.Fatalf("seed %d: replayed\n%s\nwas\n%s", seed, b, a)
		}
		// Written once more it is the same file; Finish adds the header.
		var again bytes.Buffer
		w := NewWriter(&again)
		if _, err := Replay(strings.NewReader(written), w); err != nil || w.Finish(got) != nil {
			t.Fatal(err)
		}
		if again.String() != written {
			t.Fatalf("seed %d: another file", seed)
		}
	}
}

const headerLine = `{"header":{"schema_version":1,"duration_ns":1000000000,"tenants":[{"name":"a","weight":1}],"backends":[{"name":"b"}]}}` + "\n"

func TestReplaySkipsWhatItDoesNotKnow(t *testing.T) {
	src := `{"weather":{"rain":true}}` + "\n" + `{"request":{"Outcome":1,"Tries":2,"Mood":"good","TTFT":-1}}` + "\n{}\n" + headerLine + `{"epilogue":1}` + "\n  \n"
	h, err := Replay(strings.NewReader(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSummary(h)
	if _, err := Replay(strings.NewReader(src), s); err != nil {
		t.Fatal(err)
	}
	if r := s.Result(); r.Totals.Requests != 1 || r.Totals.Succeeded != 1 || r.Totals.Tries != 2 {
		t.Errorf("%+v", r.Totals)
	}
}

func TestBrokenFiles(t *testing.T) {
	request := `{"request":{"Outcome":1}}` + "\n"
	for _, c := range []struct{ name, src, want string }{
		{"empty", "", "no header at the end: the run that wrote this was cut off"},
		{"no header", request, "no header at the end"},
		{"cut in an entry", request + request[:9], "line 2: the file ends in the middle of an entry: the run that wrote it was cut off"},
		{"cut in the header", request + headerLine[:50], "line 2: the file ends in the middle"},
		{"no JSON", "hello\n" + headerLine, "line 1: invalid character 'h'"},
		{"another type", `{"request":7}` + "\n" + headerLine, "line 1: json: cannot unmarshal number"},
		{"out of range", `{"request":{"Tenant":65536}}` + "\n" + headerLine, "line 1: json: cannot unmarshal number 65536"},
		{"schema version", strings.Replace(headerLine, `version":1`, `version":2`, 1), "schema version 2, this foundrylab reads 1"},
		{"pending", `{"request":{}}` + "\n" + headerLine, "line 1: a request that is over has outcome 0"},
		{"outcome", `{"request":{"Outcome":4}}` + "\n" + headerLine, "line 1: a request that is over has outcome 4"},
		{"tenant of a request", request + `{"request":{"Outcome":1,"Tenant":1}}` + "\n" + headerLine, "line 2: tenant 1, but the header names 1"},
		{"tenant of a try", `{"try":{"Tenant":2}}` + "\n" + request + headerLine, "line 1: tenant 2, but the header names 1"},
		{"tenant of an attempt", `{"attempt":{"Tenant":3}}` + "\n" + headerLine, "line 1: tenant 3, but"},
		{"nobody's attempt", `{"attempt":{"Tenant":65535}}` + "\n" + headerLine, ""},
		{"backend of an attempt", `{"attempt":{"Backend":1}}` + "\n" + headerLine, "line 1: backend 1, but the header names 1"},
		{"backend of a sample", `{"sample":{"Backend":1}}` + "\n" + headerLine, "line 1: backend 1, but the header names 1"},
		{"backend of a transition", `{"transition":{"Backend":1}}` + "\n" + headerLine, "line 1: backend 1, but the header names 1"},
		{"fault", strings.Replace(headerLine, `"tenants"`, `"faults":[{"name":"f","backend":1}],"tenants"`, 1), `the header's fault "f" strikes backend 1, of 1`},
		{"duration", strings.Replace(headerLine, `:1000000000`, `:0`, 1), "the header's duration is 0s"},
	} {
		_, err := Replay(strings.NewReader(c.src), nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	down := errors.New("disk on fire")
	if _, err := Replay(iotest.ErrReader(down), nil); !errors.Is(err, down) {
		t.Errorf("a read error: %v", err)
	}
}

// The first write error is kept, and nothing is written after it.
func TestWriteErrors(t *testing.T) {
	f := &full{room: 2}
	w := NewWriter(f)
	for range 5 {
		w.Dropped(1)
	}
	if err := w.Finish(header(nil, 0)); err == nil || err.Error() != "full 3" || f.writes != 3 {
		t.Errorf("%v after %d writes", err, f.writes)
	}
}

// full has room for some writes.
type full struct{ room, writes int }

func (f *full) Write(p []byte) (int, error) {
	if f.writes++; f.writes > f.room {
		return 0, errors.New("full " + string('0'+byte(f.writes)))
	}
	return len(p), nil
}

// Whatever is in a file, reading it is an error or gives what a summary takes.
func FuzzReplay(f *testing.F) {
	f.Add(headerLine)
	f.Add(`{"attempt":{"Backend":0,"Tenant":65535,"Start":-5}}` + "\n" + headerLine)
	f.Add(`{"lag":-1}` + "\n" + `{"request":{"Outcome":3,"End":9223372036854775807}}` + "\n" + headerLine)
	f.Fuzz(func(t *testing.T, src string) {
		h, err := Replay(strings.NewReader(src), nil)
		if err != nil || h.Duration > 1e15 || len(h.Tenants) > 100 || len(h.Backends) > 100 {
			return
		}
		s := NewSummary(h)
		if _, err := Replay(strings.NewReader(src), s); err != nil {
			t.Fatal(err)
		}
	})
}
