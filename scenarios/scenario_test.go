package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
	"foundrylab/loadgen/arrival"
	"foundrylab/scenarios/assert"
)

// small is the least a scenario can be.
const small = `version: 1
duration: 2m
backends:
  - {name: paygo, model: gpt-4.1, sku: GlobalStandard, tpm: 500k}
gateway: {route: {groups: [[paygo]]}}
tenants:
  - name: chat
    arrivals: {poisson: {rate: 2/s}}
`

// files is what scenarios of these tests can read.
func files(path string) ([]byte, error) {
	switch path {
	case "good.csv":
		return []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2025-01-01 09:00:00,300,20\n2025-01-01 09:00:01.5,400,30\n"), nil
	case "cut.csv":
		return []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2025-01-01 09:00:00,300,20\n2025-01-01 09"), nil
	}
	return nil, errors.New("no such file")
}

func loaded(t *testing.T, src string, sets ...Set) *Scenario {
	t.Helper()
	s, err := Load("dir/small.yaml", []byte(src), sets, files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// with is small with further lines, and with some of its text replaced.
func with(more string, replace ...string) string {
	return strings.NewReplacer(replace...).Replace(small) + more
}

func TestDefaults(t *testing.T) {
	s := loaded(t, small)
	if s.Name != "small" || s.Seed != 1 || s.Start != "2026-01-05T09:00:00Z" || s.Warmup != 0 || s.MaxInFlight != 200_000 ||
		s.Drain != unit.Duration(2*time.Minute) || s.SLO.Success != 990_000 || s.SLO.TTFTFactor != 1_500_000 {
		t.Errorf("%+v", s)
	}
	if got, want := s.StartTime(), time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("start %v, want %v", got, want)
	}
	if c := s.Tenants[0]; c.Weight != 1 || !c.Stream || c.Client != "openai-python" {
		t.Errorf("tenant %+v", c)
	}
	if s.Rows(0) != nil || len(s.Programs()) != 0 {
		t.Errorf("rows %v, programs %v", s.Rows(0), s.Programs())
	}
}

func TestNameIsTheFiles(t *testing.T) {
	for _, test := range []struct{ file, src, want string }{
		{"a.yaml", small, "a"},
		{"dir/b.yml", small, "b"},
		{`dir\c.yaml`, small, "c"},
		{"shipped", small, "shipped"},
		{"v1.2.yaml", small, "v1.2"},
		{"a.yaml", "name: own\n" + small, "own"},
	} {
		s, err := Load(test.file, []byte(test.src), nil, files)
		if err != nil || s.Name != test.want {
			t.Errorf("%s: %v, want %s", test.file, err, test.want)
		}
	}
}

func TestSetsOverride(t *testing.T) {
	s := loaded(t, small, Set{"seed", "5"}, Set{"tenants[chat].weight", "3"}, Set{"seed", "6"}, Set{"assert", "[goodput > 1%]"})
	if s.Seed != 6 || s.Tenants[0].Weight != 3 || len(s.Programs()) != 1 {
		t.Errorf("seed %d, weight %d, %d programs", s.Seed, s.Tenants[0].Weight, len(s.Programs()))
	}
}

func TestPrograms(t *testing.T) {
	s := loaded(t, with("warn: [goodput > 3%]\nassert: [goodput > 1%, goodput > 2%]\n"))
	var got []string
	for _, p := range s.Programs() {
		got = append(got, string(p.Severity)+" "+p.String())
	}
	if want := []string{"error goodput > 1%", "error goodput > 2%", "warn goodput > 3%"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.Programs()[0].Severity != assert.Error {
		t.Error("an assertion does not fail the run")
	}
}

func TestRows(t *testing.T) {
	s := loaded(t, with("  - name: recorded\n    arrivals: {trace: {file: good.csv}}\n"))
	want := []arrival.Row{{At: 0, Prompt: 300, Output: 20}, {At: 1500 * time.Millisecond, Prompt: 400, Output: 30}}
	if s.Rows(0) != nil || !slices.Equal(s.Rows(1), want) {
		t.Errorf("got %v and %v, want none and %v", s.Rows(0), s.Rows(1), want)
	}
}

// TestCanonicalText loads what a scenario prints: it is the same scenario, down
// to its hash, and prints the same.
func TestCanonicalText(t *testing.T) {
	src := with(`faults: [{name: outage, backend: paygo, at: 10s, for: 90000ms, outage: {}}]
assert: ['tenant("chat").goodput > 1%', "goodput > 0.5"]
`, "duration: 2m", "duration: 120s\nslo: {success: 0.5}", "rate: 2/s", "rate: 120/m")
	once := loaded(t, src)
	for _, want := range []string{"duration: 2m\n", "for: 1m30s\n", "rate: 120/m\n", "success: 50%\n", "name: small\n", "seed: 1\n"} {
		if !strings.Contains(once.Text(), want) {
			t.Errorf("no %q in:\n%s", want, once.Text())
		}
	}
	twice, err := Load("other.yaml", []byte(once.Text()), nil, files)
	if err != nil {
		t.Fatal(err)
	}
	if once.Text() != twice.Text() {
		t.Errorf("got:\n%s\nthen:\n%s", once.Text(), twice.Text())
	}
	if a, b := once.Header("virtual", 0), twice.Header("virtual", 0); a.Hash != b.Hash || len(a.Hash) != 64 || a.Canonical != once.Text() {
		t.Errorf("hashes %s and %s", a.Hash, b.Hash)
	}
	if changed := loaded(t, src, Set{"seed", "2"}); changed.Header("virtual", 0).Hash == once.Header("virtual", 0).Hash {
		t.Error("another scenario has the same hash")
	}
}

// TestProblems holds scenarios against all that is told of them.
func TestProblems(t *testing.T) {
	const other = "\n  - {name: other, model: gpt-4o, sku: GlobalStandard, tpm: 500k}\ngateway"
	tests := []struct{ name, src, want string }{
		{"models are mixed", with("", "\ngateway", other, "[[paygo]]", "[[other], [paygo]]"),
			`s.yaml:6:38: gateway.route.groups[1][0]: "paygo" serves gpt-4.1 2025-04-14, but "other" serves gpt-4o 2025-04-14: ` +
				"a gateway never fails over to another model or version"},
		{"versions are mixed", with("", "\ngateway", "\n  - {name: other, model: gpt-4.1, version: x, sku: GlobalStandard, tpm: 500k}\ngateway", "[[paygo]]", "[[other, paygo]]"),
			`s.yaml:6:36: gateway.route.groups[0][1]: "paygo" serves gpt-4.1 2025-04-14, but "other" serves gpt-4.1 x: ` +
				"a gateway never fails over to another model or version"},
		{"nobody is sent to the other model", with("", "\ngateway", other), ""},
		{"a model that could not be read", with("", "\ngateway", "\n  - {name: other, model: 4.1, sku: GlobalStandard, tpm: 500k}\ngateway", "[[paygo]]", "[[paygo, other]]"),
			`s.yaml:5:26: backends[1].model: expected a string, found a number: put quotes around it, "4.1"`},
		{"a backend that no path can name", with("", "name: paygo", `name: "pay/go"`, "[[paygo]]", "[[pay/go]]"),
			`s.yaml:4:12: backends[0].name: "pay/go" is no deployment name: use up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit`},
		{"more tokens than any model takes", with("    prompt: 3B\n"),
			"s.yaml:9:13: tenants[0].prompt.constant: 3B is more than 2000000"},
		{"a zone that is none", with("", "[[paygo]]", "[[paygo]], zones: [{backend: paygo, zone: eu}]}, tenants: [{name: chat, zones: [eu, us]}], retry: {attempts: 3"),
			`s.yaml:5:111: gateway.tenants[0].zones[1]: "us" is no zone of route.zones`},
		{"a delay of a week", with("faults:\n  - {name: x, backend: paygo, at: 1s, for: 1s, latency: {add: 168h}}\n"),
			"s.yaml:10:63: faults[0].latency.add: must be at most 24h"},
		{"too many tenants", with(manyTenants(201)),
			"s.yaml:6:1: tenants: has 202 entries, at most 200 are allowed"},
		{"backends of one name", with("", "\ngateway", "\n  - {name: paygo, model: gpt-4.1, sku: GlobalStandard, tpm: 500k}\ngateway"),
			`s.yaml:5:12: backends[1].name: "paygo" is used twice`},
		{"tenants of one name", with("  - {name: chat, users: 3}\n  - {name: chat, users: 3}\n"),
			"s.yaml:9:12: tenants[1].name: \"chat\" is used twice\ns.yaml:10:12: tenants[2].name: \"chat\" is used twice"},
		{"faults of one name", with("faults:\n  - {name: x, backend: paygo, at: 1s, for: 1s, outage: {}}\n  - {name: x, backend: paygo, at: 1s, for: 1s, outage: {}}\n"),
			`s.yaml:11:12: faults[1].name: "x" is used twice`},
		{"a tenant, a backend and a fault may share one", with("faults: [{name: chat, backend: chat, at: 1s, for: 1s, outage: {}}]\n", "paygo", "chat"), ""},
		{"tenants whose keys are alike", with("  - {name: team-88728, users: 3}\n", "chat", "team-80280"),
			`s.yaml:9:12: tenants[1].name: hashes like "team-80280": request keys could not be told apart; rename one`},
		{"a cut trace, and a missing one", with("  - name: a\n    arrivals: {trace: {file: cut.csv}}\n  - name: b\n    arrivals: {trace: {file: nope.csv}}\n"),
			`s.yaml:10:30: tenants[1].arrivals.trace.file: cut.csv:3: needs 3 fields, has 1: "2025-01-01 09" (a truncated file?)` +
				"\ns.yaml:12:30: tenants[2].arrivals.trace.file: cannot read the trace: no such file"},
		{"a trace without its name", with("  - name: a\n    arrivals: {trace: {}}\n"),
			"s.yaml:10:23: tenants[1].arrivals.trace.file: is required"},
		{"nothing follows from lists that could not be read", with("faults: [{name: x, backend: paygo, at: 1s, for: 1s, outage: {}}]\nassert: ['tenant(\"a\").goodput > 1%', 'backend(''p'').throttled == 0']\n",
			"backends:", "backend:", "tenants:\n", "tenants: chat\nx:\n"),
			"s.yaml:3:1: backend: unknown key, did you mean \"backends\"?\n" +
				"s.yaml:6:10: tenants: expected a list, found a string\n" +
				"s.yaml:7:1: x: unknown key (known keys: version, name, description, seed, start, duration, warmup, drain, max_in_flight, backends, gateway, tenants, faults, quota, slo, assert, warn)"},
		{"nor from a duration", with("warmup: 1h\nfaults: [{name: x, backend: paygo, at: 1h, for: 1s, outage: {}}]\n", "duration: 2m", "duration: long"),
			`s.yaml:2:11: duration: "long" does not start with a number`},
		{"an assertion that could not be read", with("assert: [7, goodput]\n"),
			"s.yaml:9:10: assert[0]: expected a string, found a number: put quotes around it, \"7\"\n" +
				"s.yaml:9:13: assert[1]: column 1: the assertion must come to true or false: compare the value with something"},
		{"a quote that does not end", with("assert: ['tenant(\"chat).goodput > 1%']\n", "name: chat", "name: 7"),
			"s.yaml:7:11: tenants[0].name: expected a string, found a number: put quotes around it, \"7\"\n" +
				"s.yaml:9:10: assert[0]: column 27: literal not terminated"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load("s.yaml", []byte(test.src), nil, func(path string) ([]byte, error) {
				if path == "" {
					t.Error("a file without a name is read")
				}
				return files(path)
			})
			got := ""
			if problems := (yamlconf.Problems)(nil); errors.As(err, &problems) {
				got = problems.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s\nin:\n%s", got, test.want, test.src)
			}
		})
	}
}

// TestCostWeight: what is scarce on a standard deployment is what it estimates
// at admission, on a provisioned one its tokens.
func TestCostWeight(t *testing.T) {
	provisioned := func(model string) string {
		return "{name: paygo, model: " + model + ", sku: GlobalProvisionedManaged, ptu: 100}"
	}
	const standard = "{name: paygo, model: gpt-4.1, sku: GlobalStandard, tpm: 500k}"
	for _, test := range []struct {
		name, first, second string
		want                int64
	}{
		{"standard", standard, "", 0},
		{"provisioned", provisioned("gpt-4.1"), "", 4},
		{"provisioned, of a model that writes dearly", provisioned("gpt-5"), "", 8},
		{"provisioned before standard", provisioned("gpt-4.1"), standard, 0},
		{"standard before provisioned", standard, provisioned("gpt-4.1"), 0},
	} {
		src := with("", standard, test.first)
		if test.second != "" {
			src = with("", standard, test.first+"\n  - "+strings.Replace(test.second, "paygo", "second", 1))
		}
		if got := loaded(t, src).costWeight(); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestHeader(t *testing.T) {
	s := loaded(t, with("faults: [{name: x, backend: paygo, at: 10s, for: 20s, outage: {}}]\nwarmup: 5s\n", "tpm: 500k", "tpm: 500k, rpm: 70"))
	start := tick.Instant(s.StartTime().UnixNano())
	h := s.Header("virtual", start)
	if h.Scenario != "small" || h.Seed != 1 || h.Mode != "virtual" || h.Start != start || h.Duration != 2*time.Minute || h.Warmup != 5*time.Second {
		t.Errorf("%+v", h)
	}
	if len(h.Tenants) != 1 || h.Tenants[0].Name != "chat" || len(h.Backends) != 1 || h.Backends[0].TPM != 500_000 || h.Backends[0].RPM != 70 {
		t.Errorf("%+v, %+v", h.Tenants, h.Backends)
	}
	if len(h.Faults) != 1 || h.Faults[0].Kind != "outage" || h.Faults[0].Backend != 0 || h.Faults[0].At != 10*time.Second || h.Faults[0].For != 20*time.Second {
		t.Errorf("%+v", h.Faults)
	}
}

// TestFaultsStrikeTheirBackend: each backend is made with its own faults.
func TestFaultsStrikeTheirBackend(t *testing.T) {
	s := loaded(t, with(`faults:
  - {name: a, backend: other, at: 10s, for: 20s, outage: {}}
  - {name: b, backend: paygo, at: 30s, for: 20s, status: {code: 500}}
  - {name: c, backend: other, at: 50s, for: 20s, latency: {add: 1s}}
`, "\ngateway", "\n  - {name: other, model: gpt-4.1, sku: GlobalStandard, tpm: 500k}\ngateway", "[[paygo]]", "[[paygo, other]]"))
	start := tick.Instant(0)
	for i, want := range [][]time.Duration{{30 * time.Second}, {10 * time.Second, 50 * time.Second}} {
		var got []time.Duration
		for _, f := range s.BackendOptions(i, start).Faults {
			got = append(got, f.Begin.Sub(start))
		}
		if !slices.Equal(got, want) {
			t.Errorf("backend %d: faults begin at %v, want %v", i, got, want)
		}
	}
}

func manyTenants(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - {name: t%d, users: 1}\n", i)
	}
	return b.String()
}
