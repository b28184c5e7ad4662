package deployment

import (
	"strings"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// PromptCache is what a deployment remembers of prompts that begin alike (Microsoft's page on prompt caching).
type PromptCache struct {
	Retention unit.Duration `yaml:"retention" default:"5m" doc:"how long a prefix that nobody uses is kept; at most 24h, 0 switches the cache off"`
	Overflow  unit.Count    `yaml:"overflow" default:"15" doc:"requests a minute with one prefix that one machine takes; more go to a further machine, which has to learn it. 0: one takes all"`
	Prefixes  int           `yaml:"prefixes" default:"10000" min:"1" max:"1000000" doc:"how many prefixes are remembered, each once a machine; the longest unused gives way"`
}

// Validate implements yamlconf.Validator.
func (p PromptCache) Validate(fail func(path, format string, args ...any)) {
	if time.Duration(p.Retention) > 24*time.Hour {
		fail("retention", "must be at most 24h")
	}
}

// defaultPromptCache is that of a deployment that says nothing.
var defaultPromptCache = PromptCache{Retention: unit.Duration(5 * time.Minute), Overflow: 15, Prefixes: 10_000}

// A prompt is cached from its first 1,024 tokens on, in steps of 128.
const leastCached, cachedStep = 1024, 128

// promptCache is a bounded table of the prefixes in use. A row is one prefix on one machine; that of the first machine
// counts the requests of the minute, by which the machine is chosen.
type promptCache struct {
	PromptCache
	place          map[uint64]int32 // by key
	rows           []prefixRow
	newest, oldest int32 // ends of the list by last use; none where it is empty
}

type prefixRow struct {
	key          uint64
	used         tick.Instant
	minute       tick.Instant // since when count counts
	count        int64
	newer, older int32
}

const none = -1

func newPromptCache(cfg *Config) *promptCache {
	return &promptCache{PromptCache: cfg.promptCache(), place: map[uint64]int32{}, newest: none, oldest: none}
}

func (c *Config) promptCache() PromptCache {
	p := defaultPromptCache
	switch {
	case c.PromptCache != nil:
		p = *c.PromptCache
	case !cachesPrompts(c.Model):
		p.Retention = 0
	}
	return p
}

// CacheRetention returns how long a prompt is kept in the cache without use; 0: it has none.
func (c *Config) CacheRetention() time.Duration { return time.Duration(c.promptCache().Retention) }

// cachesPrompts reports whether a model's deployments have a prompt cache: all since gpt-4o.
func cachesPrompts(model string) bool {
	return model != "gpt-4" && !strings.HasPrefix(model, "gpt-4-") && !strings.HasPrefix(model, "gpt-3")
}

// configure goes on under a configuration; with another bound the table begins anew.
func (p *promptCache) configure(cfg *Config) *promptCache {
	next := newPromptCache(cfg)
	if next.Prefixes != p.Prefixes {
		return next
	}
	p.PromptCache = next.PromptCache
	return p
}

// visit is what a request would find in the cache.
type visit struct {
	prefix  uint64 // 0: the request has nothing to do with it
	machine uint64 // key of the row on the machine that it goes to
	cached  int32  // tokens
}

// look says what a request would find at now. It changes nothing: what is not admitted reaches no machine.
func (p *promptCache) look(now tick.Instant, ev *Event) visit {
	if ev.Prefix == 0 || ev.PromptTokens < leastCached || p.Retention == 0 {
		return visit{}
	}
	v := visit{prefix: ev.Prefix, machine: ev.Prefix}
	if home, ok := p.place[ev.Prefix]; ok && p.Overflow > 0 {
		// any odd factor keeps the keys of a prefix's machines apart
		v.machine += uint64(p.rows[home].inMinute(now)/int64(p.Overflow)) * 0x9e3779b97f4a7c15
	}
	shared := min(ev.Shared, ev.PromptTokens)
	if i, ok := p.place[v.machine]; ok && shared >= leastCached && now.Sub(p.rows[i].used) <= time.Duration(p.Retention) {
		v.cached = shared - shared%cachedStep
	}
	return v
}

// take lets an admitted request use what it looked at: from now on its prefix is there.
func (p *promptCache) take(now tick.Instant, v visit) {
	if v.prefix == 0 {
		return
	}
	home := &p.rows[p.touch(now, v.prefix)]
	if home.count = home.inMinute(now) + 1; home.count == 1 {
		home.minute = now
	}
	if v.machine != v.prefix {
		p.touch(now, v.machine)
	}
}

// willTake keeps what the request in a slot has looked at, until it is known
// whether it is let in.
func (c *Core) willTake(slot uint32, v visit) {
	for int(slot) >= len(c.visits) {
		c.visits = append(c.visits, visit{})
	}
	c.visits[slot] = v
}

// inMinute returns how many requests came in the minute that runs at now.
func (r *prefixRow) inMinute(now tick.Instant) int64 {
	if now.Sub(r.minute) >= time.Minute {
		return 0
	}
	return r.count
}

// touch makes a key's row the newest, and returns its place.
func (p *promptCache) touch(now tick.Instant, key uint64) int32 {
	i, ok := p.place[key]
	switch {
	case ok:
		p.unlink(i)
	case len(p.rows) < p.Prefixes:
		i = int32(len(p.rows))
		p.rows = append(p.rows, prefixRow{key: key})
		p.place[key] = i
	default:
		i = p.oldest
		p.unlink(i)
		delete(p.place, p.rows[i].key)
		p.rows[i] = prefixRow{key: key}
		p.place[key] = i
	}
	r := &p.rows[i]
	r.used, r.newer, r.older = now, none, p.newest
	if p.newest == none {
		p.oldest = i
	} else {
		p.rows[p.newest].newer = i
	}
	p.newest = i
	return i
}

// unlink takes a row out of the list by last use.
func (p *promptCache) unlink(i int32) {
	r := &p.rows[i]
	if r.newer == none {
		p.newest = r.older
	} else {
		p.rows[r.newer].older = r.older
	}
	if r.older == none {
		p.oldest = r.newer
	} else {
		p.rows[r.older].newer = r.newer
	}
}
