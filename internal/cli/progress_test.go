package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	var w bytes.Buffer
	p := newProgress(&w, 200*time.Second, false)
	p.at(time.Second)
	if w.Len() > 0 {
		t.Errorf("a word within the first second: %q", w.String())
	}
	p.next = time.Time{}
	p.at(50 * time.Second)
	p.at(60 * time.Second) // too soon after
	p.note("serving %s", "x")
	p.next = time.Time{}
	p.at(300 * time.Second) // draining
	p.done()
	want := " 25 %  50s of 3m20s, 0s elapsed\nserving x\n100 %  3m20s of 3m20s, 0s elapsed\n"
	if w.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", w.String(), want)
	}
}

func TestProgressOfTheLongestRun(t *testing.T) {
	var w bytes.Buffer
	p := newProgress(&w, 87600*time.Hour, false)
	p.next = time.Time{}
	p.at(43800 * time.Hour)
	if !strings.HasPrefix(w.String(), " 50 %") {
		t.Error(w.String())
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var w bytes.Buffer
	p := newProgress(&w, 100*time.Second, false)
	p.terminal, p.next = true, time.Time{}
	p.at(10 * time.Second)
	p.note("a note")
	p.next = time.Time{}
	p.at(20 * time.Second)
	p.done()
	const clear = "\r\x1b[K"
	want := clear + " 10 %  10s of 1m40s, 0s elapsed" + clear + "a note\n" + clear + " 20 %  20s of 1m40s, 0s elapsed" + clear
	if w.String() != want {
		t.Errorf("got %q, want %q", w.String(), want)
	}
}

func TestQuietProgress(t *testing.T) {
	var w bytes.Buffer
	p := newProgress(&w, time.Second, true)
	p.next = time.Time{}
	p.at(time.Second)
	p.note("a note")
	p.done()
	if w.Len() > 0 {
		t.Error(w.String())
	}
}
