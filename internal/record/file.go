package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Writer is a Sink that writes every entry as a JSON line, and the header as
// the last one. Not safe for concurrent use. The first write error stops it.
type Writer struct {
	enc *json.Encoder
	err error
}

var _ Sink = (*Writer)(nil)

// NewWriter writes to w, which should be buffered.
func NewWriter(w io.Writer) *Writer { return &Writer{enc: json.NewEncoder(w)} }

// line is one line of an entry file; exactly one field is set.
type line struct {
	Header     *Header        `json:"header,omitempty"`
	Request    *Request       `json:"request,omitempty"`
	Try        *Try           `json:"try,omitempty"`
	Attempt    *Attempt       `json:"attempt,omitempty"`
	Sample     *Sample        `json:"sample,omitempty"`
	Transition *Transition    `json:"transition,omitempty"`
	Lag        *time.Duration `json:"lag,omitempty"`
	Dropped    *int64         `json:"dropped,omitempty"`
	Interrupt  bool           `json:"interrupted,omitempty"`
}

func (w *Writer) put(l line) {
	if w.err == nil {
		w.err = w.enc.Encode(l)
	}
}

// Request implements Sink.
func (w *Writer) Request(e *Request) { w.put(line{Request: e}) }

// Try implements Sink.
func (w *Writer) Try(e *Try) { w.put(line{Try: e}) }

// Attempt implements Sink.
func (w *Writer) Attempt(e *Attempt) { w.put(line{Attempt: e}) }

// Sample implements Sink.
func (w *Writer) Sample(e *Sample) { w.put(line{Sample: e}) }

// Transition implements Sink.
func (w *Writer) Transition(e *Transition) { w.put(line{Transition: e}) }

// Lag implements Sink.
func (w *Writer) Lag(d time.Duration) { w.put(line{Lag: &d}) }

// Dropped implements Sink.
func (w *Writer) Dropped(n int64) { w.put(line{Dropped: &n}) }

// Interrupt notes that the run was stopped before its end.
func (w *Writer) Interrupt() { w.put(line{Interrupt: true}) }

// Finish writes the header and returns the first error of any write.
func (w *Writer) Finish(h Header) error {
	w.put(line{Header: &h})
	return w.err
}

// Replay hands the entries of a file to sink, a Summary's Interrupt included;
// entries of kinds that this version does not know are skipped. It returns the
// header, which is the last line: since a Summary is made from one, read the
// file twice, first with a nil sink. A file that passes then holds nothing
// that a Summary of its header cannot take. Errors name the line.
func Replay(r io.Reader, sink Sink) (Header, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	var header *Header
	var most bounds
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		blank := len(bytes.TrimSpace(text)) == 0
		if err == io.EOF && blank {
			break
		}
		if err == io.EOF {
			return Header{}, fmt.Errorf("line %d: the file ends in the middle of an entry: the run that wrote it was cut off", n)
		}
		if err != nil {
			return Header{}, fmt.Errorf("line %d: %w", n, err)
		}
		if blank {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return Header{}, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Header != nil {
			header = l.Header
		}
		if err := most.take(&l, n); err != nil {
			return Header{}, fmt.Errorf("line %d: %w", n, err)
		}
		if sink != nil {
			l.hand(sink)
		}
	}
	if header == nil {
		return Header{}, fmt.Errorf("no header at the end: the run that wrote this was cut off")
	}
	if header.SchemaVersion != SchemaVersion {
		return Header{}, fmt.Errorf("schema version %d, this foundrylab reads %d", header.SchemaVersion, SchemaVersion)
	}
	return *header, most.within(header)
}

// bounds are the greatest dense ids of a file and where they stand.
type bounds struct{ tenant, tenantLine, backend, backendLine int }

// take notes the ids of an entry, and refuses one that no run writes.
func (b *bounds) take(l *line, n int) error {
	tenant, backend := -1, -1
	switch {
	case l.Request != nil:
		tenant = int(l.Request.Tenant)
		if o := l.Request.Outcome; (o == Pending || o > Failed) && l.Request.Reason != Interrupted {
			return fmt.Errorf("a request that is over has outcome %d", o)
		}
	case l.Try != nil:
		tenant = int(l.Try.Tenant)
	case l.Attempt != nil:
		backend = int(l.Attempt.Backend)
		if l.Attempt.Tenant != NoTenant {
			tenant = int(l.Attempt.Tenant)
		}
	case l.Sample != nil:
		backend = int(l.Sample.Backend)
	case l.Transition != nil:
		backend = int(l.Transition.Backend)
	}
	if tenant >= b.tenant {
		b.tenant, b.tenantLine = tenant+1, n
	}
	if backend >= b.backend {
		b.backend, b.backendLine = backend+1, n
	}
	return nil
}

// within checks that the header names everybody whom the entries speak of.
func (b *bounds) within(h *Header) error {
	if b.tenant > len(h.Tenants) {
		return fmt.Errorf("line %d: tenant %d, but the header names %d", b.tenantLine, b.tenant-1, len(h.Tenants))
	}
	if b.backend > len(h.Backends) {
		return fmt.Errorf("line %d: backend %d, but the header names %d", b.backendLine, b.backend-1, len(h.Backends))
	}
	for _, f := range h.Faults {
		if f.Backend < 0 || f.Backend >= len(h.Backends) {
			return fmt.Errorf("the header's fault %q strikes backend %d, of %d", f.Name, f.Backend, len(h.Backends))
		}
	}
	if h.Duration <= 0 {
		return fmt.Errorf("the header's duration is %v", h.Duration)
	}
	return nil
}

func (l *line) hand(sink Sink) {
	switch {
	case l.Interrupt:
		if s, ok := sink.(interface{ Interrupt() }); ok {
			s.Interrupt()
		}
	case l.Request != nil:
		sink.Request(l.Request)
	case l.Try != nil:
		sink.Try(l.Try)
	case l.Attempt != nil:
		sink.Attempt(l.Attempt)
	case l.Sample != nil:
		sink.Sample(l.Sample)
	case l.Transition != nil:
		sink.Transition(l.Transition)
	case l.Lag != nil:
		sink.Lag(*l.Lag)
	case l.Dropped != nil:
		sink.Dropped(*l.Dropped)
	}
}
