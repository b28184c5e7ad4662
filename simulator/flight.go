package simulator

import (
	"fmt"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// flight is one request with its deployment, from Start to the one terminal effect. It belongs to the goroutine that
// answers the request.
type flight struct {
	b     *backend
	box   *drive.Box[deployment.Effect]
	gone  <-chan struct{}   // closed when the client has left
	plan  deployment.Effect // admitted: how to answer
	end   deployment.Effect // the terminal effect, once ended
	ended bool
	sleep *pace.Sleeper
}

// start brings a request before its deployment: afterwards it is refused (ended) or planned. The caller must land it.
// text is that of the prompt where only comparing tells what others share of it, else nil.
func (b *backend) start(ev deployment.Event, text *blocks, gone <-chan struct{}) *flight {
	if text != nil {
		ev.Shared = b.sights.shared(b.clock.Now(), b.setting.Load().cfg.CacheRetention(), text, ev.PromptTokens)
	}
	f := &flight{b: b, box: b.driver.Open(), gone: gone, sleep: pace.NewSleeper()}
	ev.Kind, ev.Ref = deployment.Start, f.box.Ref
	b.driver.Do(ev)
	for decided := false; !decided; {
		select {
		case e := <-f.box.C:
			f.take(e)
			decided = true
		case <-gone:
			f.leave()
			decided = true
		}
	}
	if text != nil && !f.ended {
		b.sights.add(b.clock.Now(), text)
	}
	return f
}

func (f *flight) take(e deployment.Effect) {
	switch e.Kind {
	case deployment.Plan:
		f.plan = e
		return
	case deployment.Replan:
		e = f.b.newest(e.Ref.Slot)
		f.plan.Schedule = e.Schedule
		return
	}
	f.end, f.ended = e, true
}

// drain takes what has arrived.
func (f *flight) drain() {
	for !f.ended {
		select {
		case e := <-f.box.C:
			f.take(e)
		default:
			return
		}
	}
}

// done returns when the answer ends, or breaks off, by the plan of the moment.
func (f *flight) done() tick.Instant { return f.plan.EndsAt() }

// wait returns true at the given instant, or false as soon as the flight has ended (as planned, by a fault, or because
// the client left) or has another plan. What the deployment decided counts before what is due.
func (f *flight) wait(until tick.Instant) (reached bool) {
	for plan := f.plan.Schedule; ; {
		if f.drain(); f.ended || f.plan.Schedule != plan {
			return false
		}
		if f.b.clock.Until(until) <= 0 {
			return true
		}
		f.b.alarm.Set(f.sleep, until)
		select {
		case <-f.sleep.C:
		case e := <-f.box.C:
			f.take(e)
		case <-f.gone:
			f.leave()
		}
	}
}

// leave tells the deployment that the client is gone, unless the flight has ended before.
func (f *flight) leave() { f.conclude(deployment.Event{Kind: deployment.Gone, Ref: f.box.Ref}) }

// finish ends a flight whose planned end has come: it need not wait for the driver's own timer. A fault that was due
// before may have put the end off.
func (f *flight) finish() { f.conclude(deployment.Event{Kind: deployment.Wake}) }

// settle returns an instant by which the deployment has decided, and the flight knows, what was due.
func (f *flight) settle() tick.Instant {
	now := f.b.driver.Do(deployment.Event{Kind: deployment.Wake})
	f.drain()
	return now
}

// conclude gives an event that must end the flight, unless it is only now put off.
func (f *flight) conclude(ev deployment.Event) {
	if f.drain(); f.ended {
		return
	}
	now := f.b.driver.Do(ev)
	if f.drain(); !f.ended && f.done() <= now {
		panic(fmt.Sprintf("simulator: %+v did not end the request planned as %+v", ev, f.plan))
	}
}

// land makes sure that the flight has ended, and frees its slot. It is deferred: a panic is a client gone.
func (f *flight) land() {
	f.b.alarm.Stop(f.sleep)
	f.leave()
	f.b.driver.Close(f.box)
}
