package deployment

import "foundrylab/internal/unit"

// UsageTier is the service's usage tier of a global standard deployment: who
// uses more tokens in a month than it has may see latencies more than double,
// and no 429 ("Global Standard: usage tiers"). The service counts by tenant and
// model; here each deployment counts its own, from what it is told was used.
type UsageTier struct {
	Tokens   unit.Count `yaml:"tokens" doc:"prompt and output tokens of a month; default by model, such as 30000M for gpt-4.1"`
	Used     unit.Count `yaml:"used" default:"0" doc:"of them, how many the month has seen before the start"`
	SlowDown unit.Ratio `yaml:"slow_down" default:"2" doc:"above them, time to the first token and between tokens is so many times as long"`
}

// Validate implements yamlconf.Validator.
func (u UsageTier) Validate(fail func(path, format string, args ...any)) {
	if u.SlowDown < unit.One || u.SlowDown > 100*unit.One {
		fail("slow_down", "must be from 1 to 100")
	}
}

// usageTiers are those that Microsoft's page has, in tokens a month.
var usageTiers = []struct {
	model  string
	tokens int64
}{
	{"gpt-5", 32e9}, {"gpt-5-mini", 160e9}, {"gpt-5-nano", 800e9}, {"gpt-4o", 12e9}, {"gpt-4o-mini", 85e9},
	{"o3", 5e9}, {"o4-mini", 50e9}, {"gpt-4.1", 30e9}, {"gpt-4.1-mini", 150e9}, {"gpt-4.1-nano", 550e9},
}

// tokens is the tier of a model; 0 where none is known.
func (u *UsageTier) tokens(model string) int64 {
	if u.Tokens > 0 {
		return int64(u.Tokens)
	}
	for _, t := range usageTiers {
		if t.model == model {
			return t.tokens
		}
	}
	return 0
}

// checkUsageTier reports what is wrong with it in its deployment.
func (c *Config) checkUsageTier(fail func(path, format string, args ...any)) {
	switch {
	case c.UsageTier == nil:
	case c.SKU != "GlobalStandard":
		fail("usage_tier", "only GlobalStandard deployments have one, and this is %s", c.SKU)
	case c.UsageTier.tokens(c.Model) == 0:
		fail("usage_tier.tokens", "no usage tier is known of %q: give one, such as 30000M", c.Model)
	}
}

// slowDown is how many times as slow an answer is that begins now, in ppm; 0
// below the usage tier.
func (c *Core) slowDown() int64 {
	u := c.cfg.UsageTier
	if u == nil || int64(u.Used)+c.billed <= u.tokens(c.cfg.Model) {
		return 0
	}
	return int64(u.SlowDown)
}
