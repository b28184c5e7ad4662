package simulator

import (
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// setting is the configuration in force. Whatever can be changed is read here; cfg of the backend has what cannot, and
// how it all began.
type setting struct {
	cfg     *deployment.Config
	shown   settings // what of it can change
	version uint32   // counts the changes of cfg
	core    uint32   // version of the core's configuration, which counts changes of faults too
}

// proposal is what is to come into force at one deployment.
type proposal struct {
	b      *backend
	cfg    *deployment.Config // nil: as it is
	faults *faultPlan         // nil: as they are
	shown  settings           // of cfg
	forget bool               // and all that was used, counted and seen is forgotten
}

// faultPlan is the scheduled faults of a deployment as rules.
type faultPlan struct {
	rules  []fault.Rule
	serial []int // of each rule, whose it is: places in Config.Faults, and after them those that were added
}

// installed is a configuration or a plan of faults that a core was given, for a replay.
type installed struct {
	cfg    *deployment.Config
	faults *faultPlan
}

// crowded says why nothing could be changed.
const crowded = "answers in flight still go by thousands of earlier settings: try again when some of them have ended"

// enact brings all that is proposed into force, or nothing where some deployment has no room for it. The caller holds
// changing. Each deployment switches in one step, so that no request sees half of a change.
func enact(all ...proposal) bool {
	versions := make([]uint32, len(all))
	for i := range all {
		var ok bool
		if versions[i], ok = all[i].install(); !ok {
			for j := range i + 1 {
				all[j].b.withdraw()
			}
			return false
		}
	}
	for i, p := range all {
		if p.cfg != nil {
			p.shown = settingsOf(p.cfg)
		}
		p.b.coming, p.b.comingVersion = p, versions[i]
		p.b.driver.Do(deployment.Event{Kind: deployment.Configure, Version: versions[i], Forget: p.forget})
	}
	return true
}

// install gives the core what is proposed; the last version has it all.
func (p *proposal) install() (version uint32, ok bool) {
	b := p.b
	b.driver.Locked(func(tick.Instant) {
		cfg := p.cfg
		if cfg == nil {
			cfg = b.setting.Load().cfg
		}
		if version, ok = b.core.Install(cfg, b.options.Seed); !ok {
			return
		}
		b.note(installed{cfg: cfg})
		if p.faults == nil {
			return
		}
		if version, ok = b.core.InstallFaults(p.faults.rules); ok {
			b.note(installed{faults: p.faults})
		}
	})
	return version, ok
}

// withdraw takes back what was installed and has not come into force.
func (b *backend) withdraw() {
	b.driver.Locked(func(tick.Instant) { b.core.Withdraw() })
	if b.tape != nil {
		b.changes = b.changes[:b.setting.Load().core]
	}
}

// note keeps for a replay what the core was given.
func (b *backend) note(i installed) {
	if b.tape != nil {
		b.changes = append(b.changes, i)
	}
}

// configured shows what has come into force, under the driver's lock, and finds out whose the edges among the effects of
// the step are: the first n were due anyway.
func (b *backend) configured(now tick.Instant, effects []deployment.Effect, n int) {
	p, next := &b.coming, *b.setting.Load()
	next.core = b.comingVersion
	if p.cfg != nil {
		next.cfg, next.shown = p.cfg, p.shown
		next.version++
	}
	b.setting.Store(&next)
	start := b.limits.Load().start
	if p.forget {
		start = now
		b.kept.forget(b.seat)
		b.sights.forget()
		b.memory.forget(b)
	}
	b.limits.Store(b.newLimitHeaders(start))
	if p.faults == nil {
		return
	}
	old := b.faults
	b.faults = p.faults.serial
	for i := range effects {
		switch e := &effects[i]; {
		case e.Kind != deployment.FaultEdge:
		case i < n || e.Ref.Gen == 1: // one of the faults there were
			b.edges = append(b.edges, old[e.Ref.Slot])
		default:
			b.edges = append(b.edges, b.faults[e.Ref.Slot])
		}
	}
}

// whose returns the serial number of the fault that an edge is of; under the driver's lock, in the order of the edges.
func (b *backend) whose(e *deployment.Effect) (serial int) {
	if len(b.edges) == 0 {
		return b.faults[e.Ref.Slot]
	}
	serial, b.edges = b.edges[0], b.edges[1:]
	return serial
}
