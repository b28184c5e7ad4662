package deployment

import (
	"strings"

	"foundrylab/internal/tick"
)

// Claude models have three limits: requests, prompt tokens that no cache knew,
// and output tokens (Microsoft's quota page of 2026-09-21). The input limit is
// tpm. In all tiers that the page has, RPM is a thousandth of it and the output
// limit a fifth.
const (
	claudePrefix      = "claude-"
	claudeOutputShare = 5
)

// claudeTPM are the input limits of a pay-as-you-go subscription; the first
// prefix that fits counts.
var claudeTPM = []struct {
	prefix string
	tpm    int64
}{{"claude-opus-", 40_000}, {claudePrefix, 80_000}}

// claude reports whether a deployment has the limits of a Claude model.
func (c *Config) claude() bool { return strings.HasPrefix(c.Model, claudePrefix) && !c.Provisioned() }

// TokensPerMinute is the TPM of a standard deployment: set, or for Claude the
// model's.
func (c *Config) TokensPerMinute() int64 {
	if c.TPM == 0 && c.claude() {
		for _, m := range claudeTPM {
			if strings.HasPrefix(c.Model, m.prefix) {
				return m.tpm
			}
		}
	}
	return int64(c.TPM)
}

// outputPerMinute is the limit on output tokens; 0 where there is none.
func (c *Config) outputPerMinute() int64 {
	if !c.claude() {
		return 0
	}
	if c.OutputTPM > 0 {
		return int64(c.OutputTPM)
	}
	return max(c.TokensPerMinute()/claudeOutputShare, 1)
}

// produced counts what an answer had where that is charged, and not max_tokens
// at arrival; it returns what is charged. An answer that another limiter
// admitted is none of this one's.
func (a *admission) produced(now tick.Instant, cfg *settings, mine bool, tokens int64) int64 {
	if !cfg.claude() || cfg.OutputCharge == "max_tokens" {
		return 0
	}
	if mine && a.output.exists {
		a.output.take(now, tokens)
	}
	return tokens
}
