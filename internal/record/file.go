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

// Finish writes the header and returns the first error of any write.
func (w *Writer) Finish(h Header) error {
	w.put(line{Header: &h})
	return w.err
}

// Replay hands the entries of a file to sink; entries of kinds that this
// version does not know are skipped. It returns the header. Errors name the
// line.
func Replay(r io.Reader, sink Sink) (Header, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	var header *Header
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(bytes.TrimSpace(text)) == 0 {
			break
		}
		if err != nil {
			return Header{}, fmt.Errorf("line %d: the file ends in the middle of an entry", n)
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return Header{}, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Header != nil {
			header = l.Header
		}
		l.hand(sink)
	}
	if header == nil {
		return Header{}, fmt.Errorf("no header: the run that wrote this was cut off")
	}
	if header.SchemaVersion != SchemaVersion {
		return Header{}, fmt.Errorf("schema version %d, this foundrylab reads %d", header.SchemaVersion, SchemaVersion)
	}
	return *header, nil
}

func (l *line) hand(sink Sink) {
	switch {
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
