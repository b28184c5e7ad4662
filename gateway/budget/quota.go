package budget

import (
	"math"
	"slices"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Quota is what a tenant may have in a period of the calendar, in UTC: so many tokens, or as many as cost so much.
type Quota struct {
	Tokens unit.Count `yaml:"tokens" doc:"tokens, counted as for tpm"`
	Amount unit.Money `yaml:"amount" doc:"instead of tokens: what they cost by budget.prices"`
	Period string     `yaml:"period" required:"true" enum:"hour|day|month" doc:"from the first moment of each, in UTC"`
}

// Validate implements yamlconf.Validator.
func (q Quota) Validate(fail func(path, format string, args ...any)) {
	if (q.Tokens > 0) == (q.Amount > 0) {
		fail("", "needs tokens or amount, above 0, and not both")
	}
	if q.Amount > maxAmount {
		fail("amount", "is at most %v", maxAmount)
	}
}

// most is the whole of a quota: tokens, or money as Prices.Of has it.
func (q *Quota) most() int64 {
	if q.Amount > 0 {
		return int64(q.Amount) * million
	}
	return int64(q.Tokens)
}

// of is the part of a request that counts against a quota.
func (q *Quota) of(s Spend) int64 {
	if q.Amount > 0 {
		return s.Money
	}
	return s.Tokens
}

// alike reports whether two quotas count the same over the same.
func (q *Quota) alike(other *Quota) bool {
	return q.Period == other.Period && (q.Amount > 0) == (other.Amount > 0)
}

// spent is what is used of a quota.
type spent struct {
	Quota
	used       int64        // never negative
	begin, end tick.Instant // of the period that used is about
}

// carried returns the quotas of a configuration, with what was used of those
// that were there before. Of a new one the first period begins now.
func carried(now tick.Instant, had []spent, quotas []Quota) []spent {
	list := make([]spent, len(quotas))
	for i, q := range quotas {
		list[i].Quota = q
		list[i].roll(now)
		list[i].begin = now
		if at := slices.IndexFunc(had, func(s spent) bool { return s.alike(&q) }); at >= 0 {
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

// add counts what is used more, or less: as far as there are numbers for it,
// since backends may say anything.
func (s *spent) add(more int64) { s.used = max(Sum(s.used, more), 0) }

// wait is how long it takes until cost more fits, alone: until the period ends,
// or for ever where it is more than the quota.
func (s *spent) wait(now tick.Instant, request Spend) time.Duration {
	s.roll(now)
	switch cost := s.of(request); {
	case cost > s.most():
		return math.MaxInt64
	case cost > s.most()-s.used:
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
