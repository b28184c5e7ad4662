package deployment

import (
	"math"
	"strings"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// priorityTargets are the models that have the tier priority, with the median pace that it aims at, in tokens per second
// (Microsoft's page on service tiers, 2026-09-24).
var priorityTargets = []struct {
	model string
	perS  int64
}{
	{"gpt-4.1", 80},
	{"gpt-5.1", 50},
	{"gpt-5.2", 50},
	{"gpt-5.4", 50},
	{"gpt-5.4-mini", 100},
	{"gpt-5.5", 50},
	{"gpt-5.6-sol", 80},
	{"gpt-5.6-terra", 70},
	{"gpt-6-sol", 80},
}

// priorityTarget returns the pace that priority aims at, 0 where a model has no such tier.
func priorityTarget(model string) int64 {
	for _, t := range priorityTargets {
		if t.model == model {
			return t.perS
		}
	}
	return 0
}

// target returns the pace that a tier aims at, 0 for one without.
func (c *Core) target(tier record.Tier) int64 {
	if tier != record.PriorityTier {
		return 0
	}
	return priorityTarget(c.cfg.Model)
}

func priorityModels() string {
	var names []string
	for _, t := range priorityTargets {
		names = append(names, t.model)
	}
	return strings.Join(names, ", ")
}

// hasPriority reports whether a deployment can serve the tier: standard ones of the models in the table.
func (c *Config) hasPriority() bool { return !c.Provisioned() && priorityTarget(c.Model) > 0 }

// hasFlex reports whether a deployment can serve the tier flex (the same page: this one model, and only so).
func (c *Config) hasFlex() bool { return c.Model == "gpt-5.6-sol" && c.SKU == "GlobalStandard" }

// longContext is the longest prompt that priority serves, in tokens.
const longContext = 128_000

// tierRefusal refuses a request for flex where there is none, or none to spare at peak.
func (c *Core) tierRefusal(now tick.Instant, ev *Event, peak bool) (Effect, bool) {
	status, why, o := uint16(0), record.NoReason, record.Failed
	switch {
	case ev.Tier != record.FlexTier:
		return Effect{}, false
	case !c.cfg.hasFlex():
		status, why = 400, record.NoSuchTier
	case peak:
		status, why, o = 429, record.NoCapacity, record.Throttled
	default:
		return Effect{}, false
	}
	tokens, requests := c.limits.remaining(now)
	return Effect{Kind: Refuse, Ref: ev.Ref, At: now, Prompt: ev.PromptTokens, Status: status, Outcome: o, Reason: why,
		RemainingTokens: tokens, RemainingRequests: requests}, true
}

// tier returns the tier in which an admitted request is served, charged tokens of it. Priority gives way to default
// without a word: for long prompts, at peak, and while its traffic grows too fast.
func (c *Core) tier(now tick.Instant, ev *Event, charged int32, peak bool) record.Tier {
	want := ev.Tier
	if want == record.AutoTier && c.cfg.ServiceTier == record.PriorityTier.String() {
		want = record.PriorityTier
	}
	switch {
	case want == record.FlexTier:
		return want
	case want != record.PriorityTier || !c.cfg.hasPriority():
		return record.DefaultTier
	}
	climbs := c.priority.climbs(now, int64(charged), int64(c.cfg.PriorityFloor))
	c.priority.add(now, int64(charged))
	if climbs || peak || ev.PromptTokens > longContext {
		return record.DefaultTier
	}
	return want
}

// climb is the traffic that asks for priority, by the minute: the present one and those of the last quarter of an hour.
type climb struct {
	at      tick.Instant // start of the present minute
	minutes [16]int64    // tokens; a ring
	place   int          // of the present minute
}

func (c *climb) roll(now tick.Instant) {
	c.at, c.place = rolled(c.minutes[:], c.at, c.place, time.Minute, now)
}

func (c *climb) add(now tick.Instant, tokens int64) {
	c.roll(now)
	c.minutes[c.place] += tokens
}

// climbs reports whether with further tokens the present minute has over 50 % more than one of the quarter of an hour
// before it. Up to floor tokens a minute are nothing that climbs.
func (c *climb) climbs(now tick.Instant, tokens, floor int64) bool {
	c.roll(now)
	least := int64(math.MaxInt64 / 3)
	for i, n := range c.minutes {
		if i != c.place {
			least = min(least, n)
		}
	}
	return c.minutes[c.place]+tokens > max(least+least/2, floor)
}
