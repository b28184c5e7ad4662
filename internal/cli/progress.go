package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress tells on a stream how far a run is: one line that is redrawn on a
// terminal; elsewhere a line after a second and then every ten. Safe for
// concurrent use.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	total    time.Duration
	quiet    bool
	terminal bool
	began    time.Time
	next     time.Time
	drawn    bool
}

func newProgress(w io.Writer, total time.Duration, quiet bool) *progress {
	now := time.Now()
	p := &progress{w: w, total: total, quiet: quiet, terminal: isTerminal(w), began: now, next: now.Add(time.Second)}
	if p.terminal {
		p.next = now
	}
	return p
}

// at reports that a run has passed some of its duration.
func (p *progress) at(passed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	now := time.Now()
	if p.quiet || now.Before(p.next) {
		return
	}
	p.next = now.Add(every)
	percent := min(passed/max(p.total/100, 1), 100)
	if passed > p.total {
		passed, percent = p.total, 100 // arrivals have ended; what is in flight is waited for
	}
	line := fmt.Sprintf("%3d %%  %v of %v, %v elapsed", percent, passed.Round(time.Second), p.total, now.Sub(p.began).Round(time.Second))
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.drawn = true
		return
	}
	fmt.Fprintln(p.w, line)
}

// note prints a line beside the progress.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return
	}
	p.clear()
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// isTerminal reports whether a stream is one a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	if null, missing := os.Stat(os.DevNull); err == nil && missing == nil && os.SameFile(info, null) {
		return false // a device of characters too
	}
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
