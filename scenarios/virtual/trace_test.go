package virtual_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"

	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// azureLike generates a trace with the size of Azure's 2023 code trace and
// something of its burstiness: 8,819 requests in 57 minutes.
func azureLike() []byte {
	var b bytes.Buffer
	b.WriteString("TIMESTAMP,ContextTokens,GeneratedTokens\n")
	dice := rand.New(rand.NewSource(1))
	at := time.Date(2023, 11, 16, 18, 17, 3, 0, time.UTC)
	for range 8819 {
		fmt.Fprintf(&b, "%s,%d,%d\n", at.Format("2006-01-02 15:04:05.0000000"), 100+dice.Intn(7000), 1+int(dice.ExpFloat64()*28))
		if dice.Intn(20) == 0 {
			at = at.Add(time.Duration(dice.ExpFloat64() * 7.7e9))
		} else {
			at = at.Add(time.Duration(dice.ExpFloat64() * 4e6))
		}
	}
	return b.Bytes()
}

// An hour of a real service's traffic takes a moment. FOUNDRYLAB_TRACE names a
// trace to take instead of the generated one, such as Azure's own.
func TestTraceOfAnHourTakesAMoment(t *testing.T) {
	trace := azureLike()
	if file := os.Getenv("FOUNDRYLAB_TRACE"); file != "" {
		var err error
		if trace, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	src := `
version: 1
duration: 1h10m
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 300}
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 1M}
gateway: {route: {groups: [[ptu], [std]]}}
tenants:
  - {name: code, arrivals: {trace: {file: trace.csv}}}
`
	s, err := scenarios.Load("trace.yaml", []byte(src), nil, func(string) ([]byte, error) { return trace, nil })
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r := virtual.Run(s, virtual.Options{}).Result()
	took := time.Since(began)
	t.Logf("%d requests in %v", r.Totals.Requests, took)
	if want := int64(bytes.Count(bytes.TrimSpace(trace), []byte("\n"))); r.Totals.Requests != want {
		t.Errorf("%d requests of %d rows", r.Totals.Requests, want)
	}
	if took > 2*time.Second {
		t.Errorf("took %v, the bound is 2s", took)
	}
}
