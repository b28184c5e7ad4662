package gateway

import (
	"io"

	"foundrylab/gateway/core"
)

// maxHeld bounds what is held back of a stream, in bytes; of an answer that is
// not streamed, what a meter keeps of it.
const maxHeld = 64 << 10

// held is the beginning of an answer that nobody has seen yet.
type held struct {
	bytes []byte
	ended bool // it is the whole answer
}

// begin takes a good answer in, as far as the policy has it held back, and tells
// the core that it has begun, or that it failed before anybody saw of it: then
// the request may be sent again.
func (a *attempt) begin() {
	x := a.x
	h := a.response.Header
	known := x.settings().backends[a.at].outline
	a.meter, a.held = newMeter(x.route.op, h, known.Load()), held{}
	a.meter.hides = a.asked && a.meter.framer != nil
	if a.meter.op != nil && x.settings().Core.Retry.HoldsBack() {
		err := a.holdBack()
		if o := a.meter.classifier.Outline(); o != nil && o != known.Load() {
			known.Store(o)
		}
		if a.dropped() { // its Abort drops what has come
			return
		}
		if m := a.meter; err != nil || a.held.ended && !m.whole || (m.failed || m.malformed) && !m.content {
			outcome, why := m.verdict(err)
			a.held = held{}
			a.end(core.Event{Status: uint16(a.response.StatusCode), Outcome: outcome, Reason: why})
			return
		}
	}
	a.waiting.served()
	prompt := x.promptTokens()
	x.recountTotal(prompt)
	x.pool.driver.Do(core.Event{Kind: core.Head, Ref: a.ref, PromptTokens: prompt, Free: freeOf(h), Marks: x.route.marks()})
}

// holdBack reads an answer until it has content or is whole, or is longer than
// what is held back. An error is that of its connection.
func (a *attempt) holdBack() error {
	m, held := a.meter, &a.held
	take := func(p []byte) bool {
		held.bytes = append(held.bytes, m.take(p)...)
		return !m.content && !m.whole && !m.failed && !m.malformed && len(held.bytes) < maxHeld
	}
	if m.framer == nil {
		if n := a.response.ContentLength; n > 0 && n <= maxMetered {
			held.bytes = make([]byte, 0, n)
		}
		take = func(p []byte) bool {
			if held.bytes = append(held.bytes, p...); len(held.bytes) > maxMetered {
				m.lengthen(held.bytes)
			}
			return m.op != nil
		}
	}
	err := a.read(a.response.Body, take)
	if err == nil {
		return nil
	}
	if held.ended = true; m.framer == nil {
		m.kept = held.bytes
	}
	held.bytes = append(held.bytes, m.end(err == io.EOF)...)
	if err == io.EOF {
		return nil
	}
	return err
}

// read reads a body piece by piece as it comes, until more returns false or the
// body ends; that is no error. It holds no memory while it waits, as a stream
// does most of its time. Of an answer that has begun it notes when it waits for
// the backend, and not for more.
func (a *attempt) read(body io.Reader, more func(p []byte) bool) error {
	waiter, waits := body.(interface {
		Wait()
		There() []byte
	})
	noted := a.waiting.bounded && a.x.passed == a
	for {
		if noted {
			a.waiting.owed(a.x.g.cfg.Clock.Now(), tokens32(a.meter.used.Completion))
		}
		if waits {
			waiter.Wait()
			if p := waiter.There(); p != nil {
				if noted {
					a.waiting.served()
				}
				if !more(p) {
					return nil
				}
				continue
			}
		}
		if goOn, err := a.readPiece(body, more, noted); !goOn || err != nil {
			return err
		}
	}
}

// readPiece reads what is there into memory that it has meanwhile.
func (a *attempt) readPiece(body io.Reader, more func(p []byte) bool, noted bool) (goOn bool, err error) {
	buf := a.x.g.buffers.Get().(*[relayBuffer]byte)
	defer a.x.g.buffers.Put(buf)
	n, err := body.Read(buf[:])
	if noted {
		a.waiting.served()
	}
	if n > 0 && !more(buf[:n]) {
		return false, nil
	}
	return true, err
}
