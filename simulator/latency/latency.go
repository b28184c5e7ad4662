// Package latency decides how fast a deployment answers: when the response
// begins, when the first token comes and how long the rest takes. One file a
// model; presets are data. It refuses clocks: it returns spans.
package latency

import (
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Config describes a deployment's pace. Absent fields come from the preset,
// which defaults to the deployment's model.
type Config struct {
	Preset     string               `yaml:"preset" doc:"name of a built-in profile; default: the deployment's model"`
	TTFT       *Quantiles           `yaml:"ttft" doc:"time to the first token, log-normal"`
	PerKPrompt unit.Duration        `yaml:"per_1k_prompt" doc:"added to TTFT for each 1,000 prompt tokens that are not cached"`
	TokensPerS unit.Count           `yaml:"tokens_per_s" doc:"median pace of output tokens"`
	Spread     unit.Ratio           `yaml:"spread" doc:"coefficient of variation of the pace between requests"`
	Filter     string               `yaml:"filter" enum:"default|asynchronous" doc:"content filter of streams: default holds tokens back and releases 1 to 20 at once, asynchronous lets each go as it comes; default: that of the profile"`
	Reasoning  *distribution.Config `yaml:"reasoning" doc:"tokens of thought before the first token, at medium effort, billed as output; 0 for none; default: that of the profile"`
	Load       *Load                `yaml:"load" doc:"slower pace of a busy deployment; default: that below on provisioned ones, none on standard ones"`
	Tail       *Tail                `yaml:"tail" doc:"requests that the service itself holds up; default: that of the profile, none where ttft is given"`
}

// Tail is what the service adds around the model: few requests, but slow ones.
// A share of 0 switches it off, which is not the same as saying nothing.
type Tail struct {
	Share  unit.Ratio `yaml:"share" default:"0.3%" doc:"share of the requests; 0 for none"`
	Factor unit.Ratio `yaml:"factor" default:"10" doc:"their time to the first token, as a multiple, at most 100"`
}

// Validate implements yamlconf.Validator.
func (t Tail) Validate(fail func(path, format string, args ...any)) {
	if t.Share > unit.One {
		fail("share", "must be at most 100%%")
	}
	if t.Share > 0 && (t.Factor < unit.One || t.Factor > 100*unit.One) {
		fail("factor", "must be from 1 to 100")
	}
}

// Quantiles gives a log-normal by median and 95th percentile.
type Quantiles struct {
	P50 unit.Duration `yaml:"p50" required:"true" doc:"median"`
	P95 unit.Duration `yaml:"p95" required:"true" doc:"95th percentile"`
}

// Validate implements yamlconf.Validator.
func (q Quantiles) Validate(fail func(path, format string, args ...any)) {
	if time.Duration(q.P50) < tick.Grid {
		fail("p50", "must be at least %v", tick.Grid)
	}
	if time.Duration(q.P95) > time.Hour {
		fail("p95", "must be at most 1h")
	}
	if q.P95 < q.P50 {
		fail("p95", "must not be below p50 (%v)", q.P50)
	}
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if c.Preset != "" {
		if _, ok := lookup(c.Preset); !ok {
			fail("preset", "unknown profile %q; known: %s", c.Preset, presetNames())
		}
	}
}

// Model is a compiled profile; immutable, safe to share.
type Model struct {
	ttft     distribution.Sampler // grid units
	perK     time.Duration
	perTok   distribution.Sampler // nanoseconds per output token
	perS     int64                // median pace, tokens per second
	tail     Tail
	buffers  bool // the filter releases tokens in bursts
	ttftDie  rng.Die
	paceDie  rng.Die
	tailDie  rng.Die
	holdDie  rng.Die
	thinking thinking
	thinkDie rng.Die
}

// Compile returns the model of a deployment: cfg over the preset of the model
// name. entity is the deployment's, so its draws are its own.
func Compile(cfg Config, model string, seed, entity uint64) *Model {
	name := cfg.Preset
	if name == "" {
		name = model
	}
	p, ok := fitting(name)
	if !ok {
		p, _ = lookup(fallback)
	}
	tail := serviceTail
	if cfg.TTFT != nil {
		tail = Tail{} // who measured the whole of it has measured its tail
		p.p50, p.p95 = time.Duration(cfg.TTFT.P50), time.Duration(cfg.TTFT.P95)
	}
	if cfg.PerKPrompt > 0 {
		p.perK = time.Duration(cfg.PerKPrompt)
	}
	if cfg.TokensPerS > 0 {
		p.tokensPerS = int64(cfg.TokensPerS)
	}
	if cfg.Spread > 0 {
		p.spread = int64(cfg.Spread)
	}
	if cfg.Tail != nil {
		tail = *cfg.Tail
	}
	return &Model{
		ttft:     distribution.NewLognormal(int64(tick.ToUnits(p.p50)), int64(tick.ToUnits(p.p95)), distribution.Z95, 0),
		perK:     p.perK,
		perTok:   pace(p.tokensPerS, p.spread),
		perS:     p.tokensPerS,
		tail:     tail,
		buffers:  buffered(cfg.Filter, p.name),
		ttftDie:  rng.New(seed, rng.FirstToken, entity),
		paceDie:  rng.New(seed, rng.Pace, entity),
		tailDie:  rng.New(seed, rng.SlowAnswer, entity),
		thinking: thinkingOf(cfg.Reasoning, p.name),
		thinkDie: rng.New(seed, rng.Reasoning, entity),
		holdDie:  rng.New(seed, rng.BurstSizes, entity),
	}
}

// pace turns tokens per second and a coefficient of variation into a
// log-normal of nanoseconds per token. For the small spreads in question the
// log-scale deviation is the coefficient itself (error below 5 % up to 0.4).
// Like every log-normal here it is cut at 20 times the median.
func pace(perS, spreadPPM int64) distribution.Sampler {
	sigma := spreadPPM * (rng.One / 1000) / 1000 // Q32, natural log units
	const perLn2 = 6196328018                    // 1/ln 2 in Q32
	median := int64(time.Second) / max(perS, 1)
	return distribution.NewLog2normal(median, rng.MulQ(sigma, perLn2), 20*median)
}

// Request is what the pace of an answer depends on.
type Request struct {
	Key       uint64 // with Attempt the name of its draws
	Attempt   uint32
	Prompt    int64 // tokens
	Cached    int64 // of the prompt: those that a cache has, which cost no time
	Output    int64 // tokens of each choice that are seen
	Reasoning int64 // tokens of thought before them
	Stream    bool
	Delay     time.Duration // a fault's, before the first token
	Slow      int64         // the service's own: time to and between tokens is so many times as long, in ppm; 0: it is not
	Target    int64         // median pace that there is at least, in tokens per second; 0: the profile's own
	Pace      int64         // share of its pace that the load leaves, in ppm; 0: all
}

// Plan draws how an answer unfolds.
func (m *Model) Plan(r *Request) Schedule {
	ttft := tick.Units(max(m.ttft.At(m.ttftDie.Draw(r.Key, r.Attempt)), 2))
	ttft = ttft.Plus(tick.ToUnits(time.Duration(tick.MulDiv(int64(m.perK), r.Prompt-r.Cached, 1000))))
	if rng.Below(m.tailDie.Draw(r.Key, r.Attempt), int64(unit.One)) < int64(m.tail.Share) {
		ttft = tick.ToUnits(time.Duration(tick.MulDiv(int64(ttft.Span()), int64(m.tail.Factor), int64(unit.One))))
	}
	if r.Slow > 0 {
		ttft = tick.ToUnits(time.Duration(tick.MulDiv(int64(ttft.Span()), r.Slow, int64(unit.One))))
	}
	ttft = ttft.Plus(tick.ToUnits(r.Delay))
	s := Schedule{Head: ttft / headShare, Tokens: int32(r.Output), Whole: !r.Stream}
	each := m.each(r)
	s.Think = tick.ToUnits(time.Duration(tick.MulDiv(each, r.Reasoning, 1)))
	s.First = ttft.Plus(s.Think)
	s.Next, s.End = s.First, s.First.Plus(1)
	if r.Output > 1 {
		s.End = s.First.Plus(max(tick.ToUnits(time.Duration(tick.MulDiv(each, r.Output-1, 1))), 1))
		if m.buffers && r.Stream {
			s.Bursts = newBursts(m.holdDie.Draw(r.Key, r.Attempt))
		}
	}
	return s
}

// each returns the nanoseconds that a token of an answer takes.
func (m *Model) each(r *Request) int64 {
	if r.Output <= 1 && r.Reasoning == 0 {
		return 0
	}
	each := m.perTok.At(m.paceDie.Draw(r.Key, r.Attempt))
	if r.Pace > 0 {
		each = tick.MulDiv(each, int64(unit.One), r.Pace)
	}
	if r.Target > m.perS {
		each = tick.MulDiv(each, m.perS, r.Target)
	}
	if r.Slow > 0 {
		each = tick.MulDiv(each, r.Slow, int64(unit.One))
	}
	return each
}

// headShare: the response headers and the filter-only chunk come after about
// a quarter of the time to the first token (pre_inference_ms against
// user_visible_ttft_ms in recorded latency_checkpoint rows: 7 % to 60 %).
const headShare = 4
