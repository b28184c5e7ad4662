package simulator

import (
	"strings"
	"sync/atomic"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/filter"
)

// backend is one deployment, driven live.
type backend struct {
	index   int // in the Server
	cfg     deployment.Config
	clock   *drive.Clock
	alarm   *pace.Alarm // the Server's
	options deployment.Options
	budget  deployment.Budget // what it shares; nil: nothing
	shared  *sharedLimits     // its limits, where several Servers have them together; else nil
	core    *witness
	driver  *drive.Driver[deployment.Event, deployment.Effect]
	tape    *drive.Tape[deployment.Event, deployment.Effect]
	replans []replan // by slot, under the driver's lock
	faults  []int    // of each of its rules, the fault's serial number
	edges   []int    // serial numbers of the edges that come next, where a change has mixed rules of before and after

	kept    *ledger // the Control's
	seat    int     // in the Control
	ledger  func(int, record.Attempt)
	observe func(int, tick.Instant, deployment.Effect)

	coming        proposal // what the Configure event to come puts into force; the Control's changing guards it
	comingVersion uint32
	setting       atomic.Pointer[setting]
	changes       []installed // all of them where steps are recorded, for a replay; versions count from 1

	engine      string // model and version, as answers name it
	fingerprint string
	name        []string // as the value of a header, as region
	region      []string
	counting    tokens.Model  // how prompts are counted
	model       catalog.Model // what it is able to do
	text        rng.Die
	late        rng.Die        // how long a response cannot be found
	memory      *memory        // of its resource
	filter      *filter.Filter // nil: it finds nothing
	ring        *keyring       // what opens it
	limits      atomic.Pointer[limitHeaders]
	sights      sights
}

func newBackend(cfg *Config, index int, alarm *pace.Alarm) *backend {
	d := cfg.Deployments[index]
	b := &backend{index: index, cfg: d, clock: cfg.Clock, alarm: alarm, ledger: cfg.Ledger, observe: cfg.Observe,
		engine: d.Model + "-" + d.Version, fingerprint: fingerprint(&d), name: []string{d.Name}, region: []string{d.Region}, counting: tokens.ModelOrNewest(d.Model), model: catalog.Of(d.Model), filter: filter.New(d.ContentFilter),
		text: rng.New(cfg.Seed, rng.ContentText, rng.Entity(d.Name)), late: rng.New(cfg.Seed, rng.Visibility, rng.Entity(d.Name))}
	var rules []fault.Rule
	for i, f := range cfg.Faults {
		for _, one := range f.On([]fault.Place{b.where()}) {
			for _, r := range fault.Schedule(one, cfg.Start, cfg.Seed) {
				rules = append(rules, r)
				b.faults = append(b.faults, i)
			}
		}
	}
	if cfg.Budget != nil {
		b.budget = cfg.Budget(index)
	}
	b.options = deployment.Options{Seed: cfg.Seed, Start: cfg.Start, Faults: rules, Remote: b.budget != nil, Shared: cfg.Sharing.State != nil}
	b.core = &witness{Core: deployment.New(&b.cfg, b.options), configured: b.configured}
	if cfg.Sharing.State != nil {
		b.shared = newShared(b, &cfg.Sharing)
	}
	b.limits.Store(b.newLimitHeaders(cfg.Start))
	b.setting.Store(&setting{cfg: &b.cfg, shown: settingsOf(&b.cfg)})
	b.driver = drive.New[deployment.Event, deployment.Effect](b.core, cfg.Clock, deployment.Event{Kind: deployment.Wake}, b.deliver)
	b.driver.Room(mailRoom)
	if cfg.Record {
		b.tape = new(drive.Tape[deployment.Event, deployment.Effect])
		b.driver.Record(b.tape)
	}
	return b
}

// mailRoom is what a request is told at most before it looks: a plan, one Replan, and its end.
const mailRoom = 3

// nullFingerprint lists the models whose system_fingerprint is null: gpt-5.4 and later.
var nullFingerprint = []string{"gpt-5.4", "gpt-5.5", "gpt-5.6", "gpt-6"}

// fingerprint returns the system_fingerprint of a deployment, "" for null.
func fingerprint(d *deployment.Config) string {
	for _, prefix := range nullFingerprint {
		if strings.HasPrefix(d.Model, prefix) {
			return ""
		}
	}
	return string(appendHex([]byte("fp_"), rng.Entity(d.Model+d.Version+d.Region), 10))
}

// writesCache: from gpt-5.6 on the usage says what was written to the prompt cache.
func (b *backend) writesCache() bool {
	return strings.HasPrefix(b.cfg.Model, "gpt-5.6") || strings.HasPrefix(b.cfg.Model, "gpt-6")
}

// witness is a core that remembers who is in flight, for the ledger, and says when it is configured, so that no request
// comes between. It is guarded by the driver's lock.
type witness struct {
	*deployment.Core
	begun      []begun // by slot
	configured func(now tick.Instant, effects []deployment.Effect, n int)
}

type begun struct {
	key uint64
	at  tick.Instant
	decision
}

// Step implements drive.Core.
func (w *witness) Step(now tick.Instant, ev deployment.Event, out []deployment.Effect) []deployment.Effect {
	switch ev.Kind {
	case deployment.Start:
		for int(ev.Ref.Slot) >= len(w.begun) {
			w.begun = append(w.begun, begun{})
		}
		w.begun[ev.Ref.Slot] = begun{ev.Key, now, decision{streamed: ev.Stream, choices: max(ev.N, 1)}}
	case deployment.Configure:
		out = w.Core.Step(now, deployment.Event{Kind: deployment.Wake}, out)
		n := len(out)
		out = w.Core.Step(now, ev, out)
		w.configured(now, out, n)
		return out
	}
	return w.Core.Step(now, ev, out)
}

// deliver hands an effect to whom it is for, under the driver's lock. Head is not handed on: who writes an answer has
// its plan.
func (b *backend) deliver(now tick.Instant, e deployment.Effect) {
	switch e.Kind {
	case deployment.Plan:
		b.decided(now, &e)
		b.core.begun[e.Ref.Slot].admitted, b.core.begun[e.Ref.Slot].estimated = true, e.Charged
		b.driver.Post(e.Ref, e)
	case deployment.Replan:
		b.replanned(e)
	case deployment.Reserve:
		if b.shared != nil {
			b.shared.reserve(now, &e)
			return
		}
		b.driver.Answer(deployment.Ask(b.budget, now, &e))
	case deployment.Refuse, deployment.Finish, deployment.Cut:
		if b.shared != nil {
			b.shared.ended(now, &e)
		}
		if e.Kind == deployment.Refuse && saysLimits(e.Reason) && e.Status != 0 {
			b.decided(now, &e)
		}
		a := b.attempt(&e)
		b.keep(&e, a)
		if b.ledger != nil {
			b.ledger(b.index, a)
		}
		b.driver.Post(e.Ref, e)
	case deployment.FaultEdge:
		e.Ref.Slot = uint32(b.whose(&e))
		b.limits.Store(b.newLimitHeaders(b.limits.Load().start)) // the fault may have changed them
		if e.Reason == record.DeletedFault {                     // created anew, it has seen no prompt
			b.sights.forget()
		}
		if b.observe != nil {
			b.observe(b.index, now, e)
		}
	case deployment.Utilization:
		if b.observe != nil {
			b.observe(b.index, now, e)
		}
	}
}

// decided notes where the limits stand that admitted or refused a request.
func (b *backend) decided(now tick.Instant, e *deployment.Effect) {
	d := &b.core.begun[e.Ref.Slot].decision
	d.decided, d.remainingTokens, d.remainingRequests, d.utilization = true, e.RemainingTokens, e.RemainingRequests, -1
	if b.cfg.Provisioned() {
		d.utilization = b.core.UtilizationPPM(now)
	}
}

// keep writes an attempt in the control plane's ledger.
func (b *backend) keep(e *deployment.Effect, a record.Attempt) {
	kept := item{a, b.core.begun[e.Ref.Slot].decision}
	kept.Backend = uint16(b.seat)
	if kept.admitted {
		kept.first, kept.seen = e.Schedule.FirstIn(), e.Schedule.Tokens
	}
	b.kept.add(&kept)
}

// attempt is the ledger's entry of a terminal effect.
func (b *backend) attempt(e *deployment.Effect) record.Attempt {
	began := b.core.begun[e.Ref.Slot]
	return record.Attempt{Key: began.key, Start: began.at, End: e.At,
		PromptTokens: int64(e.Prompt), CachedTokens: int64(e.Cached), CompletionTokens: int64(e.Completion), Charged: int64(e.Charged),
		Wait: time.Duration(e.RetryMs) * time.Millisecond, Status: e.Status, Tenant: record.NoTenant, Backend: uint16(b.index), Outcome: e.Outcome, Reason: e.Reason, Tier: e.Tier}
}

// utilization returns the present share of capacity in use, in ppm.
func (b *backend) utilization() (ppm int32) {
	u, _ := b.usage()
	return u.UtilizationPPM
}

// replan is the newest plan of what is in a slot. One Replan at most waits in a
// mailbox, however many faults begin before it is read.
type replan struct {
	latest deployment.Effect
	posted bool
}

// replanned keeps a new plan and sees that its flight looks; under the driver's lock.
func (b *backend) replanned(e deployment.Effect) {
	for int(e.Ref.Slot) >= len(b.replans) {
		b.replans = append(b.replans, replan{})
	}
	r := &b.replans[e.Ref.Slot]
	waiting := r.posted && r.latest.Ref == e.Ref
	*r = replan{latest: e, posted: true}
	if !waiting {
		b.driver.Post(e.Ref, e)
	}
}

// newest returns the newest plan of a flight that was told to look.
func (b *backend) newest(slot uint32) (e deployment.Effect) {
	b.driver.Locked(func(tick.Instant) {
		b.replans[slot].posted = false
		e = b.replans[slot].latest
	})
	return e
}
