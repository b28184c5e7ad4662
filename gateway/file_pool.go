package gateway

import (
	"cmp"
	"fmt"

	"foundrylab/gateway/affinity"
	"foundrylab/gateway/breaker"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/canary"
	"foundrylab/gateway/core"
	"foundrylab/gateway/queue"
	"foundrylab/gateway/retry"
	routing "foundrylab/gateway/route"
	"foundrylab/gateway/tenancy"
)

// FilePool is a Pool as it is written down.
type FilePool struct {
	Name     string        `yaml:"name" required:"true" doc:"of the model or deployment, as clients ask for it"`
	Aliases  []string      `yaml:"aliases" doc:"other names by which clients may ask for it"`
	Model    string        `yaml:"model" doc:"model and version that its backends serve, such as gpt-4.1@2025-04-14; default: what the backends say"`
	Backends []FileBackend `yaml:"backends" required:"true" doc:"what its requests are sent to"`
	Gateway  FilePolicy    `yaml:"gateway" doc:"how, where it is not as in gateway of the file; a part that stands here replaces the whole part there"`
	Optional bool          `yaml:"optional" default:"false" doc:"whether the gateway is ready (/readyz) without it"`

	path string // where it stands, with a dot; "": it is what the file says by itself
}

// FilePolicy is the policy of a pool as far as it is written down: a part that is missing is that of another, or the default.
type FilePolicy struct {
	Route       *routing.Config  `yaml:"route" doc:"which backend a request goes to; default: all are one group"`
	Canary      *canary.Config   `yaml:"canary" doc:"backends that are tried out with a part of the requests; default: there are none"`
	Retry       *retry.Config    `yaml:"retry" doc:"when it is sent again"`
	Timeouts    *core.Timeouts   `yaml:"timeouts" doc:"how long an attempt may keep its request waiting"`
	Hedge       *core.Hedge      `yaml:"hedge" doc:"when a request is sent to a second backend before the first has failed"`
	Breaker     *breaker.Config  `yaml:"breaker" doc:"when a backend is left alone"`
	Queue       *queue.Config    `yaml:"queue" doc:"where requests wait that no backend can take now; default: nobody waits, they are refused"`
	Budget      *budget.Config   `yaml:"budget" doc:"what the backends admit, and how closely that is used"`
	Affinity    *affinity.Config `yaml:"affinity" doc:"how requests that build on a stored response come to the backend that has it"`
	Tenants     []core.Tenant    `yaml:"tenants" doc:"what single tenants get; one that is not listed has no limits of its own"`
	MaxInFlight int              `yaml:"max_in_flight" default:"0" min:"0" max:"1000000" doc:"bound on requests inside; above it 503; 0: 200000"`
}

// Validate implements yamlconf.Validator.
func (p FilePool) Validate(fail func(path, format string, args ...any)) {
	for i, name := range append([]string{p.Name}, p.Aliases...) {
		if tenancy.NameFits(name) {
			continue
		}
		path := "name"
		if i > 0 {
			path = fmt.Sprintf("aliases[%d]", i-1)
		}
		fail(path, "%q: write letters, digits, - _ and ., at most 64, the first a letter or digit", name)
	}
}

// pools returns the pools of a file, also where it has only the one without a name.
func (f *File) pools() []FilePool {
	if len(f.Pools) == 0 {
		return []FilePool{{Backends: f.Backends, Gateway: f.Gateway}}
	}
	list := make([]FilePool, len(f.Pools))
	for i, p := range f.Pools {
		p.path = fmt.Sprintf("pools[%d].", i)
		list[i] = p
	}
	return list
}

// model returns what the backends serve, "" where nobody says so.
func (p *FilePool) model() string {
	if p.Model != "" || len(p.Backends) == 0 {
		return p.Model
	}
	return p.Backends[0].Model
}

// policy returns the policy of a pool: each part as it says, else as the file says for all, else the default.
func (p *FilePool) policy(all *FilePolicy) core.Config {
	own := &p.Gateway
	group := make([]string, len(p.Backends))
	for i, b := range p.Backends {
		group[i] = b.Name
	}
	c := Policy(group)
	if r := own.Route; r != nil {
		c.Route = *r
	}
	c.Canary = own.Canary
	if r := cmp.Or(own.Retry, all.Retry); r != nil {
		c.Retry = *r
	}
	if t := cmp.Or(own.Timeouts, all.Timeouts); t != nil {
		c.Timeouts = *t
	}
	if h := cmp.Or(own.Hedge, all.Hedge); h != nil {
		c.Hedge = *h
	}
	if b := cmp.Or(own.Breaker, all.Breaker); b != nil {
		c.Breaker = *b
	}
	if b := cmp.Or(own.Budget, all.Budget); b != nil {
		c.Budget = *b
	}
	if a := cmp.Or(own.Affinity, all.Affinity); a != nil {
		c.Affinity = *a
	}
	c.Queue = cmp.Or(own.Queue, all.Queue)
	if c.Tenants = all.Tenants; own.Tenants != nil {
		c.Tenants = own.Tenants
	}
	if n := cmp.Or(own.MaxInFlight, all.MaxInFlight); n > 0 {
		c.MaxInFlight = n
	}
	return c
}
