package fault

import (
	"fmt"
	"strconv"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

// Throttle answers 429 whatever the limits say: a storm of throttling that no
// limiter explains. The record tells it from a limiter's.
type Throttle struct {
	RetryAfter unit.Duration `yaml:"retry_after" doc:"the wait it names, in whole seconds; default none, as at peak load"`
}

// Validate implements yamlconf.Validator.
func (t Throttle) Validate(fail func(path, format string, args ...any)) {
	if d := time.Duration(t.RetryAfter); d > maxDelay || d%time.Second != 0 {
		fail("retry_after", "must be at most 24h, in whole seconds")
	}
}

var throttleKind = Kind{
	Name:    "throttle",
	Help:    "Requests are answered with 429 and the service's body for peak load, whatever the limits say, and are not charged; give it a `probability` for a storm. Running streams go on.",
	Example: "throttle: {retry_after: 20s}",
	asked:   Config{Throttle: &Throttle{}},
	compile: func(c Config, r *Rule) bool {
		if c.Throttle == nil {
			return false
		}
		r.Refuse, r.Status, r.RetryMs = record.ThrottleFault, 429, uint32(time.Duration(c.Throttle.RetryAfter)/time.Millisecond)
		return true
	},
	value: func(text string, given bool) (int32, error) {
		n, err := strconv.Atoi(text)
		if given && (err != nil || n < 1 || n > 86_400) {
			return 0, fmt.Errorf("throttle takes the seconds of its retry-after, from 1 to 86400, such as throttle=20")
		}
		return int32(n), nil
	},
	apply: func(r *Rule, seconds int32) { r.RetryMs = uint32(seconds) * 1000 },
}
