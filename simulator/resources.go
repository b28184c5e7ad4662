package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"foundrylab/internal/yamlconf"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/identity"
	"foundrylab/simulator/lease"
)

// Resources is a file of resources, as foundrylab sim --resources reads it.
type Resources struct {
	Version   int              `yaml:"version" required:"true" min:"1" max:"1" doc:"version of the format: 1"`
	Resources []ResourceConfig `yaml:"resources" required:"true" doc:"resources, of which the first is also asked by who names none"`
}

// ResourceConfig is one of them: a name and a region with deployments, keys, responses and a ledger of its own.
type ResourceConfig struct {
	Name        string              `yaml:"name" required:"true" doc:"name, the first part of its host names"`
	Region      string              `yaml:"region" default:"East US 2" doc:"region of its deployments, as the service spells it in x-ms-region"`
	Key         string              `yaml:"key" default:"foundrylab-key" doc:"the api-key it accepts"`
	Key2        string              `yaml:"key2" doc:"a second one, good at the same time; default: none"`
	Auth        access.Config       `yaml:"auth" doc:"who may do what; default: any key and any token opens it"`
	Listen      string              `yaml:"listen" doc:"address of its own, such as 127.0.0.1:8081, beside the one that all share; default: none"`
	Deployments []deployment.Config `yaml:"deployments" doc:"what is deployed, and nothing else; default: the common models, and what is asked for appears on first use"`
	Faults      []fault.Config      `yaml:"faults" doc:"what goes wrong when, counted from the start; backend names one of its deployments"`
}

// maxResources bounds the resources of a file.
const maxResources = 100

// ReadResources reads a file of resources; file is only used to name it in mistakes. The error is of type
// yamlconf.Problems and has all of them.
func ReadResources(file string, src []byte) (all Resources, err error) {
	doc, err := yamlconf.Parse(file, src)
	if err == nil {
		err = doc.Decode(&all)
	}
	return all, err
}

// ResourcesSchema returns the JSON Schema of a file of resources.
func ResourcesSchema() []byte { return yamlconf.Schema(Resources{}, "foundrylab resources") }

// Validate implements yamlconf.Validator.
func (r Resources) Validate(fail func(path, format string, args ...any)) {
	if len(r.Resources) > maxResources {
		fail("resources", "are %d, at most %d", len(r.Resources), maxResources)
	}
	for i := range r.Resources {
		one := &r.Resources[i]
		same := func(o ResourceConfig) bool { return strings.EqualFold(o.Name, one.Name) }
		if j := slices.IndexFunc(r.Resources, same); j < i {
			fail(fmt.Sprintf("resources[%d].name", i), "%q is taken by resources[%d]", one.Name, j)
		}
	}
}

// Validate implements yamlconf.Validator.
func (r ResourceConfig) Validate(fail func(path, format string, args ...any)) {
	if r.Name != "" && !resourceNameFits(strings.ToLower(r.Name)) {
		fail("name", "%q is no name of a resource: %s", r.Name, resourceNameRule)
	}
	if _, _, err := net.SplitHostPort(r.Listen); r.Listen != "" && err != nil {
		fail("listen", "%q is no address such as 127.0.0.1:8081", r.Listen)
	}
	for i, d := range r.Deployments {
		path := fmt.Sprintf("deployments[%d]", i)
		if d.Resource != "" {
			fail(path+".resource", "is the resource that it stands in: leave it out")
		}
		if d.Listen != "" || d.TLS {
			fail(path+".listen", "deployments have their resource's address: leave listen and tls out")
		}
	}
	cfg := r.Config()
	cfg.Checks = Strict
	err := crossCheck(&cfg)
	if err == nil {
		return
	}
	for mistake := range strings.Lines(err.Error()) {
		path, text, _ := strings.Cut(strings.TrimSuffix(mistake, "\n"), ": ")
		fail(path, "%s", text)
	}
}

// Config is that of the resource's Server. Its deployments have the resource's key, and its region unless they name
// another one than the default.
func (r *ResourceConfig) Config() Config {
	cfg := Config{Deployments: slices.Clone(r.Deployments), Faults: r.Faults}
	if len(cfg.Deployments) == 0 {
		cfg = Default()
		cfg.Faults = r.Faults
	}
	cfg.Auth = r.Auth
	for i := range cfg.Deployments {
		d := &cfg.Deployments[i]
		d.Resource, d.Key, d.Key2 = r.Name, r.Key, r.Key2
		if d.Region == "" || d.Region == defaultRegion {
			d.Region = r.Region
		}
	}
	return cfg
}

// defaultRegion is the region of a deployment that names none.
const defaultRegion = "East US 2"

// In returns the Sharing for the deployments of a resource: other resources have deployments of the same names.
func (s Sharing) In(resource string) Sharing {
	if s.State != nil {
		s.State = stateOf{s.State, resource + "/"}
	}
	return s
}

// stateOf is a State in which all names begin alike.
type stateOf struct {
	State
	prefix string
}

// Exchange implements State.
func (s stateOf) Exchange(ctx context.Context, deployment string, c *lease.Call) (lease.Reply, error) {
	return s.State.Exchange(ctx, s.prefix+deployment, c)
}

// NewResources makes a Server of each resource of a file and puts them behind one address. adjust may change each Config
// before it is used. The error lists every mistake by its path. Close ends all Servers.
func NewResources(all Resources, adjust func(*ResourceConfig, *Config)) (site *Site, close func(), err error) {
	var servers []Resource
	close = func() {
		for _, r := range servers {
			r.Server.Close()
		}
	}
	issuer := identity.New() // a tenant has many resources
	var wrong []error
	for i := range all.Resources {
		r := &all.Resources[i]
		cfg := r.Config()
		cfg.Issuer = issuer
		adjust(r, &cfg)
		server, err := New(cfg)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("resource %s: %w", r.Name, err))
			continue
		}
		servers = append(servers, Resource{r.Name, server})
	}
	if err = errors.Join(wrong...); err == nil {
		site, err = NewSite(servers...)
	}
	if err != nil {
		close()
		return nil, nil, err
	}
	return site, close, nil
}

// Server returns the Server of a resource, or nil.
func (s *Site) Server(resource string) *Server { return s.byName[strings.ToLower(resource)] }
