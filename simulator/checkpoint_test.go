package simulator

import (
	"encoding/json"
	"strings"
	"testing"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// checkpoint is latency_checkpoint as a client reads it.
type checkpoint struct {
	EngineTBT    int64 `json:"engine_tbt_ms"`
	EngineTTFT   int64 `json:"engine_ttft_ms"`
	EngineTTLT   int64 `json:"engine_ttlt_ms"`
	PreInference int64 `json:"pre_inference_ms"`
	ServiceTBT   int64 `json:"service_tbt_ms"`
	ServiceTTFT  int64 `json:"service_ttft_ms"`
	ServiceTTLT  int64 `json:"service_ttlt_ms"`
	Total        int64 `json:"total_duration_ms"`
	VisibleTTFT  int64 `json:"user_visible_ttft_ms"`
}

// What an answer says of its time is what its plan was, newest first, in a body
// and in the last chunk of a stream; only with the evidence of 2026, or asked for.
func TestLatencyCheckpoint(t *testing.T) {
	no := new(bool)
	for _, c := range []struct {
		profile string
		set     *bool
		shown   bool
	}{{"", nil, true}, {"azure-2026", nil, true}, {"azure-2025", nil, false}, {"azure-2026", no, false}} {
		d := standard("a")
		d.Profile, d.LatencyCheckpoint = c.profile, c.set
		p := deployment.Config{Name: "p", Model: "gpt-5-mini", SKU: "GlobalProvisionedManaged", PTU: 15, Profile: c.profile, LatencyCheckpoint: c.set}
		inLab(t, Config{Deployments: []deployment.Config{d, p}}, func(l *lab) {
			for i, name := range []string{"a", "p"} {
				for n, more := range []string{"", streamed} {
					_, body := l.post(name, marked(uint64(n), 60, more))
					if shown := strings.Contains(body, `"latency_checkpoint":{`); shown != c.shown {
						l.Fatalf("%s of %s shows it: %v, want %v: %s", name, c.profile, shown, c.shown, body)
					}
					if !c.shown {
						continue
					}
					_, text, _ := strings.Cut(body, `"latency_checkpoint":`)
					got := checkpoint{}
					if err := json.NewDecoder(strings.NewReader(text)).Decode(&got); err != nil {
						l.Fatal(err)
					}
					plan := l.plan(i, n)
					if want := plan.Checkpoint(plan.Completion); latency.Checkpoint(got) != want || got.ServiceTTLT == 0 {
						l.Errorf("%s%s: %+v, want %+v", name, more, got, want)
					}
				}
			}
		})
	}
}
