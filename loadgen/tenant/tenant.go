// Package tenant says who asks for what: a tenant's sizes, its output cap, its
// weight, and what its client does after an answer. It refuses clocks and
// transport.
package tenant

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/arrival"
)

// Config is one tenant of a scenario. It is open loop (arrivals) or closed
// loop (users and think).
type Config struct {
	Name      string               `yaml:"name" required:"true" doc:"how assertions and reports call it"`
	Weight    int64                `yaml:"weight" default:"1" min:"1" max:"1000000" doc:"its share of what is scarce: in judging fairness, and in the gateway's queue where gateway.tenants grants no other"`
	Arrivals  *arrival.Config      `yaml:"arrivals" doc:"open loop: when requests come, whatever the answers do"`
	Users     int                  `yaml:"users" min:"0" max:"4095" doc:"closed loop: users who each wait for an answer, think, and ask again"`
	Think     *Think               `yaml:"think" doc:"closed loop: time between an answer and the next request; default exponential, mean 2s"`
	Prompt    *distribution.Config `yaml:"prompt" doc:"prompt tokens; default log-normal p50 1000, p95 3500; raised to the least a request can carry"`
	Prefix    *Prefix              `yaml:"prefix" doc:"beginning that its prompts share, for the prompt cache of deployments; prompts are raised to what it needs"`
	Output    *distribution.Config `yaml:"output" doc:"output tokens the model wants to give; default log-normal p50 180, p95 700"`
	MaxTokens MaxTokens            `yaml:"max_tokens" default:"absent" doc:"what the client sends: absent, a number, or a multiple of the output such as 2x output"`
	Tier      string               `yaml:"service_tier" enum:"auto|default|priority|flex" doc:"service tier that its requests ask for; default: none"`
	Stream    bool                 `yaml:"stream" default:"true" doc:"whether answers are streamed"`
	Client    string               `yaml:"client" default:"openai-python" enum:"none|openai-python|openai-go" doc:"whose retries it has"`
	Timeout   unit.Duration        `yaml:"timeout" doc:"a try that has not ended by then is given up, 0.1 ms later; default never"`
	Start     unit.Duration        `yaml:"start" doc:"when it begins, from the start of the run"`
	Stop      unit.Duration        `yaml:"stop" doc:"when it stops asking; default the end of the run"`
}

// Think is the pause of a closed-loop user.
type Think struct {
	Constant    *unit.Duration `yaml:"constant" scalar:"true" doc:"always this long"`
	Exponential *MeanThink     `yaml:"exponential" doc:"exponential with a mean"`
}

// OneOf marks Think as a choice of one key.
func (Think) OneOf() {}

// MeanThink is an exponential pause.
type MeanThink struct {
	Mean unit.Duration `yaml:"mean" required:"true" doc:"mean pause"`
}

// MaxTokens is the output cap a client sends: absent, a number, or a multiple
// of what the model wants to give.
type MaxTokens struct {
	Fixed int64 // tokens; 0 with Times 0: absent
	Times int64 // ppm of the output
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MaxTokens) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	*m = MaxTokens{}
	if s == "absent" {
		return nil
	}
	if times, ok := strings.CutSuffix(s, "x output"); ok {
		var r unit.Ratio
		if err := r.UnmarshalText([]byte(strings.TrimSpace(times))); err != nil {
			return err
		}
		if r < 1_000 || r > 1_000_000_000 {
			return errors.New("the multiple of output must be between 0.001 and 1000")
		}
		m.Times = int64(r)
		return nil
	}
	var c unit.Count
	if err := c.UnmarshalText(text); err != nil || c < 1 || c > 1_000_000 {
		return fmt.Errorf("%q is not absent, a number of tokens (1 to 1M) or a multiple such as 2x output", s)
	}
	m.Fixed = int64(c)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (m MaxTokens) MarshalText() ([]byte, error) {
	switch {
	case m.Times > 0:
		return []byte(unit.Ratio(m.Times).String() + "x output"), nil
	case m.Fixed > 0:
		return strconv.AppendInt(nil, m.Fixed, 10), nil
	}
	return []byte("absent"), nil
}

// Pattern is the JSON Schema pattern of the text form.
func (MaxTokens) Pattern() string {
	return `^(absent|[0-9]+(\.[0-9]+)?[kM]?|[0-9]+(\.[0-9]+)?%?\s*x output)$`
}

// Example is a text that parses.
func (MaxTokens) Example() string { return "2x output" }

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	switch {
	case c.Arrivals == nil && c.Users == 0:
		fail("", "needs arrivals (open loop) or users (closed loop)")
	case c.Arrivals != nil && c.Users > 0:
		fail("users", "a tenant has arrivals (open loop) or users (closed loop), not both")
	case c.Arrivals != nil && c.Think != nil:
		fail("think", "belongs to users (closed loop), not to arrivals")
	}
	if p := c.Prompt; p != nil && p.Constant != nil && c.Prefix != nil && *p.Constant <= c.Prefix.Tokens {
		fail("prefix.tokens", "must be less than the prompt that it is part of (%d)", *p.Constant)
	}
	if c.Stop > 0 && c.Stop <= c.Start {
		fail("stop", "must be after start (%v)", c.Start)
	}
}

// Tenant is a compiled Config; immutable.
type Tenant struct {
	Config *Config
	Client Client
	// KeyBase is the high half of the tenant's request keys: a hash of its
	// name, so that a key says whose it is through any gateway.
	KeyBase uint64
	// Phase names the tenant's place among the phases.
	Phase uint64

	prompt, output, think distribution.Sampler
	promptDie, outputDie  rng.Die
	thinkDie, backoffDie  rng.Die
	estimate              func(promptTokens, prefixTokens int32) int32
	prefix                int32 // tokens of the prompt
	weight                int64 // of an output token in Cost; 0: by charge
	charge                func(promptEstimate, maxTokens int32) int32
}

// Sizing is what a tenant must know of the world to plan a request.
type Sizing struct {
	MinPrompt    int32 // least prompt a request can carry, beside its prefix
	OutputWeight int64 // Cost in PTU-normalised tokens; 0: by Charge

	// Estimate is what the service takes a prompt for that begins with a prefix
	// of so many tokens.
	Estimate func(promptTokens, prefixTokens int32) int32

	// Charge is what a standard deployment charges a request at arrival; nil:
	// the prompt's estimate and max_tokens.
	Charge func(promptEstimate, maxTokens int32) int32
}

// Compile returns the tenant of a valid Config.
func Compile(c *Config, seed uint64, s Sizing) *Tenant {
	entity := rng.Entity(c.Name)
	t := &Tenant{Config: c, Client: clientNamed(c.Client), KeyBase: KeyBase(c.Name), Phase: entity, estimate: s.Estimate, weight: s.OutputWeight, charge: s.Charge,
		prompt: distribution.NewLognormal(1000, 3500, distribution.Z95, 0), output: distribution.NewLognormal(180, 700, distribution.Z95, 0),
		think:     distribution.NewExponential(int64(2*time.Second), 0),
		promptDie: rng.New(seed, rng.PromptLength, entity), outputDie: rng.New(seed, rng.OutputLength, entity),
		thinkDie: rng.New(seed, rng.Think, entity), backoffDie: rng.New(seed, rng.Backoff, entity)}
	if c.Prompt != nil {
		t.prompt = c.Prompt.Compile()
	}
	if c.Output != nil {
		t.output = c.Output.Compile()
	}
	switch {
	case c.Think == nil:
	case c.Think.Constant != nil:
		t.think = distribution.Constant(int64(*c.Think.Constant))
	default:
		t.think = distribution.NewExponential(int64(c.Think.Exponential.Mean), 0)
	}
	if c.Prefix != nil {
		t.prefix = int32(c.Prefix.Tokens)
	}
	t.prompt = t.prompt.AtLeast(int64(s.MinPrompt) + int64(t.prefix))
	return t
}

// KeyBase returns the high half of the request keys of a tenant.
func KeyBase(name string) uint64 {
	h := rng.Entity(name)
	return (h ^ h<<32) & 0xffffffff_00000000
}

// Wish is one request as planned: its sizes and what it will be charged.
type Wish struct {
	Prompt, Output int32
	MaxTokens      int32 // -1: absent
	Cost           int32 // in the unit of the binding resource
}

// maxTokens bounds what is drawn, as a trace file's rows are bounded; with it
// no sum or multiple of a request leaves 32 bits.
const maxTokens = 2_000_000

// Wish draws the request of a key; prompt and output below 0 are drawn, else
// taken as a trace gives them.
func (t *Tenant) Wish(key uint64, prompt, output int32) Wish {
	if prompt < 0 {
		prompt = int32(min(t.prompt.At(t.promptDie.Draw(key, 0)), maxTokens))
	} else {
		prompt = int32(max(int64(prompt), t.prompt.Least()))
	}
	if output < 0 {
		output = int32(min(t.output.At(t.outputDie.Draw(key, 0)), maxTokens))
	}
	w := Wish{Prompt: prompt, Output: max(output, 1), MaxTokens: -1}
	switch m := t.Config.MaxTokens; {
	case m.Fixed > 0:
		w.MaxTokens = int32(m.Fixed)
	case m.Times > 0:
		w.MaxTokens = int32(max(int64(w.Output)*m.Times/1_000_000, 1))
	}
	estimate := t.estimate(prompt, t.prefix)
	switch {
	case t.weight > 0:
		w.Cost = w.Prompt + int32(t.weight)*w.Received()
	case t.charge != nil:
		w.Cost = t.charge(estimate, w.MaxTokens)
	default:
		w.Cost = estimate + max(w.MaxTokens, 0)
	}
	return w
}

// Received returns the output tokens of a full answer.
func (w *Wish) Received() int32 {
	if w.MaxTokens >= 0 {
		return min(w.Output, w.MaxTokens)
	}
	return w.Output
}

// Pause draws how long a user thinks before the request of a key.
func (t *Tenant) Pause(key uint64) time.Duration {
	return time.Duration(t.think.At(t.thinkDie.Draw(key, 0)))
}
