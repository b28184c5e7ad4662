package deployment

import "time"

// evidence is one reading of how the service limits standard deployments.
// What it published and what was seen of it changed over the years, and partly
// conflicts; a profile takes one year's evidence as a whole (docs/fidelity.md).
type evidence struct {
	name          string
	sliding       bool          // what is taken counts for a period from then on, else until the period's end
	burst         time.Duration // the second request window, beside that of 10 s; 0: none
	countRejected bool          // a refused request counts against the request windows
	headers       Headers
	checkpoint    bool // answers tell where their time went
}

// Headers says what a profile's answers tell of the limits.
type Headers struct {
	RequestPeriod time.Duration // what the -requests headers are about: the window of 10 s, or a minute
	Limits        bool          // x-ratelimit-limit-*
	Resets        bool          // x-ratelimit-reset-*
	RetryMs       bool          // retry-after-ms beside retry-after
	OldBody       bool          // the 429 with the code "429"
}

// RequestsOf is the share of requests per minute that the headers about requests
// speak of.
func (h Headers) RequestsOf(rpm int64) int64 {
	share := int64(time.Minute / h.RequestPeriod)
	return (rpm + share - 1) / share
}

// Profiles of evidence, oldest first; the last is the default.
//
// 2024: 10,000 TPM deployments measured by stuartleeks/aoai-testing (July and
// August 2024) and recorded answers. 2025: recorded answers, and Microsoft's
// archived simulator for what refused requests do. 2026: the quota page of
// 2026-05-06.
var profiles = []evidence{
	{name: "azure-2024", sliding: true, countRejected: true,
		headers: Headers{RequestPeriod: requestPeriod, OldBody: true}},
	{name: "azure-2025", burst: burstPeriod,
		headers: Headers{RequestPeriod: tokenPeriod, Limits: true}},
	{name: "azure-2026", burst: burstPeriod, countRejected: true,
		headers: Headers{RequestPeriod: tokenPeriod, Limits: true, Resets: true, RetryMs: true}, checkpoint: true},
}

// evidenceOf returns the profile of a configuration, with what it sets itself.
func evidenceOf(cfg *Config) evidence {
	e := profiles[len(profiles)-1]
	for _, p := range profiles {
		if p.name == cfg.Profile {
			e = p
		}
	}
	if cfg.Window != "" {
		e.sliding = cfg.Window == "sliding"
	}
	if cfg.CountRejected != nil {
		e.countRejected = *cfg.CountRejected
	}
	if cfg.LatencyCheckpoint != nil {
		e.checkpoint = *cfg.LatencyCheckpoint
	}
	return e
}

// ShowsCheckpoint reports whether answers have latency_checkpoint, which was
// seen in 2026 first.
func (c *Core) ShowsCheckpoint() bool { return evidenceOf(c.cfg.Config).checkpoint }
