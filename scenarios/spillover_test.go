package scenarios

import (
	"strings"
	"testing"
)

// Nothing is simulated otherwise than the file says: what scenarios cannot do yet is refused.
func TestSpilloverIsRefused(t *testing.T) {
	src := strings.Replace(strings.TrimSuffix(shared, "quota:\n"), "name: usa,", "name: usa, spillover: world,", 1)
	wantProblems(t, src, "s.yaml:5:28: backends[1].spillover: scenarios cannot spill over yet, as each backend is a resource of its own: leave it out, and let the gateway fail over")
}
