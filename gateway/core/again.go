package core

import (
	"foundrylab/gateway/budget"
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// ofRequest marks a timer that is a request's, which has its generation and slot
// too; others are a breaker's.
const ofRequest = 1 << 63

// slotBits hold any slot: see the bound of MaxInFlight.
const slotBits = 24

func timerOf(ref record.Ref) uint64 { return ofRequest | uint64(ref.Gen)<<slotBits | uint64(ref.Slot) }

// lags lets a request wait whose backend does not find what it builds upon: it
// comes to be found some time after its stream ended. Nobody else can know it,
// so only a request with a pin waits.
func (c *Core) lags(now tick.Instant, ref record.Ref, r *request, ev *Event) bool {
	if !r.metered || r.pin == 0 || ev.Reason != record.PreviousMissing {
		return false
	}
	wait, more := c.configs[r.cfg].Affinity.Wait(r.waited)
	at := now.Add(wait)
	if !more || at >= r.deadline || c.asks >= c.cfg.MaxInFlight {
		return false
	}
	r.state, r.since = lagging, now
	r.waited++
	c.asks++
	c.timers.Push(at, des.PrioStart, timerOf(ref))
	return true
}

// askAgain sends a request whose wait is over, to its one backend, or does what
// else is done with one whose backend can take none now. Who has left meanwhile
// has left its timer behind, of which there are not more than requests may be.
func (c *Core) askAgain(now tick.Instant, timer uint64, out []Effect) []Effect {
	c.asks--
	ref := record.Ref{Slot: uint32(timer & (1<<slotBits - 1)), Gen: uint32(timer >> slotBits)}
	r := c.find(ref)
	if r == nil || r.state != lagging {
		return out
	}
	r.queued, r.since = r.queued+tick.ToUnits(now.Sub(r.since)), now
	r.tried = c.barred(r)
	if backend := c.choose(now, r, budget.Entitled); backend >= 0 {
		return c.attempt(now, ref, r, backend, out)
	}
	if c.comeBack(now, ref, r, false) {
		return out
	}
	first := *r // that it was not found says nothing of why it cannot be sent
	first.attempts, first.status = 0, 0
	return c.respond(now, ref, r, c.noBackend(now, &first), out)
}
