package tenant

import (
	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

// Prefix is a beginning that a tenant's prompts share, such as a system prompt.
type Prefix struct {
	Tokens   unit.Count `yaml:"tokens" required:"true" doc:"tokens of the system message that each prompt begins with; they are part of prompt"`
	Variants int64      `yaml:"variants" default:"1" min:"1" max:"1000000" doc:"how many different ones there are; each request has one of them, all alike often"`
}

// minPrefix is enough for a system message that names itself (body.MinPrefixTokens).
const minPrefix = 32

// Validate implements yamlconf.Validator.
func (p Prefix) Validate(fail func(path, format string, args ...any)) {
	if p.Tokens < minPrefix || p.Tokens > maxTokens/2 {
		fail("tokens", "must be from %d to %d", minPrefix, maxTokens/2)
	}
}

// Shared is a compiled Prefix; the zero value is no prefix. Immutable.
type Shared struct {
	Tokens   int32
	variants int64
	base     uint64
	die      rng.Die
}

// Shared returns the prefixes of a tenant's requests.
func (c *Config) Shared(seed uint64) Shared {
	if c.Prefix == nil {
		return Shared{}
	}
	return Shared{Tokens: int32(c.Prefix.Tokens), variants: c.Prefix.Variants, base: KeyBase(c.Name), die: rng.New(seed, rng.PrefixVariant, rng.Entity(c.Name))}
}

// Name returns the name of the prefix of the request of a key; 0 where there is none. The high half is the tenant's, as
// in a request key.
func (s *Shared) Name(key uint64) uint64 {
	if s.Tokens == 0 {
		return 0
	}
	return s.base | uint64(1+rng.Below(s.die.Draw(key, 0), s.variants))
}
