package latency

import (
	"math"

	"foundrylab/internal/distribution"
	"foundrylab/internal/tick"
)

// Effort is how much a request lets a model think (reasoning_effort).
type Effort uint8

// The efforts; the zero value is the model's own.
const (
	DefaultEffort Effort = iota
	NoEffort
	MinimalEffort
	LowEffort
	MediumEffort
	HighEffort
	ExtraHighEffort
)

// effortShares are the reasoning tokens of an effort, in percent of those of
// medium. That minimal thinks of nothing before it answers, and how far the
// others are apart, is assumed (docs/latency.md).
var effortShares = [...]int64{NoEffort: 0, MinimalEffort: 0, LowEffort: 25, MediumEffort: 100, HighEffort: 250, ExtraHighEffort: 500}

// thinker is a profile that reasons: tokens at medium effort, log-normal.
type thinker struct {
	profile  string
	p50, p95 int64
	effort   Effort // of requests that name none
}

// thinkers: 500 to 2,000 tokens for the o-series; gpt-5 thinks at medium effort
// unless told otherwise, gpt-5.1 and later do not think (Microsoft's page on
// reasoning models). The rest is set by hand (docs/latency.md).
var thinkers = []thinker{
	{"gpt-5", 800, 3200, MediumEffort},
	{"gpt-5-mini", 500, 2000, MediumEffort},
	{"gpt-5.4", 800, 3200, NoEffort},
	{"gpt-5.4-mini", 500, 2000, NoEffort},
	{"o3", 1000, 2000, MediumEffort},
	{"o4-mini", 1000, 2000, MediumEffort},
}

// thinking is how a deployment reasons; the zero value does not.
type thinking struct {
	tokens distribution.Sampler // at medium effort
	effort Effort
}

// thinkingOf returns how a profile reasons. A distribution of its own makes any
// of them think by default.
func thinkingOf(own *distribution.Config, profile string) thinking {
	if own != nil {
		return thinking{own.Compile(), MediumEffort}
	}
	for _, t := range thinkers {
		if t.profile == profile {
			return thinking{distribution.NewLognormal(t.p50, t.p95, distribution.Z95, 0), t.effort}
		}
	}
	return thinking{effort: NoEffort}
}

// Reasoning draws the tokens that a model thinks in before the first token that
// anybody sees; they are billed as output. key and attempt name the draw.
func (m *Model) Reasoning(key uint64, attempt uint32, effort Effort) int32 {
	if effort == DefaultEffort {
		effort = m.thinking.effort
	}
	share := effortShares[effort]
	if share == 0 {
		return 0
	}
	return int32(min(tick.MulDiv(m.thinking.tokens.At(m.thinkDie.Draw(key, attempt)), share, 100), math.MaxInt32))
}
