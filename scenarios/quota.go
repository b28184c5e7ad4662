package scenarios

import (
	"fmt"
	"strings"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
)

// Pool is an entry of `quota`: the tokens per minute that the standard
// deployments of a model may share out. The service keeps quota by
// subscription, region (or data zone, or the world), model and version, and
// deployment type, and allocates it to deployments; each then throttles at its
// own TPM ("Manage Azure OpenAI quota"). A shared pool is the announced later
// way: its deployments draw from it while they run.
type Pool struct {
	Subscription string     `yaml:"subscription" default:"default" doc:"whose quota it is"`
	Model        string     `yaml:"model" required:"true" doc:"model, as in backends"`
	Version      string     `yaml:"version" doc:"model version; default: all that no pool of their own names, together"`
	SKU          string     `yaml:"sku" required:"true" enum:"GlobalStandard|DataZoneStandard|Standard" doc:"deployment type"`
	Region       string     `yaml:"region" doc:"of a Standard pool, and only there: the region, as in backends"`
	Zone         string     `yaml:"zone" enum:"EU|US" doc:"of a DataZoneStandard pool, and only there: the data zone"`
	TPM          unit.Count `yaml:"tpm" required:"true" doc:"tokens per minute to share out"`
	Shared       bool       `yaml:"shared" default:"false" doc:"its deployments draw from it while they run, each up to its own tpm, instead of having parts of it"`
}

// Validate implements yamlconf.Validator.
func (p Pool) Validate(fail func(path, format string, args ...any)) {
	for _, place := range []struct{ key, sku, value string }{{"region", "Standard", p.Region}, {"zone", "DataZoneStandard", p.Zone}} {
		if p.SKU == place.sku && place.value == "" {
			fail(place.key, "a %s pool needs its %s", p.SKU, place.key)
		}
		if p.SKU != place.sku && place.value != "" {
			fail(place.key, "only a %s pool has a %s", place.sku, place.key)
		}
	}
	if p.Shared && p.TPM == 0 {
		fail("tpm", "a shared pool without tokens admits nothing: give it some, such as 300k")
	}
}

// placed reports whether a pool has the place that its SKU asks for.
func (p *Pool) placed() bool {
	return (p.SKU == "Standard") == (p.Region != "") && (p.SKU == "DataZoneStandard") == (p.Zone != "")
}

// String names the pool.
func (p *Pool) String() string {
	name := p.SKU + " pool of " + p.Model
	if p.Version != "" {
		name += " " + p.Version
	}
	if p.Region+p.Zone != "" {
		name += " in " + p.Region + p.Zone
	}
	return fmt.Sprintf("%s, subscription %q", name, p.Subscription)
}

// zones are Microsoft's regions of each data zone.
var zones = []struct {
	name    string
	regions []string
}{
	{"EU", []string{"France Central", "Germany West Central", "Italy North", "North Europe", "Poland Central", "Spain Central",
		"Sweden Central", "West Europe"}},
	{"US", []string{"Central US", "East US", "East US 2", "North Central US", "South Central US", "West Central US", "West US",
		"West US 2", "West US 3"}},
}

// zoneOf returns the data zone of a region, "" where none is known.
func zoneOf(region string) string {
	for _, z := range zones {
		for _, r := range z.regions {
			if sameRegion(r, region) {
				return z.name
			}
		}
	}
	return ""
}

// sameRegion: "eastus2" is "East US 2", in the service's own tools too.
func sameRegion(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}

// kin reports whether a pool holds quota of the kind that a deployment needs,
// wherever it is.
func (p *Pool) kin(d *deployment.Config) bool {
	return p.Subscription == d.Subscription && p.Model == d.Model && p.SKU == d.SKU && (p.Version == "" || p.Version == d.Version)
}

// covers reports whether a deployment may draw from a pool.
func (p *Pool) covers(d *deployment.Config) bool {
	return p.kin(d) && (p.Region == "" || sameRegion(p.Region, d.Region)) && (p.Zone == "" || p.Zone == zoneOf(d.Region))
}

// quota: no pool is shared out beyond what it has, and none is there twice.
func (c *check) quota() {
	known := make([]bool, len(c.Quota))
	open := false // a pool that could not be read may be whose deployments an open pool would be charged with
	for i := range c.Quota {
		known[i] = c.Quota[i].placed() && c.wereRead(fmt.Sprintf("quota[%d].", i), "subscription", "model", "version", "sku", "region", "zone", "tpm")
		open = open || !known[i]
	}
	users := make([][]int, len(c.Quota))
	for i := range c.Backends {
		if !c.wereRead(fmt.Sprintf("backends[%d].", i), "subscription", "model", "version", "sku", "region", "tpm") {
			continue
		}
		if p := c.poolOf(&c.Backends[i], known); p >= 0 {
			users[p] = append(users[p], i)
		}
		c.zone(i, known)
	}
	for i := range c.Quota {
		if known[i] && !(open && c.Quota[i].Version == "") {
			c.allocated(i, users[i])
		}
		for j := range i {
			if known[i] && known[j] && c.Quota[i].same(&c.Quota[j]) {
				c.fail(fmt.Sprintf("quota[%d]", i), "the %v, is there already as quota[%d]", &c.Quota[i], j)
				break
			}
		}
	}
}

func (p *Pool) same(o *Pool) bool {
	return p.Subscription == o.Subscription && p.Model == o.Model && p.Version == o.Version && p.SKU == o.SKU &&
		p.Zone == o.Zone && sameRegion(p.Region, o.Region)
}

// wereRead reports whether all keys of an item were read.
func (c *check) wereRead(item string, keys ...string) bool {
	for _, k := range keys {
		if !c.wasRead(item + k) {
			return false
		}
	}
	return true
}

// poolOf returns which of the known pools a deployment draws from: that of its
// version before that of all versions; -1 without any.
func (s *Scenario) poolOf(d *deployment.Config, known []bool) int {
	found := -1
	for i := range s.Quota {
		if p := &s.Quota[i]; known[i] && p.covers(d) && (found < 0 || s.Quota[found].Version == "" && p.Version != "") {
			found = i
		}
	}
	return found
}

// zone reports a deployment that draws from some data zone, but nobody knows
// from which.
func (c *check) zone(i int, known []bool) {
	d := &c.Backends[i]
	if d.SKU != "DataZoneStandard" || zoneOf(d.Region) != "" {
		return
	}
	for q := range c.Quota {
		if known[q] && c.Quota[q].kin(d) {
			c.fail(fmt.Sprintf("backends[%d].region", i), "no data zone is known for %q, so its quota cannot be checked; known: %s, %s", d.Region,
				strings.Join(zones[0].regions, ", "), strings.Join(zones[1].regions, ", "))
			return
		}
	}
}

// Budgets returns what each backend shares with others from start on: its pool,
// made fit for the driver by share, where that is shared; else nil.
func (s *Scenario) Budgets(start tick.Instant, share func(*deployment.Pool) deployment.Budget) []deployment.Budget {
	of, pools, all := make([]deployment.Budget, len(s.Backends)), make([]deployment.Budget, len(s.Quota)), make([]bool, len(s.Quota))
	for i := range s.Quota {
		all[i] = true
		if p := &s.Quota[i]; p.Shared {
			pools[i] = share(deployment.NewPool(int64(p.TPM), start))
		}
	}
	for i := range s.Backends {
		if p := s.poolOf(&s.Backends[i], all); p >= 0 {
			of[i] = pools[p]
		}
	}
	return of
}

// allocated reports a pool whose deployments have more than it holds: together,
// or where it is shared any one of them.
func (c *check) allocated(pool int, users []int) {
	p := &c.Quota[pool]
	if p.Shared {
		for _, i := range users {
			if d := &c.Backends[i]; unit.Count(d.TokensPerMinute()) > p.TPM {
				c.fail(fmt.Sprintf("backends[%d].tpm", i), "%v is more than the %v, has to share: %v", unit.Count(d.TokensPerMinute()), p, p.TPM)
			}
		}
		return
	}
	sum, list := unit.Count(0), make([]string, len(users))
	for n, i := range users {
		d := &c.Backends[i]
		if sum += unit.Count(d.TokensPerMinute()); sum < 0 {
			sum = unit.Count(1<<63 - 1) // more than can be counted is more than any pool
		}
		list[n] = fmt.Sprintf("%s %v", d.Name, unit.Count(d.TokensPerMinute()))
	}
	if sum > p.TPM {
		c.fail(fmt.Sprintf("quota[%d]", pool), "the %v, has %v TPM, but its deployments have %v: %s", p, p.TPM, sum, strings.Join(list, ", "))
	}
}
