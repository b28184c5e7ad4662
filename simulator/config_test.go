package simulator

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/ops"
	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

func TestDefaultIsValid(t *testing.T) {
	s, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var names []string
	for _, b := range s.backends {
		names = append(names, b.cfg.Name)
		if b.cfg.Key != "foundrylab-key" || b.cfg.Region != "East US 2" || b.cfg.MaxInFlight == 0 || b.cfg.UtilizationWindow != unit.Duration(10*time.Second) {
			t.Errorf("defaults are missing: %+v", b.cfg)
		}
	}
	if got := strings.Join(names, " "); !strings.HasPrefix(got, "gpt-4.1 gpt-4o gpt-4.1-mini gpt-4.1-ptu ") {
		t.Errorf("deployments %s", got)
	}
	if s.Tape(0) != nil {
		t.Error("a tape nobody asked for")
	}
}

// A prompt cache given in Go has the bound of one given in YAML, and the caller's own is left alone.
func TestPromptCacheDefaults(t *testing.T) {
	off := deployment.PromptCache{}
	cfg, err := complete(Config{Deployments: []deployment.Config{{Name: "a", Model: "gpt-4.1", SKU: "Standard", TPM: 1, PromptCache: &off}}})
	if got := cfg.Deployments[0].PromptCache; err != nil || *got != (deployment.PromptCache{Prefixes: 10_000}) || off.Prefixes != 0 {
		t.Errorf("%+v of %+v, %v", got, off, err)
	}
}

func TestDynamicQuotaDefaults(t *testing.T) {
	given := deployment.DynamicQuota{Share: 1}
	cfg, err := complete(Config{Deployments: []deployment.Config{{Name: "a", Model: "gpt-4.1", SKU: "Standard", TPM: 1, DynamicQuota: &given}}})
	if got := cfg.Deployments[0].DynamicQuota; err != nil || *got != (deployment.DynamicQuota{Spare: 500_000, Share: 1, Every: ms(300_000)}) || given.Every != 0 {
		t.Errorf("%+v of %+v, %v", got, given, err)
	}
}

func TestUsageTierDefaults(t *testing.T) {
	given := deployment.UsageTier{Used: 7}
	cfg, err := complete(Config{Deployments: []deployment.Config{{Name: "a", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 1, UsageTier: &given}}})
	if got := cfg.Deployments[0].UsageTier; err != nil || *got != (deployment.UsageTier{Used: 7, SlowDown: 2_000_000}) || given.SlowDown != 0 {
		t.Errorf("%+v of %+v, %v", got, given, err)
	}
}

func TestConfigMistakes(t *testing.T) {
	ok, count := standard("a"), unit.Count(5)
	with := func(change func(*deployment.Config)) Config {
		d := ok
		change(&d)
		return Config{Deployments: []deployment.Config{d}}
	}
	strike := func(f fault.Config) Config {
		return Config{Deployments: []deployment.Config{ok}, Faults: []fault.Config{f}}
	}
	tests := []struct {
		cfg  Config
		want []string
	}{
		{Config{}, []string{"deployments: is required"}},
		{with(func(d *deployment.Config) { d.Name = "" }), []string{"deployments[0].name: is required"}},
		{with(func(d *deployment.Config) { d.SKU = "Batch" }), []string{"deployments[0].sku: "}},
		{with(func(d *deployment.Config) { d.PTU = 15 }), []string{"deployments[0].ptu: "}},
		{with(func(d *deployment.Config) { d.MaxInFlight = -1 }), []string{"deployments[0].max_in_flight: "}},
		{with(func(d *deployment.Config) { d.PromptCache = &deployment.PromptCache{Prefixes: -1} }), []string{"deployments[0].prompt_cache.prefixes: "}},
		{with(func(d *deployment.Config) { d.PromptCache = &deployment.PromptCache{Retention: ms(86_400_001)} }), []string{"deployments[0].prompt_cache.retention: "}},
		{with(func(d *deployment.Config) { d.Latency.Preset = "gpt-4.2" }), []string{"deployments[0].latency.preset: "}},
		{with(func(d *deployment.Config) { d.Latency.TTFT = &latency.Quantiles{P50: ms(2), P95: ms(1)} }), []string{"deployments[0].latency.ttft.p95: "}},
		{with(func(d *deployment.Config) { d.Output = &distribution.Config{} }), []string{"output"}},
		{Config{Deployments: []deployment.Config{ok, ok}}, []string{`deployments[1].name: "a" is taken by deployments[0]`}},
		{strike(outage("b", 0, time.Second)), []string{`faults[0].backend: there is no deployment "b"`}},
		{strike(outage("a", 0, 0)), []string{"faults[0].for: "}},
		{strike(fault.Config{Name: "x", Backend: "a", For: ms(1)}), []string{"faults[0]: give exactly one kind"}},
		{Config{Deployments: []deployment.Config{ok}, MaxBody: -1}, []string{"max_body: "}},
		{Config{Deployments: []deployment.Config{ok}, LedgerSize: -1}, []string{"ledger_size: "}},
		{Config{Deployments: []deployment.Config{{Name: "a", Model: "gpt-4.1", SKU: "GlobalStandard"}, {Name: "a", Model: "gpt-4.1", SKU: "x", TPM: 1}}},
			[]string{"deployments[0].tpm: ", "deployments[1].sku: ", `deployments[1].name: "a" is taken`}},
	}
	for i, tt := range tests {
		_, err := New(tt.cfg)
		if err == nil {
			t.Errorf("%d: no error, want %q", i, tt.want)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%d: %q has no %q", i, err, want)
			}
		}
	}
	good := with(func(d *deployment.Config) { d.Output = &distribution.Config{Constant: &count} })
	good.Faults = []fault.Config{outage("a", 0, time.Second)}
	s, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if good.Deployments[0].Key != "" || good.Faults[0].Outage.Mode != "" {
		t.Error("New wrote defaults into its argument")
	}
}

// TestMeter: a marker is believed as long as the text is the one it came with.
func TestMeter(t *testing.T) {
	s, err := New(Config{Deployments: []deployment.Config{standard("a")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := string(ops.AppendMarker(nil, ops.Marker{Key: 9, Output: 21, Prompt: 1234, Chars: ops.MarkerChars + 6})) + " words"
	body := func(messages ...ops.Message) []byte {
		type message struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		}
		var all []message
		for _, m := range messages {
			all = append(all, message{m.Role, m.Text})
		}
		b, _ := json.Marshal(map[string]any{"messages": all, "n": 3, "max_completion_tokens": 77})
		return b
	}
	tests := []struct {
		name           string
		body           []byte
		key            uint64
		prompt, output int32
		estimate       int32
	}{
		{"as generated", body(ops.Message{Role: "user", Text: text}), 9, 1234, 21, 19},
		{"text added", body(ops.Message{Role: "user", Text: text + "!"}), 9, 38, 21, 19},
		{"a system prompt added", body(ops.Message{Role: "system", Text: "Be kind."}, ops.Message{Role: "user", Text: text}), 9, 44, 21, 3 + 19},
		{"somebody's own", body(ops.Message{Role: "user", Text: "Say hello."}), 0, 10, -1, 3},
		{"another one", body(ops.Message{Role: "user", Text: "Say hello?"}), 0, 10, -1, 3},
	}
	for _, tt := range tests {
		p, err := ops.Peek(tt.body)
		if err != nil {
			t.Fatal(err)
		}
		c := &call{srv: s, op: &operations[0], backend: s.backends[0], digest: rng.Entity(tt.body), peeked: &p}
		ev, err := c.meter()
		want := deployment.Event{Key: tt.key, PromptTokens: tt.prompt, PromptEstimate: tt.estimate, OutputTokens: tt.output, MaxTokens: 77, N: 3, Marked: true}
		if tt.output < 0 {
			want.Key, want.Marked = rng.Entity(tt.body), false
		}
		if err != nil || ev != want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, ev, err, want)
		}
	}
}
