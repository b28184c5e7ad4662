package deployment

import (
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/fault"
)

// Where faults overlap nobody is there to answer an error status, and of two
// refusals the first of the file counts; delays add up.
func TestOverlappingFaults(t *testing.T) {
	at := func(f fault.Config) fault.Rule {
		f.For = unit.Duration(time.Minute)
		return fault.Compile(f, 0, 1)
	}
	status := func(code int) fault.Rule { return at(fault.Config{Name: "s", Status: &fault.Status{Code: code}}) }
	outage := at(fault.Config{Name: "o", Outage: &fault.Outage{Mode: "reset"}})
	throttled := at(fault.Config{Name: "t", Throttle: &fault.Throttle{RetryAfter: unit.Duration(7 * time.Second)}})
	gone := at(fault.Config{Name: "d", Deleted: &fault.Deleted{}})
	silent := at(fault.Config{Name: "h", SlowHeaders: &fault.SlowHeaders{Add: unit.Duration(time.Second)}})
	slow := at(fault.Config{Name: "l", Latency: &fault.Latency{Add: unit.Duration(time.Second)}})
	for _, c := range []struct {
		name   string
		faults []fault.Rule
		status uint16
		reason record.Reason
		kind   EffectKind
	}{
		{"status, then outage", []fault.Rule{status(503), outage}, 0, record.OutageFault, Refuse},
		{"two statuses", []fault.Rule{status(503), status(500)}, 503, record.StatusFault, Refuse},
		{"slow, then status", []fault.Rule{slow, status(500)}, 500, record.StatusFault, Refuse},
		{"throttled, then a status", []fault.Rule{throttled, status(500)}, 429, record.ThrottleFault, Refuse},
		{"throttled, then outage", []fault.Rule{throttled, outage}, 0, record.OutageFault, Refuse},
		{"outage, then deleted", []fault.Rule{outage, gone}, 0, record.OutageFault, Refuse},
		{"slow headers and first token", []fault.Rule{silent, slow}, 200, record.NoReason, Plan},
		{"slow twice", []fault.Rule{slow, slow}, 200, record.NoReason, Plan},
	} {
		core := New(&Config{Name: "x", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 1_000_000, MaxInFlight: 10}, Options{Faults: c.faults})
		out := core.Step(0, Event{Kind: Start, PromptTokens: 10, PromptEstimate: 11, OutputTokens: 5, MaxTokens: -1}, nil)
		got := out[len(out)-1]
		if got.Kind != c.kind || got.Status != c.status || got.Reason != c.reason || c.kind == Plan && got.FirstIn().Span() < 2*time.Second {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
