package budget

import (
	"math/bits"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Claim is how much of a reserve a request may use, in millionths.
type Claim int64

// Entitled is the claim of a tenant that uses no more than its share, and of a
// band that is owed its minimum share.
const Entitled Claim = million

// Standing is the claim of the others, by the place of their band among so many:
// half of the reserve for the first and a quarter for the last, so that a higher
// band finds room where a lower one waits, and who is entitled where others do.
func Standing(band, bands int) Claim {
	if bands < 2 {
		return Entitled / 2
	}
	return Entitled/2 - Claim(band)*Entitled/4/Claim(bands-1)
}

// Gate says when a backend may be sent something. Of each limit it keeps a
// bucket that drains at the limit less the reserve. Who is entitled may fill it
// up to the reserve, others less: for a request that is larger than what it may fill, capacity is saved up before it goes, so that nobody has to wait after
// it. So what waits in line takes all of the capacity that is left over, and yet
// who uses less than its share finds room at once.
//
// Beside it, where the backend counts estimates, a sliding window holds the
// limit itself: in no span of its period more passes, wherever the service's
// own windows begin and however large a request is.
//
// Every method is O(log n) at worst, in what passed within one period, and
// allocates nothing once that has been seen. Not safe for concurrent use.
type Gate struct {
	backends []meter // by dense id
	learns   bool
}

// meter is what is known of one backend.
type meter struct {
	tokens, requests paced
	rule             Rule
	reserve          int64
}

// paced is one limit. perMinute 0: unknown, always open.
type paced struct {
	bucket    *limit.Bucket  // level and saving
	saving    int64          // how far below zero the level may fall: what is being saved up
	hard      *limit.Sliding // nil: what counts is what is used in the end
	period    time.Duration
	perMinute int64
	depth     int64 // the reserve of a period
	learned   learned
}

// NewGate returns the gate of a valid configuration; reactive, it is always
// open. backends names the dense ids.
func NewGate(cfg *Config, backends []string, now tick.Instant) *Gate {
	g := new(Gate)
	g.Reconfigure(cfg, backends, now)
	return g
}

// Reconfigure applies another configuration. What was used stays used, and what
// was learned of a backend whose limit is not configured is kept.
func (g *Gate) Reconfigure(cfg *Config, backends []string, now tick.Instant) {
	g.learns = cfg.Dispatch == "hybrid"
	for len(g.backends) < len(backends) {
		fresh := paced{learned: learned{changed: now.Add(-decreaseEvery)}}
		g.backends = append(g.backends, meter{tokens: fresh, requests: fresh})
	}
	for i, name := range backends {
		m := &g.backends[i]
		m.rule = cfg.RuleOf(name)
		m.reserve = int64(cfg.Reserve)
		known := Limit{RPMWindow: unit.Duration(time.Second)}
		for _, l := range cfg.Limits {
			if l.Backend == name {
				known = l
			}
		}
		if cfg.Dispatch == "reactive" {
			known.TPM, known.RPM = 0, 0
		}
		m.configure(&known, g.learns, now)
	}
}

func (m *meter) configure(l *Limit, learns bool, now tick.Instant) {
	m.tokens.start(int64(l.TPM), m.reserve, time.Minute, !m.rule.actual, learns, now)
	m.requests.start(int64(l.RPM), m.reserve, time.Duration(l.RPMWindow), true, learns, now)
}

// start makes a configured limit the one in force, but where it is learned and
// is what it was: then it stays where it has come to.
func (p *paced) start(perMinute, reserve int64, period time.Duration, window, learns bool, now tick.Instant) {
	l := &p.learned
	switch {
	case learns && perMinute == 0 && p.perMinute > 0, learns && p.perMinute > 0 && perMinute == l.most:
		perMinute = p.perMinute
	default:
		l.most = perMinute
	}
	p.configure(perMinute, reserve, period, window, now)
}

// configure makes perMinute the limit, 0 none; what was used stays used.
func (p *paced) configure(perMinute, reserve int64, period time.Duration, window bool, now tick.Instant) {
	if perMinute == 0 {
		*p = paced{learned: p.learned}
		return
	}
	if p.perMinute == 0 || p.period != period || (p.hard != nil) != window {
		*p = paced{period: period, bucket: limit.NewBucket(1, now), learned: p.learned}
		if window {
			p.hard = limit.NewSliding(1, period)
		}
	}
	p.retune(now, perMinute, reserve)
}

// retune makes perMinute the limit from now on.
func (p *paced) retune(now tick.Instant, perMinute, reserve int64) {
	p.perMinute = perMinute
	p.bucket.Resize(now, max(tick.MulDiv(perMinute, million-reserve, million), 1))
	spread := max(tick.MulDiv(perMinute, int64(p.period), int64(time.Minute)), 1)
	p.depth = max(tick.MulDiv(spread, reserve, million), 1)
	if p.hard != nil {
		p.hard.Resize(spread)
	}
}

const million = 1_000_000

// Cost returns what a backend charges a request at arrival; see Rule.AtArrival.
func (g *Gate) Cost(backend int, prompt, estimate, maxTokens, expected int32) int64 {
	return g.backends[backend].rule.AtArrival(prompt, estimate, maxTokens, expected)
}

// Used returns what a request cost that ended with so many tokens, and whether
// that differs from what it was charged at arrival.
func (g *Gate) Used(backend int, prompt, completion int32) (cost int64, settles bool) {
	r := &g.backends[backend].rule
	return r.used(prompt, completion), r.actual
}

// Limited reports whether the gate has anything to say about a backend: it has a
// limit, or learns it.
func (g *Gate) Limited(backend int) bool {
	m := &g.backends[backend]
	return g.learns || m.tokens.perMinute > 0 || m.requests.perMinute > 0
}

// Open reports whether a request of that cost may be sent to a backend now. One
// that is larger than the reserve goes when nothing is in the way, and one that
// is larger than the whole limit at once: the backend refuses it.
func (g *Gate) Open(now tick.Instant, backend int, cost int64, claim Claim) bool {
	m := &g.backends[backend]
	return m.tokens.open(now, cost, claim) && m.requests.open(now, 1, claim)
}

func (p *paced) open(now tick.Instant, cost int64, claim Claim) bool {
	return p.perMinute == 0 || p.tooLarge(cost) ||
		(p.hard == nil || p.hard.Fits(now, p.within(cost, claim))) && p.level(now) <= p.below(cost, claim)
}

// within is what must fit the window: the rest of the reserve is left free there too.
func (p *paced) within(cost int64, claim Claim) int64 {
	return min(cost+p.depth-p.room(claim), p.hard.Limit())
}

// room is how much a claim may fill.
func (p *paced) room(claim Claim) int64 {
	return max(tick.MulDiv(p.depth, int64(claim), million), 1)
}

// level is what has been sent and not yet drained; less than zero: saved up.
func (p *paced) level(now tick.Instant) int64 { return p.bucket.Level(now) - p.saving }

// below is the level at which a request may go.
func (p *paced) below(cost int64, claim Claim) int64 {
	if claim == Entitled {
		return max(p.depth-cost, 0)
	}
	return p.room(claim) - cost
}

// tooLarge is what the limit does not admit at all: the backend says so best, and counts nothing of it.
func (p *paced) tooLarge(cost int64) bool { return p.hard != nil && cost > p.hard.Limit() }

// TooLarge reports whether a request of that cost is more than a backend's
// limit admits at all.
func (g *Gate) TooLarge(backend int, cost int64) bool {
	p := &g.backends[backend].tokens
	return p.perMinute > 0 && p.tooLarge(cost)
}

// OpensAt returns when Open will say yes, when nothing else is sent: the least
// such instant, now where it does already. For a request that is larger than
// half the reserve and not entitled that holds once Save was called for it.
func (g *Gate) OpensAt(now tick.Instant, backend int, cost int64, claim Claim) tick.Instant {
	m := &g.backends[backend]
	return now.Add(max(m.tokens.wait(now, cost, claim), m.requests.wait(now, 1, claim)))
}

func (p *paced) wait(now tick.Instant, cost int64, claim Claim) time.Duration {
	if p.perMinute == 0 || p.tooLarge(cost) {
		return 0
	}
	wait := time.Duration(0)
	if p.hard != nil {
		wait = p.hard.Wait(now, p.within(cost, claim))
	}
	return max(wait, p.bucket.TimeTo(now, p.below(cost, claim)+p.saving))
}

// Save has the gate of a backend save up capacity for the request that goes
// next and is not entitled; 0: nobody waits. What was saved is kept only as far
// as that needs it.
func (g *Gate) Save(now tick.Instant, backend int, cost int64, claim Claim) {
	m := &g.backends[backend]
	m.tokens.save(now, cost, claim)
	m.requests.save(now, min(cost, 1), claim)
}

func (p *paced) save(now tick.Instant, cost int64, claim Claim) {
	if p.perMinute == 0 {
		return
	}
	saving := int64(0)
	if need := -p.below(cost, claim); cost > 0 && claim != Entitled && need > 0 {
		saving = need + p.room(claim) // a timer that is late loses nothing
	}
	p.bucket.Add(now, saving-p.saving)
	p.saving = saving
}

// PacedIn returns how long it takes until cost more has been paced out to the
// backends of a set together; ok is false where the limit of one is unknown.
func (g *Gate) PacedIn(now tick.Instant, backends uint64, cost int64) (wait time.Duration, ok bool) {
	perMinute := int64(0)
	for set := backends; set != 0; set &= set - 1 {
		p := &g.backends[bits.TrailingZeros64(set)].tokens
		if p.perMinute == 0 {
			return 0, false
		}
		perMinute += p.perMinute
		cost += p.level(now) - p.room(Standing(0, 1))
	}
	if perMinute == 0 {
		return 0, false
	}
	return time.Duration(tick.MulDiv(max(cost, 0), int64(time.Minute), perMinute)), true
}

// Take counts a request that is sent to a backend.
func (g *Gate) Take(now tick.Instant, backend int, cost int64) {
	m := &g.backends[backend]
	m.tokens.add(now, cost)
	m.requests.add(now, 1)
	if g.learns {
		m.tokens.learned.passed.add(now, cost)
		m.requests.learned.passed.add(now, 1)
	}
}

// Settle corrects what was counted for a request by delta.
func (g *Gate) Settle(now tick.Instant, backend int, delta int64) {
	g.backends[backend].tokens.add(now, delta)
}

func (p *paced) add(now tick.Instant, n int64) {
	if p.perMinute > 0 && !p.tooLarge(n) {
		p.bucket.Add(now, n)
		if p.hard != nil && n > 0 {
			p.hard.Take(now, n)
		}
	}
}
