package gateway

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// exchange is one request of a client, from its arrival in the core to the end
// of its answer. It belongs to the request's goroutine: effects come in through
// the box, what happens goes back as events.
//
// Every request gives the core one Request and, where its client leaves, one
// Gone; every Send that was begun gives one End, or none
// after a Gone or where the core has given the attempt up.
//
// A Send beside the attempt under way has a goroutine of its own, which goes as far
// as the beginning of its answer: see beside.go.
type exchange struct {
	g        *Gateway
	pool     *pool
	route    *route
	routeID  int
	w        http.ResponseWriter
	r        *http.Request
	body     []byte
	template [][]byte // v1: the body around its model
	visitor  visitor
	bound    bound
	trace    *trace // nil: nobody wants spans

	counting  sync.Mutex  // of the next two, since two attempts may be under way
	prompt    int32       // tokens; 0: not counted yet
	uncounted *ops.Peeked // what the body says, until its prompt is counted
	silent    bool        // of a stream whose usage nobody tells unless asked: the client did not ask
	began     tick.Instant
	asks      asks
	cost      cost // of the attempts that are over
	portion   portion

	box   *drive.Box[core.Effect]
	queue []core.Effect // taken from the box, not yet carried out

	first     attempt                 // the one under way, or the last
	hedge     atomic.Pointer[attempt] // the last one that was made beside it; nil: none was
	passed    *attempt                // whose answer is passed on; nil: none is yet
	left      bool                    // the core was told that the client left
	committed bool                    // the client has seen headers
	cut       bool                    // what the client has seen is not the whole answer
}

// settings returns what is in force of the exchange's pool.
func (x *exchange) settings() *poolSettings { return x.g.present.Load().pools[x.pool.place] }

// run carries the request through. A panic on the way ends it in the core too.
func (x *exchange) run(request core.Event) {
	x.box = x.pool.driver.Open()
	over := false
	defer func() {
		defer x.pool.driver.Close(x.box) // whatever panics
		defer x.first.drop()
		if !over {
			defer x.broken()
			x.leave()
		}
	}()
	request.Ref, x.box.Owner, x.first.x = x.box.Ref, x, x
	x.first.waiting.served()
	x.pool.driver.Do(request)
	for {
		switch e := x.next(); e.Kind {
		case core.Send:
			x.send(e)
		case core.Commit:
			x.settleHedges()
			x.relay(e)
		case core.Abort:
			x.attemptOf(e.Ref).abort(e)
		case core.RolledBack:
			x.rolledBack()
		case core.Respond:
			over = true
			x.settleHedges()
			x.settleTotal(e)
			x.respond(e)
			return
		}
	}
}

// next returns the next effect. A client that leaves while nothing is to be
// done yet is reported; the core answers that with a Respond.
func (x *exchange) next() core.Effect {
	if len(x.queue) > 0 {
		e := x.queue[0]
		x.queue = x.queue[1:]
		return e
	}
	select {
	case e := <-x.box.C:
		return e
	default:
	}
	select {
	case e := <-x.box.C:
		return e
	case <-x.r.Context().Done():
		x.leave()
		return <-x.box.C
	}
}

// aborted reports whether the core has taken back what it just sent.
func (x *exchange) aborted(attempt record.Ref) bool {
	for range len(x.box.C) {
		x.queue = append(x.queue, <-x.box.C)
	}
	return slices.ContainsFunc(x.queue, func(e core.Effect) bool { return e.Kind == core.Abort && e.Ref == attempt })
}

// leave tells the core, once, that the client left.
func (x *exchange) leave() {
	if !x.left {
		x.left = true
		a := x.passed
		if a == nil {
			a = &x.first
		}
		ev := core.Event{Kind: core.Gone, Ref: x.box.Ref}
		if a.response != nil && a.meter != nil {
			a.meter.tell(&ev)
		}
		defer x.pool.driver.Do(ev) // whatever panics: else nothing ever ends it
		a.spent(0, record.ClientGone)
	}
}

// gone reports whether the client has left, and tells the core if so.
func (x *exchange) gone() bool {
	if x.r.Context().Err() == nil {
		return false
	}
	x.leave()
	return true
}

// respond ends the exchange towards the client.
func (x *exchange) respond(e core.Effect) {
	if x.committed && !x.cut && len(x.w.Header()["Content-Length"]) > 0 { // what is left to do need not keep the client
		_ = http.NewResponseController(x.w).Flush()
	}
	x.log(e)
	x.count(e)
	x.trace.respond(x, e)
	switch {
	case x.committed && !x.cut:
		return
	case x.committed || x.left || e.Status == 0:
		// The client must not take what it has for a whole answer, whichever
		// way its length is told: only a connection that breaks says so.
		panic(http.ErrAbortHandler)
	case e.Made:
		x.answerMade(e)
	default:
		x.answerKept(e)
	}
}

// log writes the one line of a request. It holds no key, header or content.
func (x *exchange) log(e core.Effect) {
	line := x.g.cfg.Logger.Info()
	if line == nil {
		return
	}
	line.Str("route", x.route.name)
	x.g.sayWho(line, x.visitor)
	if name := x.settings().Name; name != "" {
		line.Str("pool", name)
	}
	if e.Backend != core.NoBackend {
		line.Str("backend", x.settings().backends[e.Backend].Name)
	}
	if x.bound.pin > 0 {
		line.Bool("pinned", true)
	}
	if e.Hedge {
		line.Bool("hedged", true)
	}
	line.Uint16("attempts", e.Attempts).
		Uint16("status", e.Status).
		Stringer("reason", e.Reason).
		Int64("prompt_tokens", x.cost.prompt).
		Int64("cached_tokens", x.cost.cached).
		Int64("completion_tokens", x.cost.completion).
		Bool("estimated", x.cost.estimated).
		Int64("charged_tokens", x.cost.charge)
	if x.cost.money > 0 {
		line.Float64("billed_amount", amount(x.cost.money))
	}
	line.Dur("queue_wait_ms", e.QueueWait.Span()).
		Dur("duration_ms", e.At.Sub(x.began)).
		Msg("request")
}
