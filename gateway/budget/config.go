// Package budget says how much of a backend's metered capacity a gateway may
// use now: the gate that what waits is dispatched through, the share of it that
// each tenant is entitled to, and the limits of a tenant's own. It refuses
// clocks, and to know who waits in which order.
package budget

import (
	"fmt"
	"time"

	"foundrylab/internal/unit"
)

// Config is the `budget` part of a gateway.
type Config struct {
	Dispatch string     `yaml:"dispatch" default:"reactive" enum:"reactive|predictive|hybrid" doc:"reactive: send until a backend refuses, then wait as long as it says; predictive: send no faster than the limits below; hybrid: predictive, with limits that refusals lower and success raises"`
	Reserve  unit.Ratio `yaml:"reserve" default:"2%" doc:"predictive and hybrid: part of each limit that is kept for bursts of those who use less than their share; what waits is paced at the rest"`
	Limits   []Limit    `yaml:"limits" doc:"what each backend admits; a backend that is not listed has no known limit"`
	Prices   Prices     `yaml:"prices" doc:"what a million tokens cost, for quotas in money and the account; default: nothing"`
}

// Limit is what is known of one backend's limits.
type Limit struct {
	Backend      string        `yaml:"backend" required:"true" doc:"backend name"`
	TPM          unit.Count    `yaml:"tpm" doc:"tokens per minute that it admits; provisioned: input tokens per minute of all its PTU; default unknown"`
	RPM          unit.Count    `yaml:"rpm" doc:"requests per minute that it admits; default unknown"`
	RPMWindow    unit.Duration `yaml:"rpm_window" default:"1s" doc:"span over which it spreads them: it admits the proportional part in each"`
	Charge       string        `yaml:"charge" default:"estimate" enum:"estimate|output|actual" doc:"what it counts: estimate, that of the prompt and max_tokens at arrival, as standard deployments do; output, max_tokens alone, as those of gpt-3.5; actual, the tokens in the end, as provisioned ones do"`
	OutputWeight int64         `yaml:"output_weight" default:"1" min:"1" max:"64" doc:"input tokens that an output token counts as"`
	AbsentOutput int64         `yaml:"absent_output" min:"0" max:"200000" doc:"output tokens that it counts where a request has no max_tokens"`
}

// bounds of the spans a limit is spread over.
const minWindow, maxWindow = 100 * time.Millisecond, time.Minute

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if c.Reserve < 1_000 || c.Reserve > 500_000 {
		fail("reserve", "must be between 0.1%% and 50%%")
	}
	seen := map[string]bool{}
	for i, l := range c.Limits {
		path := fmt.Sprintf("limits[%d]", i)
		if seen[l.Backend] {
			fail(path+".backend", "%q is listed twice", l.Backend)
		}
		seen[l.Backend] = true
		if l.TPM == 0 && l.RPM == 0 {
			fail(path, "needs tpm or rpm, or leave the backend out: then its limit is unknown")
		}
		if l.TPM > maxPerMinute || l.RPM > maxPerMinute {
			fail(path, "a limit is at most %d per minute", int64(maxPerMinute))
		}
		if w := time.Duration(l.RPMWindow); w < minWindow || w > maxWindow {
			fail(path+".rpm_window", "must be between %v and %v", minWindow, maxWindow)
		}
	}
	if c.Dispatch == "predictive" && len(c.Limits) == 0 {
		fail("limits", "predictive dispatch needs to know limits; hybrid learns them")
	}
}

// maxPerMinute bounds every limit, so that no product overflows.
const maxPerMinute = 1_000_000_000_000
