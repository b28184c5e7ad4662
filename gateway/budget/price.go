package budget

import (
	"fmt"
	"math"

	"foundrylab/internal/unit"
)

// Prices are what tokens cost, for a million of them, in whatever currency one pays in.
type Prices struct {
	Prompt     unit.Money `yaml:"prompt" doc:"prompt tokens"`
	Cached     unit.Money `yaml:"cached" doc:"prompt tokens that the prompt cache knew"`
	Completion unit.Money `yaml:"completion" doc:"completion tokens"`
}

// maxPrice bounds prices, and maxAmount quotas, so that no product of theirs with any number of tokens overflows.
const (
	maxPrice  = unit.Money(1_000 * million)
	maxAmount = unit.Money(1_000_000 * million)
)

// Validate implements yamlconf.Validator.
func (p Prices) Validate(fail func(path, format string, args ...any)) {
	for _, one := range []struct {
		name  string
		price unit.Money
	}{{"prompt", p.Prompt}, {"cached", p.Cached}, {"completion", p.Completion}} {
		if one.price > maxPrice {
			fail(one.name, "a million tokens cost at most %v", maxPrice)
		}
	}
	if p.Cached > p.Prompt {
		fail("cached", "is more than prompt costs: %v, %v", p.Cached, p.Prompt)
	}
}

// Any reports whether anything costs anything.
func (p *Prices) Any() bool { return p.Prompt > 0 || p.Completion > 0 }

// Of returns what tokens cost, in millionths of a millionth: exact. cached ones are part of the prompt. Each count has 31
// bits at most.
func (p *Prices) Of(prompt, cached, completion int64) int64 {
	return (prompt-cached)*int64(p.Prompt) + cached*int64(p.Cached) + completion*int64(p.Completion)
}

// Sum returns the sum of two amounts of money, or what comes nearest to it.
func Sum(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// Spend is what a request takes of its tenant's limits.
type Spend struct {
	Tokens int64
	Money  int64 // as Prices.Of has it
}

// Minus returns how much more s is than t.
func (s Spend) Minus(t Spend) Spend { return Spend{s.Tokens - t.Tokens, s.Money - t.Money} }

// String implements fmt.Stringer.
func (s Spend) String() string {
	return fmt.Sprintf("%d tokens, %v", s.Tokens, unit.Money(s.Money/million))
}
