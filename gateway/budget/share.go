package budget

import (
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
)

// Shares says which tenant uses less than it is entitled to: a bucket for each
// that drains at its part of what the backends admit together. O(1), 0
// allocations. Not safe for concurrent use.
type Shares struct {
	tenants []share
}

type share struct {
	bucket *limit.Bucket
	depth  int64
}

// credit is how long a tenant may save up what it did not use: long enough for
// a person's burst of requests, far less than the minute of a limit.
const credit = 10 * time.Second

// Reconfigure gives each tenant its part, in units per minute; 0: it is
// entitled to nothing. What was used stays used.
func (s *Shares) Reconfigure(now tick.Instant, perMinute []int64) {
	for len(s.tenants) < len(perMinute) {
		s.tenants = append(s.tenants, share{})
	}
	for i, rate := range perMinute {
		t := &s.tenants[i]
		t.depth = tick.MulDiv(rate, int64(credit), int64(time.Minute))
		t.bucket = resized(t.bucket, now, rate)
	}
}

// Within reports whether a tenant that is sent cost more still uses no more
// than its share. A single request larger than what can be saved up is within
// it when nothing was used before.
func (s *Shares) Within(now tick.Instant, tenant int, cost int64) bool {
	t := &s.tenants[tenant]
	if t.bucket == nil {
		return false
	}
	level := t.bucket.Level(now)
	return level == 0 || level+cost <= t.depth
}

// Take counts what a tenant is sent; a refund is negative.
func (s *Shares) Take(now tick.Instant, tenant int, cost int64) {
	t := &s.tenants[tenant]
	if t.bucket == nil {
		return
	}
	// What is taken beyond the share is not held against the tenant for longer
	// than it may save: it waits in line then, which is what keeps it fair.
	if over := t.bucket.Level(now) + cost - 2*t.depth; over > 0 {
		cost -= min(over, cost)
	}
	t.bucket.Add(now, cost)
}
