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
	used       int64
	begin, end tick.Instant // of the period that used is about
}

// carried returns the quotas of a configuration, with what was used of those
// that were there before.
func carried(had []spent, quotas []Quota) []spent {
	list := make([]spent, len(quotas))
	for i, q := range quotas {
		list[i].Quota = q
		if at := slices.IndexFunc(had, func(s spent) bool { return s.Period == q.Period }); at >= 0 {
			list[i] = spent{q, had[at].used, had[at].begin, had[at].end}
		}
	}
	return list
}

func (s *spent) roll(now tick.Instant) {
	if now >= s.end {
		s.used = 0
		s.begin, s.end = period(now, s.Period)
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

// period is when the period of the calendar begins and ends in which now is.
func period(now tick.Instant, kind string) (begin, end tick.Instant) {
	t := time.Unix(0, int64(now)).UTC()
	y, m, d := t.Date()
	first, next := t.Truncate(time.Hour), t.Truncate(time.Hour).Add(time.Hour)
	switch kind {
	case "day":
		first, next = time.Date(y, m, d, 0, 0, 0, 0, time.UTC), time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
	case "month":
		first, next = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC), time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return tick.Instant(first.UnixNano()), tick.Instant(next.UnixNano())
}
