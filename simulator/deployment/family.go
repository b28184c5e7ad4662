package deployment

import (
	"math"
	"strings"
)

// family is what the limits of standard deployments ask of a model's kind.
type family struct {
	prefix      string // of model names; the longest that fits counts
	charge      charge
	absent      int64 // output tokens charged where max_tokens is absent
	rpm, perTPM int64 // requests per minute for so many tokens per minute
}

// charge is how a request's tokens are estimated.
type charge uint8

const (
	promptAndOutput charge = iota // the prompt's characters, and max_tokens for each choice
	outputOnly                    // max_tokens, whatever the prompt
	promptOnly                    // the characters: embeddings
)

// families: charges as stuartleeks/aoai-testing measured them for gpt-3.5,
// gpt-4, gpt-4o and embeddings (2024), and as recorded answers show them for
// later models; ratios from the quota page of 2026-09-16, those of gpt-5 and
// gpt-4o-mini derived from its table of tiers.
var families = []family{
	{"", promptAndOutput, 0, 1, 1_000},
	{"gpt-3.5", outputOnly, 16, 6, 1_000},
	{"gpt-35", outputOnly, 16, 6, 1_000},
	{"gpt-4", promptAndOutput, 640, 6, 1_000},
	{"gpt-4o", promptAndOutput, 640, 6, 1_000},
	{"gpt-4o-mini", promptAndOutput, 640, 10, 1_000},
	{"gpt-4.", promptAndOutput, 0, 1, 1_000},
	{"gpt-5", promptAndOutput, 0, 10, 1_000},
	{"gpt-5-mini", promptAndOutput, 0, 1, 1_000},
	{"gpt-5-nano", promptAndOutput, 0, 1, 1_000},
	{"gpt-5.4-mini", promptAndOutput, 0, 1, 1_000},
	{"gpt-5.5", promptAndOutput, 0, 1, 1_000},
	{"gpt-5.6", promptAndOutput, 0, 1, 1_000},
	{"o1", promptAndOutput, 0, 1, 6_000},
	{"o1-mini", promptAndOutput, 0, 1, 10_000},
	{"o3-mini", promptAndOutput, 0, 1, 10_000},
	{"o3-pro", promptAndOutput, 0, 1, 10_000},
	{"text-embedding", promptOnly, 0, 6, 1_000},
}

func familyOf(model string) family {
	best := 0
	for i := range families {
		if p := families[i].prefix; len(p) > len(families[best].prefix) && strings.HasPrefix(model, p) {
			best = i
		}
	}
	return families[best]
}

// cost is what a request is charged at arrival; no later refund.
func (f family) cost(promptEstimate, maxTokens int32, choices int64) int64 {
	out := f.absent
	if maxTokens >= 0 {
		out = int64(maxTokens)
	}
	switch f.charge {
	case outputOnly:
		return out * choices
	case promptOnly:
		return int64(promptEstimate)
	}
	return int64(promptEstimate) + out*choices
}

// StandardCharge returns what a standard deployment of a model charges at
// arrival, in tokens: for a prompt of that estimate and one choice of at most
// maxTokens, negative where the request says nothing. It saturates.
func StandardCharge(model string) func(promptEstimate, maxTokens int32) int32 {
	f := familyOf(model)
	return func(promptEstimate, maxTokens int32) int32 {
		return int32(min(f.cost(promptEstimate, maxTokens, 1), math.MaxInt32))
	}
}
