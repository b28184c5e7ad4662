package deployment

import (
	"math"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// admission is the limiter of a deployment. Standard: a token window of 60 s
// and request windows of 10 s and 1 s, charged at arrival by estimate and never
// refunded (Microsoft's quota page; profiles of evidence). Provisioned: a leaky
// bucket of PTU-normalised tokens, checked before the estimate is added and
// corrected on completion (provisioned throughput page).
type admission struct {
	tokens   window
	requests window // of 10 s
	burst    window // requests of 1 s, where the profile has it
	minute   window // requests of the minute, for headers that speak of it
	output   window // Claude: output tokens of the minute
	tpm, rpm int64  // in force; standard only
	family   family
	evidence evidence
	bucket   *limit.Bucket
	capacity int64        // bucket level at 100 %
	weight   int64        // of an output token
	share    int64        // of the configured limits that is in force, in ppm
	spare    int64        // of these, what is let through, in ppm
	period   int64        // of dynamic quota
	origin   tick.Instant // of its windows
	load     loadMeter
	since    tick.Instant // what was admitted before was admitted by another one
	// elsewhere: what counts is kept outside. The windows stay empty, and the
	// bucket follows what is told of it.
	elsewhere bool
}

// whole is a share of all of it, in ppm.
const whole = 1_000_000

const (
	tokenPeriod   = time.Minute
	requestPeriod = 10 * time.Second
	burstPeriod   = time.Second
	// neverFits is the wait the service names when a single request is larger
	// than the whole limit (observed: 86,400 s).
	neverFits = 86_400_000
)

func newAdmission(cfg *settings, start tick.Instant) admission {
	if cfg.Provisioned() {
		return admission{load: loadMeter{at: start}, bucket: limit.NewBucket(0, start), share: whole, spare: whole, origin: start}
	}
	return newStandard(cfg, start)
}

// fit gives every limit its part of a configuration; what is used stays used.
func (a *admission) fit(now tick.Instant, cfg *settings) {
	if a.bucket == nil {
		a.fitStandard(cfg)
		return
	}
	perMinute := a.part(cfg.PTU * cfg.model.inputTPM)
	a.bucket.Resize(now, perMinute)
	a.load.perMinute, a.weight = perMinute, cfg.model.outputWeight
	a.capacity = tick.MulDiv(perMinute, int64(cfg.UtilizationWindow), int64(time.Minute))
}

// part is the share of a limit that is in force, at least 1 of what there is.
func (a *admission) part(limit int64) int64 {
	return max(tick.MulDiv(limit, a.share, whole), min(limit, 1))
}

// scale lets a share of the configured limits be in force from now on, in ppm.
// No window begins anew.
func (a *admission) scale(now tick.Instant, cfg *settings, share int64) {
	if share == a.share {
		return
	}
	a.share = share
	a.fit(now, cfg)
}

// narrow is scale to a share that a single request asked for, unless less is in
// force; 0 asks for none. It returns the share to go back to.
func (a *admission) narrow(now tick.Instant, cfg *settings, asked int32) (was int64) {
	was = a.share
	if asked > 0 {
		a.scale(now, cfg, min(was, int64(asked)))
	}
	return was
}

// resize moves to another configuration's limits, of which the same share is in
// force; what is used stays used.
func (a *admission) resize(now tick.Instant, cfg *settings) {
	old := *a
	*a = newAdmission(cfg, old.origin)
	a.share, a.load, a.since, a.elsewhere = old.share, old.load, old.since, old.elsewhere
	switch {
	case a.bucket != nil && old.bucket != nil:
		a.bucket = old.bucket
	case a.bucket == nil && old.bucket == nil:
		a.inherit(now, &old)
	default: // from one kind to the other: the units differ
		a.load.seconds = [len(old.load.seconds)]int64{}
	}
	a.fit(now, cfg)
}

// refusal is why a request was not admitted, and the wait that the answer
// names; the zero value: it was.
type refusal struct {
	why     record.Reason
	retryMs uint32
}

// demand is what a request asks of the limits at arrival.
type demand struct {
	tokens int64
	output int64 // Claude: of the limit on output tokens
}

// total is what the request is charged; it saturates.
func (d demand) total() int32 { return int32(min(d.tokens+d.output, math.MaxInt32)) }

// admit checks the limits and returns what the request asks of them, for take
// to charge. Cached prompt tokens are free on provisioned deployments and of
// Claude's limit, and count like any other on standard ones.
func (a *admission) admit(now tick.Instant, cfg *settings, ev *Event, cached int32) (demand, refusal) {
	if a.bucket != nil {
		return a.admitProvisioned(now, cfg, ev, cached, max(int64(ev.N), 1))
	}
	return a.admitStandard(now, cfg, ev, cached, max(int64(ev.N), 1))
}

func (a *admission) admitProvisioned(now tick.Instant, cfg *settings, ev *Event, cached int32, choices int64) (demand, refusal) {
	if !a.elsewhere && a.bucket.Level(now) > a.capacity {
		wait := a.bucket.TimeTo(now, a.capacity)
		return demand{}, refusal{record.Utilization, uint32(min((wait+time.Millisecond-1)/time.Millisecond, math.MaxUint32))}
	}
	out := int64(ev.MaxTokens)
	if out < 0 {
		out = int64(cfg.MaxTokensGuess)
	}
	out = tick.MulDiv(out, int64(cfg.MaxTokensWeight), 1_000_000)
	cost := int64(ev.PromptTokens-cached) + a.weight*out*choices
	return demand{tokens: min(cost, math.MaxInt32)}, refusal{}
}

// take charges what was admitted.
func (a *admission) take(now tick.Instant, d demand) {
	switch {
	case a.elsewhere:
	case a.bucket != nil:
		a.bucket.Add(now, d.tokens)
	default:
		a.countRequest(now)
		a.tokens.take(now, d.tokens)
	}
	if d.output > 0 {
		a.output.take(now, d.output)
	}
	a.load.add(now, d.tokens)
}

// demandOf is what an admitted request asked for.
func (a *admission) demandOf(s *stream) demand {
	d := demand{tokens: int64(s.charged)}
	if a.output.exists {
		d.tokens = min(d.tokens, int64(s.prompt-s.cached))
		d.output = int64(s.charged) - d.tokens
	}
	return d
}

// wholeSeconds rounds up to the whole seconds of a retry-after header.
func wholeSeconds(d time.Duration) uint32 {
	return uint32((d+time.Second-1)/time.Second) * 1000
}

// effect is the answer of a refusal.
func (r refusal) effect(now tick.Instant, ev *Event, a *admission) Effect {
	tokens, requests := a.remaining(now)
	return Effect{Kind: Refuse, Ref: ev.Ref, At: now, Prompt: ev.PromptTokens, Status: 429, Outcome: record.Throttled,
		Reason: r.why, RetryMs: r.retryMs, RemainingTokens: tokens, RemainingRequests: requests}
}

// settle corrects a provisioned charge, once taken, to what was done and
// returns the final charge; what a client that left costs is a setting. A
// standard charge stands as it was, but for output that Claude's limit counts
// only now. cfg is what the stream started under: after a change of the kind,
// or where the limiter began anew, its charge is none of this limiter's.
func (a *admission) settle(now tick.Instant, cfg, current *settings, s *stream, produced int32, left bool) int32 {
	mine := cfg.since == current.since && s.start >= a.since
	if !cfg.Provisioned() {
		return demand{int64(s.charged), a.produced(now, cfg, mine, int64(produced)*int64(s.choices))}.total()
	}
	switch {
	case left && cfg.Disconnect == "estimate":
		return s.charged
	case left && cfg.Disconnect == "planned":
		produced = s.completion
	}
	actual := min(int64(s.prompt-s.cached)+cfg.model.outputWeight*int64(produced)*int64(s.choices), math.MaxInt32)
	if a.bucket != nil && mine {
		a.bucket.Add(now, actual-int64(s.charged))
		a.load.add(now, actual-int64(s.charged))
	}
	return int32(actual)
}

// utilization returns what admission goes by, in ppm: the bucket's level
// against 100 %, or the tokens of this minute against TPM.
func (a *admission) utilization(now tick.Instant) int32 {
	var ppm int64
	if a.bucket != nil {
		ppm = tick.MulDiv(a.bucket.Level(now), 1_000_000, max(a.capacity, 1))
	} else {
		ppm = tick.MulDiv(a.tokens.used(now), 1_000_000, max(a.tpm, 1))
	}
	return int32(min(ppm, math.MaxInt32))
}

// loadMeter is the charge of the last ten seconds against what the deployment
// can serve in them: the utilization that a capacity report is about. Unlike
// the bucket's level it is half at half load.
type loadMeter struct {
	perMinute int64
	seconds   [10]int64
	at        tick.Instant // start of the current second
	place     int
}

func (m *loadMeter) roll(now tick.Instant) {
	m.at, m.place = rolled(m.seconds[:], m.at, m.place, time.Second, now)
}

// rolled moves a ring of periods on until the present one holds now, emptying
// those that begin. It returns when the present one began, and its place.
func rolled(ring []int64, at tick.Instant, place int, period time.Duration, now tick.Instant) (tick.Instant, int) {
	for n := 0; now >= at.Add(period); n++ {
		if n == len(ring) { // idle for longer than is remembered
			return at + (now-at)/tick.Instant(period)*tick.Instant(period), place
		}
		at = at.Add(period)
		place = (place + 1) % len(ring)
		ring[place] = 0
	}
	return at, place
}

func (m *loadMeter) add(now tick.Instant, n int64) {
	m.roll(now)
	m.seconds[m.place] += n
}

// sample returns the load of the ten seconds that end at now, in ppm.
func (m *loadMeter) sample(now tick.Instant) int32 {
	var sum int64
	for _, n := range m.seconds {
		sum += n
	}
	m.roll(now)
	const ppm = 1_000_000 * 60 / int64(len(m.seconds))
	return int32(min(tick.MulDiv(max(sum, 0), ppm, max(m.perMinute, 1)), math.MaxInt32))
}
