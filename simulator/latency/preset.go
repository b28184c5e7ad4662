package latency

import (
	"strings"
	"time"

	"foundrylab/internal/unit"
)

type profile struct {
	name       string
	p50, p95   time.Duration
	perK       time.Duration
	tokensPerS int64
	spread     int64 // ppm
}

const (
	ms       = time.Millisecond
	fallback = "gpt-4.1"
)

// presets are log-normals set by hand after public measurements of 2025 and 2026
// (docs/latency.md); a dated starting point, not a promise.
var presets = []profile{
	{"claude-sonnet-4-5", 1200 * ms, 3000 * ms, 30 * ms, 65, 300_000},
	{"gpt-3.5-turbo", 400 * ms, 1100 * ms, 15 * ms, 100, 350_000},
	{"gpt-4.1", 600 * ms, 1600 * ms, 25 * ms, 85, 300_000},
	{"gpt-4.1-mini", 450 * ms, 1300 * ms, 20 * ms, 105, 300_000},
	{"gpt-4.1-nano", 350 * ms, 1000 * ms, 10 * ms, 130, 300_000},
	{"gpt-4o", 600 * ms, 1500 * ms, 25 * ms, 90, 350_000},
	{"gpt-4o-mini", 450 * ms, 1200 * ms, 20 * ms, 90, 350_000},
	{"gpt-5", 1000 * ms, 2600 * ms, 30 * ms, 110, 350_000},
	{"gpt-5-mini", 700 * ms, 1900 * ms, 20 * ms, 100, 350_000},
	{"gpt-5.4", 800 * ms, 2200 * ms, 30 * ms, 80, 300_000},
	{"gpt-5.4-mini", 250 * ms, 700 * ms, 10 * ms, 200, 300_000},
	{"o3", 800 * ms, 2500 * ms, 25 * ms, 80, 350_000},
	{"o4-mini", 800 * ms, 2500 * ms, 25 * ms, 110, 350_000},
	{"text-embedding-3", 60 * ms, 200 * ms, 15 * ms, 100, 100_000}, // an answer has no tokens: all of its time is to the first
}

// serviceTail is that of every preset: it comes from the service, not from the
// model (docs/latency.md).
var serviceTail = Tail{Share: 3_000, Factor: 10 * unit.One}

func lookup(name string) (profile, bool) {
	for _, p := range presets {
		if p.name == name {
			return p, true
		}
	}
	return profile{}, false
}

// fitting returns the profile of a model: its own, or the longest that its name
// begins with and goes on after a hyphen.
func fitting(model string) (profile, bool) {
	best, found := profile{}, false
	for _, p := range presets {
		if (model == p.name || strings.HasPrefix(model, p.name+"-")) && len(p.name) > len(best.name) {
			best, found = p, true
		}
	}
	return best, found
}

func presetNames() string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}
