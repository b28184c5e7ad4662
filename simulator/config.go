package simulator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"foundrylab/internal/drive"
	"foundrylab/internal/yamlconf"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/fixture"
	"foundrylab/simulator/identity"
)

// defaultMaxBody bounds a request body, in bytes.
const defaultMaxBody = 16 << 20

// written is a Config as a file would hold it: a Go literal is held to the same rules as YAML.
type written struct {
	Deployments []deployment.Config `yaml:"deployments" required:"true"`
	Faults      []fault.Config      `yaml:"faults"`
	Fixtures    fixture.Config      `yaml:"fixtures"`
	Auth        *access.Config      `yaml:"auth"` // nil: it is about something else
}

// complete returns cfg with its defaults, checked, and sharing no slice with the caller's.
func complete(cfg Config) (Config, error) {
	if cfg.Clock == nil {
		cfg.Clock = drive.WallClock()
	}
	cfg.Start = cmp.Or(cfg.Start, cfg.Clock.Now())
	cfg.MaxBody = cmp.Or(cfg.MaxBody, defaultMaxBody)
	cfg.Checks = cmp.Or(cfg.Checks, Strict)
	cfg.Stored = storeBounds(cfg.Stored)
	if cfg.Issuer == nil {
		cfg.Issuer = identity.New()
	}
	if cfg.Control == nil && cfg.LedgerSize >= 0 {
		cfg.Control = NewControl(cfg.LedgerSize)
	}
	cfg.Auth.Principals = slices.Clone(cfg.Auth.Principals)
	like, err := exemplar()
	if err != nil {
		return cfg, err
	}
	w := written{slices.Clone(cfg.Deployments), slices.Clone(cfg.Faults), cfg.Fixtures, &cfg.Auth}
	for i := range w.Deployments {
		fill(&w.Deployments[i], &like.Deployments[0])
	}
	for i := range w.Faults {
		if o := w.Faults[i].Outage; o != nil {
			w.Faults[i].Outage = &fault.Outage{Mode: cmp.Or(o.Mode, like.Faults[0].Outage.Mode)}
		}
		if d := w.Faults[i].Deleted; d != nil {
			w.Faults[i].Deleted = &fault.Deleted{Streams: cmp.Or(d.Streams, like.Faults[1].Deleted.Streams)}
		}
	}
	w.Auth.Network = cmp.Or(w.Auth.Network, like.Auth.Network)
	w.Auth.Wording = cmp.Or(w.Auth.Wording, like.Auth.Wording)
	cfg.Deployments, cfg.Faults = w.Deployments, w.Faults
	return cfg, errors.Join(w.check(), crossCheck(&cfg))
}

// exemplar decodes the least there can be, which is all defaults.
func exemplar() (w written, err error) {
	const least = "deployments: [{name: x, model: gpt-4.1, sku: GlobalStandard, tpm: 1, prompt_cache: {}, dynamic_quota: {}, usage_tier: {}, responses: {}, " +
		"content_filter: {markers: [{text: x, category: hate}]}}]\n" +
		"faults: [{name: x, backend: x, at: 0s, for: 1s, outage: {}}, {name: y, backend: x, at: 0s, for: 1s, deleted: {}}]\nauth: {}\n"
	doc, err := yamlconf.Parse("defaults", []byte(least))
	if err != nil {
		return w, err
	}
	return w, doc.Decode(&w)
}

// fill gives absent fields the defaults of the YAML format.
func fill(d, like *deployment.Config) {
	d.Version = cmp.Or(d.Version, like.Version)
	d.Subscription = cmp.Or(d.Subscription, like.Subscription)
	d.Region = cmp.Or(d.Region, like.Region)
	d.Profile = cmp.Or(d.Profile, like.Profile)
	d.UtilizationWindow = cmp.Or(d.UtilizationWindow, like.UtilizationWindow)
	d.MaxTokensGuess = cmp.Or(d.MaxTokensGuess, like.MaxTokensGuess)
	d.MaxTokensWeight = cmp.Or(d.MaxTokensWeight, like.MaxTokensWeight)
	d.ServiceTier = cmp.Or(d.ServiceTier, like.ServiceTier)
	d.PriorityFloor = cmp.Or(d.PriorityFloor, like.PriorityFloor)
	d.Disconnect = cmp.Or(d.Disconnect, like.Disconnect)
	d.OutputCharge = cmp.Or(d.OutputCharge, like.OutputCharge)
	d.SpilloverError = cmp.Or(d.SpilloverError, like.SpilloverError)
	d.MaxInFlight = cmp.Or(d.MaxInFlight, like.MaxInFlight)
	if u := d.UsageTier; u != nil {
		d.UsageTier = &deployment.UsageTier{Tokens: u.Tokens, Used: u.Used, SlowDown: cmp.Or(u.SlowDown, like.UsageTier.SlowDown)}
	}
	if r := d.Responses; r != nil {
		d.Responses = &deployment.Responses{Visibility: r.Visibility, Whole: cmp.Or(r.Whole, like.Responses.Whole)}
	}
	if q := d.DynamicQuota; q != nil {
		d.DynamicQuota = &deployment.DynamicQuota{Spare: cmp.Or(q.Spare, like.DynamicQuota.Spare), Share: cmp.Or(q.Share, like.DynamicQuota.Share),
			Every: cmp.Or(q.Every, like.DynamicQuota.Every)}
	}
	if p := d.PromptCache; p != nil { // a retention or an overflow of 0 says something
		filled := *p
		filled.Prefixes = cmp.Or(filled.Prefixes, like.PromptCache.Prefixes)
		d.PromptCache = &filled
	}
	if f := d.ContentFilter; f != nil {
		d.ContentFilter = f.Filled(like.ContentFilter)
	}
	d.Key = cmp.Or(d.Key, like.Key)
	d.Content = cmp.Or(d.Content, like.Content)
}

// check applies the rules of the file format.
func (w *written) check() error {
	src, err := yamlconf.Encode(w)
	if err != nil {
		return err
	}
	return decode("simulator", src, &written{})
}

// crossCheck applies the rules between entries.
func crossCheck(cfg *Config) error {
	var wrong []error
	if cfg.Checks != Strict && cfg.Checks != Lenient {
		wrong = append(wrong, fmt.Errorf("checks: %q is neither %s nor %s", cfg.Checks, Strict, Lenient))
	}
	if cfg.MaxBody < 0 {
		wrong = append(wrong, fmt.Errorf("max_body: %d bytes is negative", cfg.MaxBody))
	}
	if cfg.LedgerSize < 0 {
		wrong = append(wrong, fmt.Errorf("ledger_size: %d attempts is negative", cfg.LedgerSize))
	}
	if cfg.OnFirstUse < 0 {
		wrong = append(wrong, fmt.Errorf("on_first_use: %d deployments is negative", cfg.OnFirstUse))
	}
	for i, d := range cfg.Deployments {
		if j := deploymentNamed(cfg, d.Name); j < i {
			wrong = append(wrong, fmt.Errorf("deployments[%d].name: %q is taken by deployments[%d]", i, d.Name, j))
		}
		for _, mistake := range spilloverMistakes(cfg, &d) {
			wrong = append(wrong, fmt.Errorf("deployments[%d].spillover: %s", i, mistake))
		}
	}
	for i, f := range cfg.Faults {
		switch found := len(f.On(places(cfg))) > 0; {
		case found:
		case f.Backend != "":
			wrong = append(wrong, fmt.Errorf("faults[%d].backend: there is no deployment %q", i, f.Backend))
		case f.Resource != "":
			wrong = append(wrong, fmt.Errorf("faults[%d].resource: no deployment is of a resource %q", i, f.Resource))
		case f.Region != "":
			wrong = append(wrong, fmt.Errorf("faults[%d].region: no deployment is in %q", i, f.Region))
		}
	}
	return errors.Join(wrong...)
}

func spilloverMistakes(cfg *Config, d *deployment.Config) []string {
	if d.Spillover == "" {
		return nil
	}
	to := deploymentNamed(cfg, d.Spillover)
	if to < 0 {
		return []string{fmt.Sprintf("there is no deployment %q", d.Spillover)}
	}
	return d.SpilloverMistakes(&cfg.Deployments[to])
}

// places says where the deployments are, for faults of a resource or a region.
func places(cfg *Config) []fault.Place {
	all := make([]fault.Place, len(cfg.Deployments))
	for i := range cfg.Deployments {
		all[i] = placeOf(&cfg.Deployments[i])
	}
	return all
}

// placeOf says where a deployment is, for faults of a resource or a region.
func placeOf(d *deployment.Config) fault.Place {
	return fault.Place{Backend: d.Name, Resource: cmp.Or(d.Resource, d.Name), Region: d.Region}
}

func (b *backend) where() fault.Place { return placeOf(&b.cfg) }

func deploymentNamed(cfg *Config, name string) int {
	return slices.IndexFunc(cfg.Deployments, func(d deployment.Config) bool { return d.Name == name })
}
