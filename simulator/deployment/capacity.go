package deployment

import "foundrylab/internal/tick"

// rescale gives the deployment the limits that the faults in force leave it:
// the least share of any.
func (c *Core) rescale(now tick.Instant) {
	share := int64(whole)
	for _, i := range c.lasting {
		if s := int64(c.cfg.faults.rules[i].Share); s > 0 {
			share = min(share, s)
		}
	}
	c.limits.scale(now, c.cfg, share)
}

// renew makes the deployment a new one: none of its limits was used, and what
// still runs is not charged to it.
func (c *Core) renew(now tick.Instant) {
	old := c.limits
	c.limits = newAdmission(c.cfg, old.origin)
	c.limits.share, c.limits.since, c.limits.elsewhere = old.share, now, old.elsewhere
	c.limits.fit(now, c.cfg)
	c.cache = newPromptCache(c.cfg.Config)
}
