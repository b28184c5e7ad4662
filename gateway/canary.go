package gateway

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"foundrylab/gateway/canary"
	"foundrylab/internal/tick"
)

// canaryHealth is how the canary of a pool stands.
type canaryHealth struct {
	State    string   `json:"state"`           // trying | rolled-back
	Since    string   `json:"since,omitempty"` // RFC 3339; of one that is rolled back
	Backends []string `json:"backends"`
	// What ended within the time of canary.rollback.over, as it was when it was rolled back.
	Attempts       int64 `json:"attempts"`
	Failed         int64 `json:"failed"`
	OthersAttempts int64 `json:"others_attempts"`
	OthersFailed   int64 `json:"others_failed"`
}

const rolledBack = "rolled-back"

// asksForCanary reports whether a request has the header that chooses the canary.
func (s *poolSettings) asksForCanary(h http.Header) bool {
	return s.canaryHeader != "" && h.Get(s.canaryHeader) == s.canaryValue
}

// canary returns how the canary stands; nil: there is none. Called under the
// driver's lock.
func (s *poolSettings) canary(now tick.Instant) *canaryHealth {
	v, ok := s.core.Canary(now)
	if !ok || s.Core.Canary == nil {
		return nil
	}
	told := &canaryHealth{State: "trying", Backends: s.Core.Canary.Backends,
		Attempts: v.At.All, Failed: v.At.Failed, OthersAttempts: v.Rest.All, OthersFailed: v.Rest.Failed}
	if v.Over {
		told.State, told.Since = rolledBack, timestamp(v.Since)
	}
	return told
}

func timestamp(t tick.Instant) string {
	return time.Unix(0, int64(t)).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// rolledBack tells the log that the canary has failed.
func (x *exchange) rolledBack() {
	var told *canaryHealth
	name := ""
	x.pool.driver.Locked(func(now tick.Instant) {
		in := x.settings()
		name, told = in.Name, in.canary(now)
	})
	if told == nil || told.State != rolledBack { // the configuration has changed, and has another canary or none
		return
	}
	line := x.g.cfg.Logger.Warn().Strs("canary", told.Backends).Int64("attempts", told.Attempts).Int64("failed", told.Failed).
		Int64("others_attempts", told.OthersAttempts).Int64("others_failed", told.OthersFailed)
	if name != "" {
		line.Str("pool", name)
	}
	line.Msg("the canary is rolled back: too many attempts failed there")
}

// canaryMetrics are about the canaries of pools; a pool without one is left out.
type canaryMetrics struct {
	over, failed *prometheus.Desc
}

func newCanaryMetrics(of func(name, help string, labels ...string) *prometheus.Desc) canaryMetrics {
	return canaryMetrics{
		over:   of("foundrylab_gateway_canary_rolled_back", "1 when too many attempts failed at the canary, so that nobody goes there any more.", "pool"),
		failed: of("foundrylab_gateway_canary_failed_ratio", "What part of the latest attempts failed, at the canary and at the others.", "pool", "at"),
	}
}

// collect tells of a pool's canary; called under its driver's lock.
func (m *canaryMetrics) collect(out chan<- prometheus.Metric, p *poolSettings, now tick.Instant) {
	v, ok := p.core.Canary(now)
	if !ok {
		return
	}
	over := 0.0
	if v.Over {
		over = 1
	}
	out <- prometheus.MustNewConstMetric(m.over, prometheus.GaugeValue, over, p.Name)
	for at, seen := range map[string]canary.Seen{"canary": v.At, "others": v.Rest} {
		out <- prometheus.MustNewConstMetric(m.failed, prometheus.GaugeValue, float64(seen.Failed)/float64(max(seen.All, 1)), p.Name, at)
	}
}
