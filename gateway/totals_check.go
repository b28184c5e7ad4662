package gateway

import (
	"fmt"
	"slices"

	"foundrylab/gateway/tenancy"
	"foundrylab/internal/yamlconf"
)

// checkTotals tells what is wrong with what tenants may have of all pools together.
func (c *Config) checkTotals(fail func(format string, args ...any)) {
	text, err := yamlconf.Encode(totalsOnly{c.Totals})
	if err == nil {
		var doc *yamlconf.Doc
		if doc, err = yamlconf.Parse("totals", text); err == nil {
			err = doc.Decode(new(totalsOnly))
		}
	}
	if err != nil {
		fail("totals: %w", err)
	}
	pools, seen := c.pools(), map[string]bool{}
	for i := range c.Totals {
		t := &c.Totals[i]
		at := slices.IndexFunc(c.Clients, func(cl Client) bool { return cl.Name == t.Tenant })
		if at < 0 || seen[t.Tenant] {
			fail("totals[%d]: there is no client %q, or it has a total already", i, t.Tenant)
			continue
		}
		seen[t.Tenant] = true
		t.eachUnpriced(c.Clients[at].Models, pools, func(path, why string) { fail("totals[%d].%s: %s", i, path, why) })
	}
}

// totalsOnly is a document of nothing but totals: those that are made in Go are held to the rules of those in a file.
type totalsOnly struct {
	Totals []Total `yaml:"totals"`
}

// eachUnpriced tells of the quotas in money that cannot be kept: where the tenant, which may ask for those models, may use
// a pool whose tokens cost nothing.
func (t *Total) eachUnpriced(models []string, pools []Pool, tell func(path, why string)) {
	may := tenancy.Tenant{Models: models}
	free := ""
	for i := range pools {
		p := &pools[i]
		if !p.Core.Budget.Prices.Any() && (p.Name == "" || may.Allows(p.Name) || slices.ContainsFunc(p.Aliases, may.Allows)) {
			free += "," + p.in()
		}
	}
	for i, q := range t.Limits.Quota {
		if q.Amount > 0 && free != "" {
			tell(fmt.Sprintf("limits.quota[%d].amount", i), "needs budget.prices to say what tokens cost"+free[1:])
		}
	}
}

// totals looks at what tenants may have of all pools together.
func (c *fileCheck) totals(tenants roll) {
	pools, seen := c.pricedPools(), map[string]bool{}
	for i, t := range c.Totals {
		path := fmt.Sprintf("totals[%d].", i)
		c.known(tenants, path+"tenant", t.Tenant)
		if seen[t.Tenant] {
			c.fail(path+"tenant", "%q is listed twice", t.Tenant)
		}
		seen[t.Tenant] = true
		at := slices.IndexFunc(c.Tenants, func(who tenancy.Tenant) bool { return who.Name == t.Tenant })
		if at >= 0 && c.read(fmt.Sprintf("tenants[%d].models", at)) {
			t.eachUnpriced(c.Tenants[at].Models, pools, func(of, why string) { c.fail(path+of, "%s", why) })
		}
	}
}

// pricedPools are the pools of a file whose names and prices could be read, with no more than these.
func (c *fileCheck) pricedPools() (list []Pool) {
	each := c.File.pools()
	for i := range each {
		f := &each[i]
		prices := c.partOf(f, "budget") + "budget"
		whole := c.read(prices) && (f.path == "" || c.read(f.path+"name") && c.read(f.path+"gateway"))
		for _, part := range []string{".prices", ".prices.prompt", ".prices.completion"} {
			whole = whole && c.read(prices+part)
		}
		if whole {
			p := Pool{Name: f.Name, Aliases: f.Aliases}
			p.Core.Budget.Prices = f.policy(&c.Gateway).Budget.Prices
			list = append(list, p)
		}
	}
	return list
}
