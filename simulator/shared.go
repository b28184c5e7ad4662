package simulator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/lease"
)

// Sharing is how a Server has its limits together with others. All of them must be configured alike.
type Sharing struct {
	State    State         // nil: the limits are this Server's own
	Away     lease.Away    // what to do while the State does not answer
	Patience time.Duration // longest wait of a request for the State, before it is refused; 0: 20 ms

	contact *contact // the Server's
}

// State is where several Servers keep what counts against their limits. Exchange answers one call of a replica about
// the deployment of that name; an error means that nothing is known of it. It is called concurrently, and must return
// within bounds.
type State interface {
	Exchange(ctx context.Context, deployment string, c *lease.Call) (lease.Reply, error)
}

// sharedLimits is a deployment's part in shared limits: it gives a lease.Machine what happens, and carries its calls to the
// State. All but run and what it calls is under the driver's lock.
type sharedLimits struct {
	b        *backend
	state    State
	contact  *contact
	machine  *lease.Machine
	meters   []lease.Meter // as the machine has them
	requests int           // of meters, the one that headers speak of
	flights  []reservation // by slot
	verdicts []lease.Verdict
	next     tick.Instant // when run looks again
	nudge    chan struct{}
}

// reservation is what was asked for a request that has not ended.
type reservation struct {
	ref     record.Ref
	charged int32
	granted bool
}

// shareable refuses deployments that share their limits and draw from a pool besides.
func shareable(all []*backend) error {
	var wrong []error
	for i, b := range all {
		if b.shared != nil && b.budget != nil {
			wrong = append(wrong, fmt.Errorf("deployments[%d]: %q draws from a shared pool of quota, which is one process's: its limits cannot be shared through a state too", i, b.cfg.Name))
		}
	}
	return errors.Join(wrong...)
}

func newShared(b *backend, cfg *Sharing) *sharedLimits {
	s := &sharedLimits{b: b, state: cfg.State, contact: cfg.contact, meters: b.core.Meters(), nudge: make(chan struct{}, 1)}
	s.machine = lease.New(lease.Options{Meters: s.meters, Away: cfg.Away, Patience: cfg.Patience}, b.clock.Now())
	for i := range s.meters {
		if s.meters[i].Name == "requests" || s.meters[i].Name == "minute" {
			s.requests = i
		}
	}
	return s
}

// reserve asks for one request; the answer comes now or later as an event.
func (s *sharedLimits) reserve(now tick.Instant, e *deployment.Effect) {
	if in := s.b.core.Meters(); !slices.Equal(in, s.meters) { // a change, or a fault
		s.meters = in
		s.machine.Resize(now, in)
	}
	for int(e.Ref.Slot) >= len(s.flights) {
		s.flights = append(s.flights, reservation{})
	}
	s.flights[e.Ref.Slot] = reservation{ref: e.Ref, charged: e.Charged}
	s.verdicts = s.machine.Reserve(now, e.Ref, deployment.Costs(e.Charged), s.verdicts[:0])
	for i := range s.verdicts {
		s.b.driver.Answer(s.event(&s.verdicts[i]))
	}
	s.look(now)
}

// ended settles a request with a terminal effect: what waits no longer, what it cost otherwise than was reserved, and
// what counts although it was refused.
func (s *sharedLimits) ended(now tick.Instant, e *deployment.Effect) {
	var f reservation
	if int(e.Ref.Slot) < len(s.flights) && s.flights[e.Ref.Slot].ref == e.Ref {
		f = s.flights[e.Ref.Slot]
		s.flights[e.Ref.Slot] = reservation{}
	}
	switch {
	case f.granted && s.b.cfg.Provisioned():
		s.machine.Count(now, lease.Amounts{int64(e.Charged) - int64(f.charged)})
	case f.charged > 0 && !f.granted && e.Kind == deployment.Cut:
		s.machine.Withdraw(e.Ref)
	case e.Kind == deployment.Refuse && s.b.core.CountsRefused() && byLimit(e.Reason):
		s.machine.Count(now, deployment.Costs(0))
	}
	s.look(now)
}

func byLimit(why record.Reason) bool {
	return why == record.TokenLimit || why == record.RequestLimit || why == record.TooLarge
}

// look makes run look where something is due sooner than it knows.
func (s *sharedLimits) look(now tick.Instant) {
	if next := s.machine.NextWake(now); next < s.next {
		s.next = next
		select {
		case s.nudge <- struct{}{}:
		default:
		}
	}
}

// event tells the core of a verdict.
func (s *sharedLimits) event(v *lease.Verdict) deployment.Event {
	granted := v.Reason == record.NoReason
	if f := &s.flights[v.Ref.Slot]; f.ref == v.Ref {
		f.granted = granted
	}
	unit := time.Second // of the wait, as the service names it
	if s.b.cfg.Provisioned() {
		unit = time.Millisecond
	}
	wait := (v.Wait + unit - 1) / unit * unit
	return deployment.Event{Kind: deployment.Reserved, Ref: v.Ref, Granted: granted, Why: v.Reason, RetryMs: uint32(min(wait/time.Millisecond, math.MaxUint32)),
		Left: int32(min(v.Left[0], math.MaxInt32)), LeftRequests: int32(min(v.Left[s.requests], math.MaxInt32))}
}

// answer is what came of a call.
type answer struct {
	reply lease.Reply
	err   error
}

// run makes the machine's calls and wakes it, until ctx ends; who waits is then answered as without a State.
func (s *sharedLimits) run(ctx context.Context) {
	answers, calling := make(chan answer, 1), false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.nudge:
		case <-timer.C:
		case a := <-answers:
			calling = false
			s.answered(&a)
		case <-ctx.Done():
			s.step(s.machine.Failed)
			if calling {
				<-answers
			}
			return
		}
		if c, due := s.wake(); due {
			calling = true
			go func() {
				reply, err := s.state.Exchange(ctx, s.b.cfg.Name, &c)
				answers <- answer{reply, err}
			}()
		}
		timer.Reset(s.until())
	}
}

// step gives the machine something and the core what it makes of it.
func (s *sharedLimits) step(do func(now tick.Instant, out []lease.Verdict) []lease.Verdict) {
	s.b.driver.DoAll(func(now tick.Instant, out []deployment.Event) []deployment.Event {
		s.verdicts = do(now, s.verdicts[:0])
		for i := range s.verdicts {
			out = append(out, s.event(&s.verdicts[i]))
		}
		return out
	})
}

// wake lets the machine do what is due, and returns the call to make.
func (s *sharedLimits) wake() (c lease.Call, due bool) {
	s.step(func(now tick.Instant, out []lease.Verdict) []lease.Verdict {
		out = s.machine.Wake(now, out)
		c, due = s.machine.Call(now)
		return out
	})
	return c, due
}

// until returns how long nothing is due.
func (s *sharedLimits) until() (wait time.Duration) {
	s.b.driver.Locked(func(now tick.Instant) {
		s.next = s.machine.NextWake(now)
		wait = max(min(s.next.Sub(now), lease.Heartbeat), 0)
	})
	return wait
}

// answered hands an answer on, and notes whether the State went or came back.
func (s *sharedLimits) answered(a *answer) {
	var before, after bool
	s.step(func(now tick.Instant, out []lease.Verdict) []lease.Verdict {
		before = s.machine.Away()
		if a.err != nil {
			out = s.machine.Failed(now, out)
		} else {
			out = s.machine.Answered(now, &a.reply, out)
		}
		after = s.machine.Away()
		return out
	})
	switch {
	case after && !before:
		s.contact.lost(a.err)
	case before && !after:
		s.contact.found()
	}
}

// resets returns how long it takes until the windows that headers speak of are as good as new.
func (s *sharedLimits) resets() (tokens, requests time.Duration) {
	s.b.driver.Locked(func(now tick.Instant) {
		tokens, requests = s.machine.Resets(now, 0), s.machine.Resets(now, s.requests)
	})
	return tokens, requests
}

// usage replaces what the core cannot know by what is known of the shared limits.
func (s *sharedLimits) usage(now tick.Instant, u *deployment.Usage) {
	left, of := s.machine.Left(now), s.meters[0].Limit
	if u.Used = left[0]; s.meters[0].Kind != lease.Bucket {
		u.Used = of - left[0]
		u.RemainingTokens, u.RemainingRequests = int32(min(left[0], math.MaxInt32)), int32(min(left[s.requests], math.MaxInt32))
	}
	u.UtilizationPPM = int32(min(tick.MulDiv(u.Used, 1_000_000, max(of, 1)), math.MaxInt32))
}

// contact says once that the State does not answer, and once that it does again, however many deployments see it.
type contact struct {
	mu   sync.Mutex
	log  zerolog.Logger
	away int // deployments without it
}

func (c *contact) lost(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away++; c.away == 1 {
		c.log.Warn().Err(err).Msg("the shared state is away: limits are not shared until it is back")
	}
}

func (c *contact) found() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away--; c.away == 0 {
		c.log.Info().Msg("the shared state is back: limits are shared again")
	}
}
