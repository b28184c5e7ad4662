package deployment

import (
	"fmt"
	"strings"
)

// Spills reports whether a request that ended so at a provisioned deployment goes on to its standard one, by the statuses
// of Microsoft's page on spillover. A broken connection has none and does not: an outage is the whole resource's.
func Spills(e *Effect) bool {
	if e.Kind != Refuse {
		return false
	}
	switch e.Status {
	case 400, 429, 500, 503:
		return true
	}
	return false
}

// SpilloverMistakes returns all that keeps requests of c from going on to a deployment of the same resource; nothing
// where they can.
func (c *Config) SpilloverMistakes(to *Config) (wrong []string) {
	if !c.Provisioned() {
		return []string{fmt.Sprintf("only a provisioned deployment spills over, and %q is %s", c.Name, c.SKU)}
	}
	if need := strings.TrimSuffix(c.SKU, "ProvisionedManaged") + "Standard"; to.SKU != need {
		wrong = append(wrong, fmt.Sprintf("%s spills over to %s, but %q is %s", c.SKU, need, to.Name, to.SKU))
	}
	if c.Model != to.Model || c.Version != to.Version {
		wrong = append(wrong, fmt.Sprintf("%q serves %s %s, not %s %s", to.Name, to.Model, to.Version, c.Model, c.Version))
	}
	if c.Key != to.Key {
		wrong = append(wrong, fmt.Sprintf("%q has another key, so it is another resource's", to.Name))
	}
	return wrong
}
