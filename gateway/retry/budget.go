package retry

import (
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Extra bounds the attempts that a gateway makes beyond the first of each
// request: when everything fails, its retries must not be what keeps it so. A
// Burst of 0, which no file can give, is no bound.
type Extra struct {
	Share     unit.Ratio `yaml:"share" default:"20%" doc:"what each request adds: with 20% one attempt in five may be a retry"`
	PerSecond int64      `yaml:"per_second" default:"10" min:"0" max:"1000000" doc:"what each second adds besides"`
	Burst     int64      `yaml:"burst" default:"1000" min:"1" max:"1000000" doc:"how many may be saved up: what was under way when a backend fails is sent again at once"`
}

// Budget is what is left of an Extra. It holds billionths of an attempt. The
// zero value is full. Not safe for concurrent use.
type Budget struct {
	spent int64 // what is missing to the burst; at least 0
	at    tick.Instant
}

const attempt = 1_000_000_000

// Request adds a request's share.
func (b *Budget) Request(x *Extra) {
	b.spent = max(b.spent-min(int64(x.Share), 1000*int64(unit.One))*(attempt/int64(unit.One)), 0)
}

// Take takes one attempt; false: there is none left.
func (b *Budget) Take(now tick.Instant, x *Extra) bool {
	if !b.Left(now, x) {
		return false
	}
	if x.Burst > 0 {
		b.spent += attempt
	}
	return true
}

// Left reports whether there is an attempt to take.
func (b *Budget) Left(now tick.Instant, x *Extra) bool {
	if x.Burst == 0 {
		return true
	}
	if b.spent > 0 && x.PerSecond > 0 {
		elapsed := now.Sub(b.at)
		if full := time.Duration(b.spent/x.PerSecond + 1); elapsed >= full {
			b.spent = 0
		} else {
			b.spent = max(b.spent-int64(elapsed)*x.PerSecond, 0)
		}
	}
	b.at = now
	return b.spent+attempt <= x.Burst*attempt
}
