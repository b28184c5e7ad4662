package virtual_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The three ways to dispatch on the same traffic, against services that are what
// the gateway takes them for, and that are not. Two tenants want no more than
// their share, a third one far more than is left. docs/fairness.md shows the
// table.
func TestDispatchTable(t *testing.T) {
	type row struct {
		refused   int64         // by the backend
		throttled int64         // requests of the two tenants
		served    int64         // requests of all
		wait      time.Duration // p95 of the first
	}
	services := []struct{ name, backend string }{
		{"as configured, fixed windows", "{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 60k, window: fixed}"},
		{"as configured, sliding windows", "{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 60k, window: sliding}"},
		{"admits a quarter less", "{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 450k, rpm: 60k, window: fixed}"},
		{"charges max_tokens alone", "{name: a, model: gpt-35-turbo, sku: GlobalStandard, tpm: 90k, rpm: 60k, window: fixed}"},
		{"a limit of requests nobody knew", "{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 600, window: fixed}"},
		{"provisioned, counts what is used", "{name: a, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 200}"},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| the service | dispatch | refused by it | of their share, refused | served | its budget used | p95 of the wait |\n|---|---|---|---|---|---|---|\n")
	rows := map[string]row{}
	for _, service := range services {
		for _, dispatch := range []string{"reactive", "predictive", "hybrid"} {
			s := shop{length: 20 * time.Minute, backend: service.backend, gateway: fmt.Sprintf(queued, "vtc", dispatch)}
			for i, rate := range []string{"3/s", "3/s", "20/s"} {
				s.visitor = append(s.visitor, visitor{fmt.Sprint("t", i), []int{2, 2, 1}[i], rate, 100, ""})
			}
			w := s.run(t)
			b := &w.Backends[0]
			r := row{refused: b.Throttled, throttled: w.Tenants[0].Throttled + w.Tenants[1].Throttled, wait: w.wait(0, 95)}
			for i := range w.Tenants {
				r.served += w.Tenants[i].Succeeded
			}
			rows[service.name+" "+dispatch] = r
			fmt.Fprintf(&table, "| %s | `%s` | %d | %d | %d | %.1f %% | %v |\n", service.name, dispatch, r.refused, r.throttled, r.served,
				float64(b.UtilizationMean)/1e4, r.wait.Round(time.Millisecond))
		}
	}
	page, err := os.ReadFile("../../docs/fairness.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/fairness.md does not show this table:\n%s", table.String())
	}
	for _, service := range services[:2] {
		if r := rows[service.name+" predictive"]; r.refused > 0 || r.throttled > 0 || r.wait > 5*time.Millisecond {
			t.Errorf("%s: predictive dispatch is not exact: %+v", service.name, r)
		}
		if r := rows[service.name+" reactive"]; r.throttled == 0 || r.wait < time.Second {
			t.Errorf("%s: reactive dispatch shares a burst fairly, which nobody can: %+v", service.name, r)
		}
	}
	for _, service := range services[2:] { // where the gateway is wrong about the service
		if hybrid, predictive := rows[service.name+" hybrid"], rows[service.name+" predictive"]; hybrid.refused > predictive.refused || hybrid.throttled > predictive.throttled {
			t.Errorf("%s: hybrid dispatch learns nothing: %+v, predictive %+v", service.name, hybrid, predictive)
		}
	}
}
