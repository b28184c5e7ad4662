package gateway

import (
	"errors"
	"fmt"

	"foundrylab/gateway/entra"
	"foundrylab/gateway/identity"
	"foundrylab/gateway/tenancy"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

// File is a gateway as it is written down, for foundrylab gateway.
type File struct {
	Version   int              `yaml:"version" required:"true" min:"1" max:"1" doc:"version of the format: 1"`
	Listen    Listen           `yaml:"listen" doc:"where clients find it"`
	Backends  []FileBackend    `yaml:"backends" doc:"what requests are sent to, whatever model they ask for; this or pools is required"`
	Pools     []FilePool       `yaml:"pools" doc:"instead of backends, for several models: the backends of each"`
	Default   string           `yaml:"default_pool" doc:"name of the pool for requests that ask for a model of no pool; default: they are refused with 404"`
	Gateway   FilePolicy       `yaml:"gateway" doc:"how: as the gateway of a scenario, but that all backends are one group where route says nothing; with pools, what holds for each that does not say otherwise"`
	Tenants   []tenancy.Tenant `yaml:"tenants" doc:"who may use it, and what for; default: whoever comes, for everything"`
	Totals    []Total          `yaml:"totals" doc:"what tenants may have of all pools together, whatever gateway.tenants grants them in each; one that is not listed has no such limits"`
	Identity  identity.Config  `yaml:"identity" doc:"how tenants prove who they are"`
	FrontDoor string           `yaml:"front_door_id" doc:"the id of an Azure Front Door profile, through which all requests must come (X-Azure-FDID); default: they need not"`
	Usage     string           `yaml:"stream_usage" default:"ask" enum:"ask|leave" doc:"ask: of streams whose client did not ask for the usage the gateway does (stream_options.include_usage), and hides it, so that it knows what they cost; leave: it counts what it sees"`
	MaxBody   unit.Count       `yaml:"max_body" default:"16M" min:"1" max:"1000M" doc:"bound on a request body, in bytes"`
}

// Listen is where a gateway listens.
type Listen struct {
	Address string        `yaml:"address" default:"127.0.0.1:8000" doc:"host and port"`
	TLS     *Certificate  `yaml:"tls" doc:"what it shows to clients over TLS, HTTP/2 included; default: no TLS"`
	Notice  unit.Duration `yaml:"notice" default:"0s" min:"0s" max:"10m" doc:"how long it serves on when it is told to stop, and says at /readyz and /healthz that it is leaving, so that a load balancer hears of it first"`
	Drain   unit.Duration `yaml:"drain" default:"30s" min:"0s" max:"1h" doc:"how long answers under way may go on then"`
}

// Certificate is a certificate and its key, in PEM files.
type Certificate struct {
	Cert string `yaml:"cert" required:"true" doc:"file of the certificate, and those that vouch for it"`
	Key  string `yaml:"key" required:"true" doc:"file of its key"`
}

// FileBackend is a Backend as it is written down.
type FileBackend struct {
	Name       string           `yaml:"name" required:"true" doc:"as in gateway.route.groups, and in the header x-gateway-backend"`
	URL        string           `yaml:"url" required:"true" doc:"of the resource, such as https://myresource.openai.azure.com"`
	Deployment string           `yaml:"deployment" doc:"its deployment, put in place of what the client names; default: the backend's name"`
	Model      string           `yaml:"model" doc:"model and version of the deployment, such as gpt-4.1@2025-04-14; where one backend says it all must, and the same: a retry must not change the answer's model; prompts are counted by its vocabulary, else by that of the name that a client uses"`
	Key        *identity.Secret `yaml:"key" doc:"where the key of the resource is, sent as api-key; default: none is sent"`
	Entra      *entra.Config    `yaml:"entra" doc:"instead of key: as whom the gateway gets tokens of Microsoft Entra ID, sent as Authorization: Bearer"`
}

// ReadFile reads a gateway; file is only used to name it in mistakes. The error is of type yamlconf.Problems and has all
// of them. No secret is read yet.
func ReadFile(file string, src []byte) (f File, err error) {
	doc, err := yamlconf.Parse(file, src)
	if err == nil {
		err = doc.DecodeAll(&f, func(got any, read func(string) bool, fail yamlconf.Fail) {
			(&fileCheck{File: got.(*File), read: read, fail: fail}).all()
		})
	}
	return f, err
}

// FileSchema returns the JSON Schema of a gateway's file.
func FileSchema() []byte { return yamlconf.Schema(File{}, "foundrylab gateway") }

// Validate implements yamlconf.Validator.
func (b FileBackend) Validate(fail func(path, format string, args ...any)) {
	if !tenancy.NameFits(b.Name) {
		fail("name", "%q: write letters, digits, - _ and ., at most 64, the first a letter or digit", b.Name)
	}
	if b.Key != nil && b.Entra != nil {
		fail("entra", "is instead of key: give one of them")
	}
	if why := badURL(b.URL); why != "" {
		fail("url", "%s: give the resource's, such as https://myresource.openai.azure.com", why)
	}
}

// Config returns what the file describes, with the secrets that it names. The error has every mistake and no secret.
func (f *File) Config(from identity.Source) (Config, error) {
	cfg := Config{Identity: f.Identity, IdentityOptions: identity.Options{Source: from}, FrontDoor: f.FrontDoor, LeaveUsage: f.Usage == "leave", MaxBody: int64(f.MaxBody), DefaultPool: f.Default, Totals: f.Totals}
	var found []error
	each := f.pools()
	for i := range each {
		p := &each[i]
		backends, mistakes := makeBackends(p.path, p.Backends, from)
		found = append(found, mistakes...)
		cfg.Pools = append(cfg.Pools, Pool{Name: p.Name, Aliases: p.Aliases, Model: p.model(), Core: p.policy(&f.Gateway), Backends: backends, Optional: p.Optional})
	}
	if len(f.Pools) == 0 {
		only := cfg.Pools[0]
		cfg.Core, cfg.Backends, cfg.Model, cfg.Pools = only.Core, only.Backends, only.Model, nil
	}
	for _, t := range f.Tenants {
		cfg.Clients = append(cfg.Clients, Client{Name: t.Name, Models: t.Models, Rules: t.Rules})
	}
	return cfg, errors.Join(found...)
}

// makeBackends returns the backends of a list with their secrets; path is where the list is.
func makeBackends(path string, list []FileBackend, from identity.Source) (made []Backend, found []error) {
	for i := range list {
		b := &list[i]
		m := Backend{Name: b.Name, URL: b.URL, Deployment: b.Deployment}
		if b.Key != nil {
			key, err := from.Read(b.Key)
			if err != nil {
				found = append(found, fmt.Errorf("%sbackends[%d].key: %w", path, i, err))
			}
			m.Key = key
		}
		if b.Entra != nil {
			tokens, err := entra.New(b.Entra, from, nil)
			if err != nil {
				found = append(found, fmt.Errorf("%sbackends[%d].entra: %w", path, i, err))
			}
			m.Credential = tokens
		}
		made = append(made, m)
	}
	return made, found
}
