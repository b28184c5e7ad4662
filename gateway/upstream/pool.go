package upstream

import (
	"container/list"
	"context"
	"time"
)

// address is where connections lead to: a URL's scheme and host.
type address struct{ scheme, host string }

// pool is the connections to one address. It is there while one of them is, or somebody waits for one.
type pool struct {
	idle    []*conn   // used again from the end: what is left over at the front grows old and is closed
	open    int       // idle, in use, and being dialled
	waiting list.List // of chan *conn, in order of arrival
}

// take returns a connection to an address: an idle one that is still good, or a fresh one.
func (t *Transport) take(ctx context.Context, to address, fresh bool) (*conn, error) {
	for {
		c, wait := t.grasp(to, fresh)
		if wait != nil {
			var err error
			if c, err = t.await(ctx, to, wait); err != nil {
				return nil, err
			}
		}
		switch {
		case c == nil:
			return t.connect(ctx, to)
		case fresh || c.expired(t.opt.MaxLifetime) || time.Since(c.since) >= t.opt.IdleTimeout || !c.alive():
			t.discard(c)
		default:
			return c, nil
		}
	}
}

// grasp returns an idle connection; or nil and nil where one may be opened; or where to wait for one of these.
func (t *Transport) grasp(to address, fresh bool) (*conn, *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = false
	p := t.pools[to]
	if p == nil {
		p = new(pool)
		t.pools[to] = p
	}
	full := t.opt.MaxConns > 0 && p.open >= t.opt.MaxConns
	if n := len(p.idle) - 1; n >= 0 && (!fresh || full) { // one that is full has no place for a fresh one until an idle one goes
		c := p.idle[n]
		p.idle[n] = nil
		p.idle = p.idle[:n]
		return c, nil
	}
	if full {
		return nil, p.waiting.PushBack(make(chan *conn, 1))
	}
	p.open++
	return nil, nil
}

// await waits for what grasp promised.
func (t *Transport) await(ctx context.Context, to address, place *list.Element) (*conn, error) {
	ready := place.Value.(chan *conn)
	select {
	case c := <-ready:
		return c, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	p := t.pools[to] // there is one as long as somebody waits, or has what was promised
	p.waiting.Remove(place)
	t.mu.Unlock()
	select { // the promise may have come true at the same time: somebody else has use for it
	case c := <-ready:
		if c != nil {
			t.put(c)
		} else {
			t.closedOne(to)
		}
	default:
	}
	return nil, context.Cause(ctx)
}

// connect opens a connection in the place that grasp took.
func (t *Transport) connect(ctx context.Context, to address) (*conn, error) {
	c, err := t.dial(ctx, to)
	if err != nil {
		t.closedOne(to)
		return nil, err
	}
	return c, nil
}

// put takes a connection back whose answer is over: for whoever waits, or for later.
func (t *Transport) put(c *conn) {
	c.reused, c.since = true, time.Now()
	t.mu.Lock()
	p := t.pools[c.to]
	if first := p.waiting.Front(); first != nil {
		p.waiting.Remove(first).(chan *conn) <- c
		t.mu.Unlock()
		return
	}
	keep := !t.closed && len(p.idle) < t.opt.MaxIdle
	if keep {
		p.idle = append(p.idle, c)
		t.arm()
	}
	t.mu.Unlock()
	if !keep {
		t.discard(c)
	}
}

// discard closes a connection that is in no pool's list.
func (t *Transport) discard(c *conn) {
	c.net.Close()
	t.closedOne(c.to)
}

// closedOne gives the place of a connection that is no more to whoever waits.
func (t *Transport) closedOne(to address) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pools[to]
	if first := p.waiting.Front(); first != nil {
		p.waiting.Remove(first).(chan *conn) <- nil
		return
	}
	if p.open--; p.open == 0 {
		delete(t.pools, to)
	}
}

// arm has idle connections looked at in a while.
func (t *Transport) arm() {
	if t.armed {
		return
	}
	t.armed = true
	if every := t.opt.IdleTimeout / 4; t.sweep == nil {
		t.sweep = time.AfterFunc(every, t.sweepIdle)
	} else {
		t.sweep.Reset(every)
	}
}

// sweepIdle closes what has been idle, or open, for too long.
func (t *Transport) sweepIdle() {
	now := time.Now()
	var old []*conn
	t.mu.Lock()
	t.armed = false
	left := 0
	for _, p := range t.pools {
		kept := p.idle[:0]
		for _, c := range p.idle {
			if now.Sub(c.since) >= t.opt.IdleTimeout || c.expired(t.opt.MaxLifetime) {
				old = append(old, c)
			} else {
				kept = append(kept, c)
			}
		}
		clear(p.idle[len(kept):])
		p.idle = kept
		left += len(kept)
	}
	if left > 0 {
		t.arm()
	}
	t.mu.Unlock()
	for _, c := range old {
		t.discard(c)
	}
}
