package deployment

import (
	"foundrylab/internal/distribution"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/simulator/latency"
)

// Install adds a configuration and returns its version; it takes effect at
// the Configure event that names it. Versions count from 0, the one of New.
// Faults stay those of the newest version.
func (c *Core) Install(cfg *Config, seed uint64) uint32 {
	entity := rng.Entity(cfg.Name)
	m, _ := modelNamed(cfg.Model)
	output := distribution.NewLognormal(180, 700, distribution.Z95, 0)
	if cfg.Output != nil {
		output = cfg.Output.Compile()
	}
	var faults *faultSet
	if n := len(c.configs); n > 0 {
		faults = c.configs[n-1].faults
	}
	c.configs = append(c.configs, &settings{Config: cfg, model: m, output: output, faults: faults,
		latency: latency.Compile(cfg.Latency, cfg.Model, seed, entity),
		draw:    rng.New(seed, rng.OutputLength, entity), spares: compileSpares(cfg, seed, entity)})
	return uint32(len(c.configs) - 1)
}

func (c *Core) configure(now tick.Instant, version uint32, out []Effect) []Effect {
	if int(version) >= len(c.configs) || c.configs[version].faults.left {
		return append(out, Effect{Kind: Stray, At: now})
	}
	old := c.cfg
	c.cfg, c.current = c.configs[version], uint16(version)
	if old.Config != c.cfg.Config {
		c.limits.resize(now, c.cfg)
		c.cache = c.cache.configure(c.cfg.Config)
	}
	out = c.changeFaults(now, old.faults, out)
	if old != c.cfg && old.users == 0 {
		out = append(out, Effect{Kind: Drained, At: now})
	}
	return out
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
