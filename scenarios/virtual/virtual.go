// Package virtual runs a scenario in virtual time: the same cores as live,
// stepped by a loop that always takes the earliest deadline, so that a run is
// a pure function of scenario and seed. It refuses clocks, goroutines and I/O.
package virtual

import (
	"time"

	"foundrylab/gateway/budget"
	gateway "foundrylab/gateway/core"
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	load "foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
	"foundrylab/scenarios"
	"foundrylab/simulator/deployment"
)

// Options are what a run may be given.
type Options struct {
	// Also receives every entry beside the summary; nil: nobody.
	Also record.Sink
	// Progress is called every few thousand deadlines with the virtual time
	// that has passed; when it returns false the run is interrupted.
	Progress func(passed time.Duration) bool
}

// Run runs a scenario and returns its summary.
func Run(s *scenarios.Scenario, opt Options) *record.Summary {
	r := New(s, opt)
	r.Run()
	return r.summary
}

// Runner is one virtual run. Not safe for concurrent use.
type Runner struct {
	world   *scenarios.World
	summary *record.Summary
	opt     Options
	start   tick.Instant
	end     tick.Instant
	tries   []try               // by load slot
	sent    []uint32            // by the gateway's attempt slot: the slot of its try, or beside
	refs    []record.Ref        // by the gateway's attempt slot: the attempt
	refused []deployment.Effect // by the gateway's attempt slot, as far as one was held
	wakes   []tick.Instant
	steps   int64
	timed   []bool          // by tenant: it has a timeout
	anybody bool            // timed: somebody has one
	shared  []tenant.Shared // by tenant
	tiers   []record.Tier   // by tenant: that it asks for
	spill   []int           // by backend: which one takes what it refuses; -1: none
	target  []bool          // by backend: where both refuse, the other one's answer counts
	hears   bool            // the gateway goes by what answers say of limits
	free    []int32         // hears: by the gateway's attempt slot, what its headers will say of them
	isPTU   []bool          // by backend: it is provisioned
	watches bool            // holds: when answers begin matters, not only that they did
	holds   bool            // the gateway holds answers back until their first content
	hedges  bool            // it may have two attempts of a try under way
	second  []try           // by the gateway's attempt slot: the try of an attempt beside another one, as far as that one goes

	contents des.Heap // when streams have their first content, by the gateway's attempt slot

	// Effects of nested steps share one stack per core.
	fromLoad    []load.Effect
	fromGateway []gateway.Effect
	fromBackend []deployment.Effect

	// Entries are built in place: what is passed on through an interface
	// would otherwise be allocated.
	request record.Request
	tryEnd  record.Try
	att     record.Attempt
}

// try is a client's try on its way: what its body would say, and the attempt
// that the gateway makes of it at the moment. It fits one cache line: with
// thousands in flight, lines touched are what a step costs.
type try struct {
	key                       uint64
	first                     tick.Instant // first content of the answer; 0: none came
	prompt, output, maxTokens int32
	tenant, number            uint16
	stream                    bool
	answer                    uint8
	eager                     bool // when it begins matters

	spilled bool         // backend is where the attempt went on to
	held    bool         // spilled: the answer of the one before is in refused, since the second one's does not count
	backend uint16       // where the attempt is
	from    uint16       // held: the backend that gave the answer in refused
	start   tick.Instant // of the attempt
	firstIn tick.Units   // first content of the attempt, after start; 0: not planned
}

// The places in wakes: backends first, so that what ends and what breaks at
// an instant comes before what begins at it.
const (
	contentPlace = 0 // after the backends
	gatewayPlace = 1
	loadPlace    = 2
)

// New returns a run that is yet to be run.
func New(s *scenarios.Scenario, opt Options) *Runner {
	start := tick.Instant(s.StartTime().UnixNano()).Floor()
	w := s.NewWorld("virtual", start)
	r := &Runner{world: w, summary: record.NewSummary(w.Header), opt: opt, start: start, end: start.Add(time.Duration(s.Duration)),
		hears: hears(s.Gateway.Route.Policy), holds: s.Gateway.Retry.HoldsBack(), hedges: s.Gateway.Hedge.After > 0, watches: watches(s)}
	for i := range s.Tenants {
		r.timed = append(r.timed, s.Tenants[i].Timeout > 0)
		r.anybody = r.anybody || r.timed[i]
		r.shared = append(r.shared, s.Tenants[i].Shared(uint64(s.Seed)))
		tier, _ := record.TierNamed(s.Tenants[i].Tier) // none is auto
		r.tiers = append(r.tiers, tier)
	}
	for i := range s.Backends {
		r.spill = append(r.spill, s.SpilloverOf(i))
		r.target = append(r.target, s.Backends[i].SpilloverError == "target")
		r.isPTU = append(r.isPTU, s.Backends[i].Provisioned())
	}
	r.wakes = make([]tick.Instant, len(w.Backends)+3)
	for i := range w.Backends {
		r.wakes[i] = w.Backends[i].NextWake()
	}
	r.wakes[len(w.Backends)+contentPlace] = tick.Never
	r.wakes[len(w.Backends)+gatewayPlace] = w.Gateway.NextWake()
	r.wakes[len(w.Backends)+loadPlace] = w.Load.NextWake()
	return r
}

// progressEvery is how many deadlines pass between calls of Progress.
const progressEvery = 1 << 14

// Run steps until no request is in flight and none will come, and the planned
// duration is over.
func (r *Runner) Run() {
	for {
		if at, _ := r.earliest(); at > r.end && r.idle() {
			return
		}
		at := r.takeEarliest()
		r.steps++
		if r.steps%progressEvery == 0 && r.opt.Progress != nil && !r.opt.Progress(at.Sub(r.start)) {
			r.summary.Interrupt()
			r.stepLoad(at, load.Event{Kind: load.Stop})
			return
		}
	}
}

// takeEarliest steps the core whose deadline is next.
func (r *Runner) takeEarliest() tick.Instant {
	at, who := r.earliest()
	switch who - len(r.world.Backends) {
	case loadPlace:
		r.stepLoad(at, load.Event{Kind: load.Wake})
	case contentPlace:
		r.content(at)
	case gatewayPlace:
		r.stepGateway(at, gateway.Event{Kind: gateway.Wake})
	default:
		r.stepBackend(at, who, deployment.Event{Kind: deployment.Wake})
	}
	return at
}

func (r *Runner) earliest() (tick.Instant, int) {
	at, who := r.wakes[0], 0
	for i := 1; i < len(r.wakes); i++ {
		if r.wakes[i] < at {
			at, who = r.wakes[i], i
		}
	}
	return at, who
}

func (r *Runner) idle() bool {
	if !r.world.Load.Finished() || r.world.Gateway.Active() > 0 {
		return false
	}
	for _, b := range r.world.Backends {
		if b.Active() > 0 {
			return false
		}
	}
	return true
}

// stepLoad steps the load core and does what it asks for.
func (r *Runner) stepLoad(now tick.Instant, ev load.Event) {
	base := len(r.fromLoad)
	r.fromLoad = r.world.Load.Step(now, ev, r.fromLoad)
	r.wakes[len(r.world.Backends)+loadPlace] = r.world.Load.NextWake()
	for i := base; i < len(r.fromLoad); i++ {
		e := &r.fromLoad[i] // stays as it is, whatever the nested steps append
		switch e.Kind {
		case load.Send:
			for int(e.Ref.Slot) >= len(r.tries) {
				r.tries = append(r.tries, try{})
			}
			r.tries[e.Ref.Slot] = try{key: e.Key, prompt: e.PromptTokens, output: e.OutputTokens,
				maxTokens: e.MaxTokens, tenant: e.Tenant, number: e.Tries, stream: e.Flag}
			r.stepGateway(now, gateway.Event{Kind: gateway.Request, Ref: e.Ref, Key: e.Key, PromptTokens: e.PromptTokens,
				PromptEstimate: r.estimate(e), MaxTokens: e.MaxTokens, Tenant: e.Tenant, Stream: e.Flag})
		case load.Cancel:
			r.stepGateway(now, gateway.Event{Kind: gateway.Gone, Ref: e.Ref, Completion: r.seen(now, e.Ref)})
		default:
			r.recordLoad(now, e)
		}
	}
	r.fromLoad = r.fromLoad[:base]
}

// estimate is what the service takes the prompt of a request for.
func (r *Runner) estimate(e *load.Effect) int32 {
	return scenarios.PromptEstimate(e.PromptTokens, r.shared[e.Tenant].Tokens)
}

// stepGateway steps the gateway core and does what it asks for.
func (r *Runner) stepGateway(now tick.Instant, ev gateway.Event) {
	base := len(r.fromGateway)
	r.fromGateway = r.world.Gateway.Step(now, ev, r.fromGateway)
	r.wakes[len(r.world.Backends)+gatewayPlace] = r.world.Gateway.NextWake()
	for i := base; i < len(r.fromGateway); i++ {
		e := &r.fromGateway[i] // stays as it is, whatever the nested steps append
		switch e.Kind {
		case gateway.Send:
			r.send(now, e)
		case gateway.Commit:
			if e.Hedge {
				r.overtake(e)
			}
			if r.anybody && r.timed[r.tries[e.Req.Slot].tenant] {
				r.stepLoad(now, load.Event{Kind: load.Begun, Ref: e.Req})
			}
		case gateway.Abort:
			r.stepBackend(now, r.abort(now, e), deployment.Event{Kind: deployment.Gone, Ref: e.Ref})
		case gateway.Silence:
			r.stepGateway(now, r.waited(now, e.Ref))
		case gateway.Respond:
			r.stepLoad(now, load.Event{Kind: load.TryEnd, Ref: e.Req, First: r.tries[e.Req.Slot].first, Completion: e.Completion,
				RetryMs: e.RetryMs, HasRetry: e.HasRetry, QueueWait: e.QueueWait, Status: e.Status, Attempts: e.Attempts,
				Outcome: e.Outcome, Reason: r.clientReason(e)})
		case gateway.Transition:
			t := TransitionEntry(e)
			r.put(func(s record.Sink) { s.Transition(&t) })
		}
	}
	r.fromGateway = r.fromGateway[:base]
}

func (r *Runner) send(now tick.Instant, e *gateway.Effect) {
	for int(e.Ref.Slot) >= len(r.sent) {
		r.sent, r.refs = append(r.sent, 0), append(r.refs, record.Ref{})
	}
	r.sent[e.Ref.Slot], r.refs[e.Ref.Slot] = e.Req.Slot, e.Ref
	t := &r.tries[e.Req.Slot]
	if e.Hedge {
		t = r.beside(e.Ref.Slot, t)
	}
	t.first, t.start, t.firstIn, t.backend, t.spilled, t.held, t.answer, t.eager = 0, now, 0, e.Backend, false, false, silent, r.holds && r.eager(t, int(e.Backend))
	r.startAt(now, int(e.Backend), e.Ref)
}

// startAt brings an attempt before a backend.
func (r *Runner) startAt(now tick.Instant, backend int, ref record.Ref) {
	t := r.attempt(ref)
	shared := &r.shared[t.tenant]
	r.stepBackend(now, backend, deployment.Event{Kind: deployment.Start, Ref: ref, Key: t.key, PromptTokens: t.prompt,
		PromptEstimate: scenarios.PromptEstimate(t.prompt, shared.Tokens), Prefix: shared.Name(t.key), Shared: shared.Tokens,
		OutputTokens: t.output, MaxTokens: t.maxTokens, Stream: t.stream, Marked: true, Try: t.number, Tier: r.tiers[t.tenant]})
}

// stepBackend steps a deployment core and does what it asks for.
func (r *Runner) stepBackend(now tick.Instant, backend int, ev deployment.Event) {
	core := r.world.Backends[backend]
	base := len(r.fromBackend)
	r.fromBackend = core.Step(now, ev, r.fromBackend)
	r.wakes[backend] = core.NextWake()
	for i := base; i < len(r.fromBackend); i++ {
		e := &r.fromBackend[i] // stays as it is, whatever the nested steps append
		switch e.Kind {
		case deployment.Plan, deployment.Replan:
			if e.Tokens > 0 || e.Whole { // else nothing comes that a client would see
				t := r.attempt(e.Ref)
				t.firstIn = e.FirstIn()
				r.awaitContent(e.Ref.Slot, t)
			}
			if r.hears && e.Kind == deployment.Plan {
				r.planned(backend, e)
			}
		case deployment.Reserve:
			r.stepBackend(now, backend, deployment.Ask(r.world.Budgets[backend], now, e))
		case deployment.Head:
			r.head(now, backend, e)
		case deployment.Refuse, deployment.Finish, deployment.Cut:
			r.recordAttempt(backend, e)
			if !r.goesOn(now, backend, e) {
				r.attemptEnded(now, backend, e)
			}
		case deployment.Utilization:
			u := SampleEntry(backend, e)
			r.put(func(s record.Sink) { s.Sample(&u) })
		}
	}
	r.fromBackend = r.fromBackend[:base]
}

// attemptEnded tells the gateway how an attempt ended, as its shell would see
// it on the wire.
func (r *Runner) attemptEnded(now tick.Instant, backend int, e *deployment.Effect) {
	if e.Reason == record.ClientGone {
		return // the gateway itself hung up
	}
	t := r.attempt(e.Ref)
	if t.held && e.Kind == deployment.Refuse {
		backend = int(t.from)
	}
	completion := e.Completion
	if e.Outcome != record.Succeeded {
		completion = e.Tokens // no usage came: what was seen is counted
	}
	if e.Reason == record.WrongLengthFault {
		completion = 0 // no client makes anything of half a body
	} else if t.firstIn > 0 && e.At >= t.start.After(t.firstIn) {
		t.first = t.start.After(t.firstIn)
	}
	if t.answer == headed || r.hedges && t.answer == silent && e.Outcome == record.Succeeded {
		r.hadBegun(now, e, t)
	}
	ev := gateway.Event{Kind: gateway.End, Ref: e.Ref, Completion: completion, RetryMs: e.RetryMs, HasRetry: e.RetryMs > 0,
		Status: e.Status, Outcome: e.Outcome, Reason: SeenReason(e), Free: r.refusal(now, backend, e)}
	if e.Outcome == record.Succeeded { // then the usage came
		ev.PromptTokens, ev.PromptEstimate = e.Prompt, max(e.Prompt-e.Cached, 1)
	}
	if e.Reason == record.RequestLimit { // the text of the answer says so
		ev.Limit = budget.Requests
	}
	r.stepGateway(now, ev)
}

// clientReason is what a client can tell of why its try ended: of a backend's own
// answer it knows the status, and that it broke off.
func (r *Runner) clientReason(e *gateway.Effect) record.Reason {
	switch {
	case e.Made:
		return e.Reason
	case e.Reason == record.DeploymentMissing:
		return record.BackendStatus
	case e.Reason == record.AttemptTimeout && r.tries[e.Req.Slot].first > 0:
		return record.CutFault
	case e.Reason == record.AttemptTimeout:
		return record.UpstreamError
	}
	return e.Reason
}

// SeenReason is what a gateway can tell of why an attempt ended: it sees the
// wire, not the limiter.
func SeenReason(e *deployment.Effect) record.Reason {
	switch {
	case e.Outcome == record.Succeeded:
		return record.NoReason
	case e.Reason == record.RefusedFault, e.Reason == record.TLSFault, e.Reason == record.UnknownHostFault:
		return record.ConnectError
	case e.Status == 0, e.Status == 200 && e.Tokens == 0: // nothing of the answer came
		return record.UpstreamError
	case e.Reason == record.WrongLengthFault && e.RemainingTokens > 0: // the transport tells
		return record.UpstreamError
	case e.Reason == record.MalformedFault, e.Reason == record.WrongLengthFault:
		return record.MalformedAnswer
	case e.Status == 429:
		return record.RateLimited
	case e.Status == 200:
		return record.CutFault
	case e.Reason == record.DeletedFault:
		return record.DeploymentMissing
	}
	return record.BackendStatus
}
