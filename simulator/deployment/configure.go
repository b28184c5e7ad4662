package deployment

import (
	"cmp"
	"slices"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// maxInstalled bounds the configurations that are kept at once: that of the
// moment, those that wait for their Configure event, and earlier ones that
// requests in flight still need.
const maxInstalled = 4096

// configurations are those that a Core keeps. Their places are used again, and
// their versions never.
type configurations struct {
	at     []*settings // by place; nil: free
	free   []uint16
	fresh  []uint16 // places of the versions that have not been in effect yet, oldest first
	newest *settings
}

// begin keeps version 0.
func (k *configurations) begin(first *settings) { k.at, k.newest = []*settings{first}, first }

// add keeps the next version, unless there is no room.
func (k *configurations) add(next *settings) (version uint32, ok bool) {
	if len(k.free) == 0 {
		if len(k.at) == maxInstalled {
			return 0, false
		}
		k.free, k.at = append(k.free, uint16(len(k.at))), append(k.at, nil)
	}
	place := k.free[len(k.free)-1]
	k.free = k.free[:len(k.free)-1]
	next.version = k.newest.version + 1
	k.at[place], k.newest = next, next
	k.fresh = append(k.fresh, place)
	return next.version, true
}

// take returns the place of a version that comes into effect, or false: it was
// never installed, was in effect before, or is older than one that was. Older
// ones that wait are dropped.
func (k *configurations) take(version uint32) (place uint16, ok bool) {
	i, ok := slices.BinarySearchFunc(k.fresh, version, func(p uint16, v uint32) int { return cmp.Compare(k.at[p].version, v) })
	if !ok {
		return 0, false
	}
	place = k.fresh[i]
	for _, p := range k.fresh[:i] {
		k.drop(p)
	}
	k.fresh = slices.Delete(k.fresh, 0, i+1)
	return place, true
}

// drop frees a place.
func (k *configurations) drop(place uint16) {
	k.at[place] = nil
	k.free = append(k.free, place)
}

// Install adds a configuration and returns its version; it takes effect at the
// Configure event that names it, once. Versions count from 0, the one of New,
// and never repeat: to go back is to install the same again. Faults stay those
// of the newest version. What was replaced is gone with its last request
// (effect Drained). False, and nothing was done, where 4,096 are kept already.
func (c *Core) Install(cfg *Config, seed uint64) (version uint32, ok bool) {
	next := compile(cfg, seed)
	next.faults = c.configs.newest.faults
	return c.configs.add(next)
}

// InstallFaults adds a configuration that has other scheduled faults and is
// else the newest installed one, as Install does. At its Configure event a rule
// that is in force before and after goes on untouched, any other ends, or
// begins. Rules that are over are allowed, and do nothing.
func (c *Core) InstallFaults(rules []fault.Rule) (version uint32, ok bool) {
	next := *c.configs.newest
	next.faults, next.users = c.newFaultSet(rules), 0
	return c.configs.add(&next)
}

// Withdraw takes back what was installed and has not been in effect: as if it
// had never been, versions included.
func (c *Core) Withdraw() {
	for _, place := range c.configs.fresh {
		c.configs.drop(place)
	}
	c.configs.fresh, c.configs.newest = c.configs.fresh[:0], c.cfg
}

func compile(cfg *Config, seed uint64) *settings {
	entity := rng.Entity(cfg.Name)
	m, _ := modelNamed(cfg.Model)
	output := distribution.NewLognormal(180, 700, distribution.Z95, 0)
	if cfg.Output != nil {
		output = cfg.Output.Compile()
	}
	return &settings{Config: cfg, model: m, output: output,
		latency: latency.Compile(cfg.Latency, cfg.Model, seed, entity),
		load:    latency.LoadOf(cfg.Latency, cfg.Provisioned()),
		draw:    rng.New(seed, rng.OutputLength, entity), spares: compileSpares(cfg, seed, entity), flex: compileFlex(cfg, seed)}
}

// configure switches to a version that was installed and has never been in
// effect; any other is stray.
func (c *Core) configure(now tick.Instant, ev *Event, out []Effect) []Effect {
	place, ok := c.configs.take(ev.Version)
	if !ok {
		return append(out, Effect{Kind: Stray, At: now})
	}
	old, before := c.cfg, c.current
	c.cfg, c.current = c.configs.at[place], place
	c.cfg.since = old.since
	if ev.Forget || c.cfg.Provisioned() != old.Provisioned() {
		c.cfg.since = ev.Version
	}
	switch {
	case ev.Forget:
		share := c.limits.share // is a fault's, which goes on
		c.begin(now)
		c.limits.scale(now, c.cfg, share)
	case old.Config != c.cfg.Config:
		c.limits.resize(now, c.cfg)
		c.cache = c.cache.configure(c.cfg.Config)
	}
	out = c.changeFaults(now, old.faults, out)
	return c.release(now, before, out)
}

// begin lets everything that requests leave behind begin anew.
func (c *Core) begin(now tick.Instant) {
	elsewhere := c.limits.elsewhere
	c.limits = newAdmission(c.cfg, now)
	c.limits.elsewhere = elsewhere
	c.limits.fit(now, c.cfg)
	c.cache = newPromptCache(c.cfg.Config)
	c.priority = climb{at: now}
	c.seen.forget()
	c.billed = 0
}

// release frees the place of an earlier configuration that no request needs
// any more.
func (c *Core) release(now tick.Instant, place uint16, out []Effect) []Effect {
	old := c.configs.at[place]
	if place == c.current || old.users > 0 {
		return out
	}
	c.configs.drop(place)
	return append(out, Effect{Kind: Drained, At: now, Ref: record.Ref{Slot: old.version}})
}

// UtilizationPPM returns the share of capacity in use at now, in ppm.
func (c *Core) UtilizationPPM(now tick.Instant) int32 { return c.limits.utilization(now) }

// Limits returns the limits per minute that are in force; 0 where there is none.
func (c *Core) Limits() (tpm, rpm int64) { return c.limits.tpm, c.limits.rpm }

// Usage is where a deployment stands at an instant.
type Usage struct {
	TPM, RPM, PTU     int64 // TPM and RPM as they are in force; 0 where the SKU has no such limit
	Used              int64 // standard: tokens of this minute; provisioned: tokens in the bucket
	Active            int   // answers in flight
	UtilizationPPM    int32 // of what admission goes by
	RemainingTokens   int32 // of this minute; -1 on provisioned
	RemainingRequests int32 // of the window that headers speak of; -1 on provisioned
}

// Usage returns where the deployment stands at now.
func (c *Core) Usage(now tick.Instant) Usage {
	u := Usage{Active: c.active, UtilizationPPM: c.UtilizationPPM(now)}
	u.RemainingTokens, u.RemainingRequests = c.limits.remaining(now)
	u.TPM, u.RPM = c.Limits()
	if c.limits.bucket != nil {
		u.PTU, u.Used = c.cfg.PTU, c.limits.bucket.Level(now)
	} else {
		u.Used = c.limits.tokens.used(now)
	}
	return u
}
