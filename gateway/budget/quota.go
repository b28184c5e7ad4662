package budget

import (
	"math"
	"slices"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Quota is how many tokens a tenant may have in a period of the calendar, in UTC.
type Quota struct {
	Tokens unit.Count `yaml:"tokens" required:"true" min:"1" doc:"tokens, counted as for tpm"`
	Period string     `yaml:"period" required:"true" enum:"hour|day|month" doc:"from the first moment of each, in UTC"`
}

// spent is what is used of a quota.
type spent struct {
	Quota
	used int64
	end  tick.Instant // of the period that used is about
}

// carried returns the quotas of a configuration, with what was used of those
// that were there before.
func carried(had []spent, quotas []Quota) []spent {
	list := make([]spent, len(quotas))
	for i, q := range quotas {
		list[i].Quota = q
		if at := slices.IndexFunc(had, func(s spent) bool { return s.Period == q.Period }); at >= 0 {
			list[i].used, list[i].end = had[at].used, had[at].end
		}
	}
	return list
}

func (s *spent) roll(now tick.Instant) {
	if now >= s.end {
		s.used, s.end = 0, periodEnd(now, s.Period)
	}
}

// wait is how long it takes until cost more fits, alone: until the period ends,
// or for ever where it is more than the quota.
func (s *spent) wait(now tick.Instant, cost int64) time.Duration {
	s.roll(now)
	switch {
	case cost > int64(s.Tokens):
		return math.MaxInt64
	case s.used+cost > int64(s.Tokens):
		return s.end.Sub(now)
	}
	return 0
}

// periodEnd is when the period of the calendar ends in which now is.
func periodEnd(now tick.Instant, period string) tick.Instant {
	t := time.Unix(0, int64(now)).UTC()
	y, m, d := t.Date()
	switch period {
	case "hour":
		return tick.Instant(t.Truncate(time.Hour).Add(time.Hour).UnixNano())
	case "day":
		return tick.Instant(time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).UnixNano())
	}
	return tick.Instant(time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
}
