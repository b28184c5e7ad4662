package upstream

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// body is the body of an answer. At its end the connection is given back. It is read by one goroutine; Close may come
// from another.
type body struct {
	inner io.Reader // which knows where the body ends
	parts *chunks   // inner, where the body is in chunks; else nil
	c     *conn
	ctx   context.Context
	reuse bool
	over  atomic.Bool // the connection is somebody else's
	err   error       // what every further read returns
}

// Read implements io.Reader. Its error is io.EOF after a whole body only.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.over.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.await()
	n, err := b.inner.Read(p)
	if err == nil {
		return n, nil
	}
	if b.err = err; err != io.EOF {
		b.err = b.c.why(b.ctx, err)
	}
	b.end(err == io.EOF)
	return n, b.err
}

// Wait returns when there is something to read, or the body is over: a caller needs no buffer until then. What
// is wrong, the next Read says.
func (b *body) Wait() {
	if b.err != nil || b.over.Load() {
		return
	}
	if b.parts != nil {
		b.parts.settle()
	}
	if b.c.in.Buffered() > 0 {
		return
	}
	b.await()
	if _, err := b.c.in.Peek(1); err != nil && err != io.EOF { // a reset is told once, and looks like the end from then on
		b.err = b.c.why(b.ctx, err)
		b.end(false)
	}
}

// There returns what has come, where it lies in memory as it is to be read, else nil: then Read has it, or knows why
// there is nothing. It is good until the next call of any method. It does not wait.
func (b *body) There() []byte {
	if b.parts == nil || b.err != nil || b.over.Load() {
		return nil
	}
	return b.parts.alone()
}

func (b *body) await() {
	if d := b.c.t.opt.BodyTimeout; d > 0 {
		b.c.deadline(b.ctx, time.Now().Add(d))
	}
}

// Close implements io.Closer. A body that was not read to its end takes its connection along.
func (b *body) Close() error {
	b.end(false)
	return nil
}

// end lets go of the connection, once.
func (b *body) end(whole bool) {
	switch {
	case b.over.Swap(true):
	case whole:
		b.c.done(b.reuse)
	default:
		b.c.close()
	}
}
