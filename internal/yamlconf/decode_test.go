package yamlconf

import (
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/unit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update to accept)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func parse(t testing.TB, src string) *Doc {
	t.Helper()
	doc, err := Parse("lab.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// decode returns what src says, and its problems as text.
func decode[T any](t testing.TB, src string) (T, string) {
	t.Helper()
	var v T
	if err := parse(t, src).Decode(&v); err != nil {
		return v, err.Error()
	}
	return v, ""
}

func ptr[T any](v T) *T { return &v }

func TestDecodeEverything(t *testing.T) {
	got, problems := decode[lab](t, string(readFile(t, "testdata/good.yaml")))
	if problems != "" {
		t.Fatal(problems)
	}
	want := lab{
		Version: 1, Name: "everything", Seed: 18446744073709551615, Note: "two\nlines\n",
		Date: "2025-01-31", Mode: "live", Strict: false, Warmup: ptr(false),
		Tenants: []tenant{
			{
				Name: "chat", Weight: 60, Prompt: amount{Constant: ptr(unit.Count(4000))},
				Arrivals: arrivals{Poisson: &poisson{Rate: unit.Rate{Num: 2_500_000, Per: 1e9}}},
				Deadline: ptr(unit.Duration(30e9)), Share: 995_000,
				Retry: &retry{Attempts: 3, Wait: 500e6},
			},
			{
				Name: "batch", Weight: 1, Prompt: amount{Lognormal: &lognormal{P50: 1000, P99: 4000}},
				Arrivals: arrivals{Closed: &closed{Users: 0}}, Share: 250_000,
			},
			{
				Name: "7", Weight: 1, Prompt: amount{Constant: ptr(unit.Count(1000))},
				Arrivals: arrivals{Spike: &[]int{1, -2, 3}},
			},
		},
		Gateway: &gateway{Listen: ":8080", Backends: []string{"east", "west"}},
		Limits: limitation{Queue: 1500, Timeout: 30e9, Inner: struct {
			Depth int32 `yaml:"depth"`
		}{-7}},
		Groups:  [][]string{{"chat", "batch"}, nil, {"7"}},
		Regions: []string{"west", "north"},
		Tree:    &tree{Leaf: 1, Kids: []tree{{Kids: []tree{{Leaf: 2}, {}}}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	got, problems := decode[lab](t, "version: 1\nname: n\ntenants: [{name: a, arrivals: {closed: {}}}]\n")
	want := lab{
		Version: 1, Name: "n", Seed: 1, Date: "2024-10-21", Mode: "virtual", Strict: true,
		Tenants: []tenant{{
			Name: "a", Weight: 1, Prompt: amount{Constant: ptr(unit.Count(1000))},
			Arrivals: arrivals{Closed: &closed{Users: 5}},
		}},
		Limits:  limitation{Queue: 100, Timeout: 30e9},
		Regions: []string{"east"},
	}
	if problems != "" || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngot  %+v\nwant %+v", problems, got, want)
	}
}

func TestDefaultsDoNotSurviveAnExplicitZero(t *testing.T) {
	got, problems := decode[lab](t, "version: 1\nname: n\nseed: 0\ndate: ''\nstrict: false\nregions: []\n"+
		"limits: {queue: 0, timeout: 0s}\ntenants: [{name: a, arrivals: {closed: {users: 0}}, retry: {attempts: 0}}]\n")
	if problems != "" {
		t.Fatal(problems)
	}
	if got.Seed != 0 || got.Date != "" || got.Strict || got.Regions != nil || got.Limits.Queue != 0 ||
		got.Limits.Timeout != 0 || got.Tenants[0].Arrivals.Closed.Users != 0 || got.Tenants[0].Retry.Attempts != 0 {
		t.Errorf("%+v", got)
	}
}

func TestEmptyDocumentReadsAsEmptyMap(t *testing.T) {
	for _, src := range []string{"", "\n", "# nothing\n", "---\n", "{}", "~"} {
		got, problems := decode[limitation](t, src)
		if want := (limitation{Queue: 100, Timeout: 30e9}); problems != "" || got != want {
			t.Errorf("%q: %s %+v", src, problems, got)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, problems := decode[lab](t, string(readFile(t, "testdata/mistakes.yaml")))
	golden(t, "testdata/mistakes.golden", problems+"\n")
}

func TestDecodeLeavesDestinationAloneOnProblems(t *testing.T) {
	before := limitation{Queue: 7, Timeout: 8}
	got := before
	err := parse(t, "queue: 5\ntimeout: 6").Decode(&got)
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 || got != before {
		t.Errorf("%v, %+v", err, got)
	}
	if err := parse(t, "queue: 5").Decode(&got); err != nil || got.Queue != 5 || got.Timeout != 30e9 {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestSingleProblems holds one document against the whole text of its problems.
func TestSingleProblems(t *testing.T) {
	const head = "version: 1\nname: n\ntenants: [{name: a, arrivals: {closed: {}}}]\n"
	tests := []struct{ name, src, want string }{
		{"empty required struct and list", "version: 1\nname: ''\ntenants: []\n",
			"lab.yaml:2:7: name: is required and must not be empty\nlab.yaml:3:10: tenants: is required and must not be empty"},
		{"required of the wrong type is told once", "version: 1\nname: 5\ntenants: [{name: a, arrivals: {closed: {}}}]\n",
			`lab.yaml:2:7: name: expected a string, found a number: put quotes around it, "5"`},
		{"absent required keys", "note: x\n",
			"lab.yaml:1:1: name: is required\nlab.yaml:1:1: tenants: is required\nlab.yaml:1:1: version: is required"},
		{"null union", "version: 1\nname: n\ntenants:\n  - name: a\n    arrivals:\n",
			"lab.yaml:5:5: tenants[0].arrivals: has no value: give one, or remove the key"},
		{"null in a union", "version: 1\nname: n\ntenants:\n  - name: a\n    arrivals:\n      closed:\n",
			"lab.yaml:6:7: tenants[0].arrivals.closed: has no value: write {} for the defaults, or remove the key"},
		{"null item", head + "groups:\n  -\n", "lab.yaml:5:4: groups[0]: has no value: write [] for none, or remove the key"},
		{"null struct", head + "gateway:\nlimits: ~\n",
			"lab.yaml:4:1: gateway: has no value: write {} for the defaults, or remove the key\n" +
				"lab.yaml:5:1: limits: has no value: write {} for the defaults, or remove the key"},
		{"required inside an optional struct", head + "gateway:\n  listen: x\n", "lab.yaml:4:1: gateway.backends: is required"},
		{"list for a map", "[1]", "lab.yaml:1:1: expected a map, found a list"},
		{"string for a list", head + "groups: chat\n", "lab.yaml:4:9: groups: expected a list, found a string"},
		{"number for a string", head + "note: 1.5\n", `lab.yaml:4:7: note: expected a string, found a number: put quotes around it, "1.5"`},
		{"bool for a string", head + "note: true\n", `lab.yaml:4:7: note: expected a string, found true: put quotes around it, "true"`},
		{"string for an int", head + "seed: '1'\n", "lab.yaml:4:7: seed: expected a whole number, found a string"},
		{"exponent", head + "seed: 1e3\n", "lab.yaml:4:7: seed: expected a whole number in plain digits, found 1e3"},
		{"hexadecimal", head + "seed: 0x10\n", "lab.yaml:4:7: seed: expected a whole number in plain digits, found 0x10"},
		{"octal", head + "seed: 010\n", "lab.yaml:4:7: seed: expected a whole number in plain digits, found 010"},
		{"underscore", head + "seed: 1_000\n", "lab.yaml:4:7: seed: expected a whole number in plain digits, found 1_000"},
		{"fraction", head + "seed: 1.0\n", "lab.yaml:4:7: seed: expected a whole number in plain digits, found 1.0"},
		{"too large for the type", head + "seed: 18446744073709551616\n",
			"lab.yaml:4:7: seed: must be from 0 to 18446744073709551615, found 18446744073709551616"},
		{"string for a bool", head + "strict: 'true'\n", "lab.yaml:4:9: strict: expected true or false, found a string"},
		{"bool for a unit", head + "limits: {queue: true}\n", "lab.yaml:4:17: limits.queue: expected a value such as 300k, found true"},
		{"map for a unit", head + "limits: {queue: {}}\n", "lab.yaml:4:17: limits.queue: expected a value such as 300k, found a map"},
		{"bare number for a duration", head + "limits: {timeout: 30}\n",
			`lab.yaml:4:19: limits.timeout: "30" has no unit: add one, such as 30s or 30ms`},
		{"unknown key far from any", "zzzzzz: 1\n" + head,
			"lab.yaml:1:1: zzzzzz: unknown key (known keys: version, name, seed, note, date, mode, strict, warmup, tenants, gateway, limits, groups, regions, tree)"},
		{"unknown key with odd letters", `"a b\nc": 1` + "\n" + head,
			`lab.yaml:1:1: "a b\nc": unknown key (known keys: version, name, seed, note, date, mode, strict, warmup, tenants, gateway, limits, groups, regions, tree)`},
		{"unknown union key", "version: 1\nname: n\ntenants: [{name: a, arrivals: {posson: {rate: 1/s}}}]\n",
			`lab.yaml:3:32: tenants[0].arrivals.posson: unknown key, did you mean "poisson"? (known keys: poisson, closed, spike)`},
		{"validate a path", head + "groups:\n  - [a]\n  - [a, b]\n", `lab.yaml:6:9: groups[1][1]: no tenant is named "b", did you mean "a"?`},
		{"validate a value", head + "limits: {queue: 2M}\n", "lab.yaml:4:17: limits.queue: must be at most 1M, found 2M"},
		{"validate the whole and a path that ends early", "version: 1\nname: forbidden\ntenants: [{name: a, arrivals: {closed: {}}}]\n",
			"lab.yaml:1:1: the lab as a whole is forbidden\nlab.yaml:1:1: gateway.backends[0]: and so is a backend that is not there"},
		{"a failed Validate inside does not hide the one outside",
			"version: 1\nname: forbidden\ntenants: [{name: a, prompt: {lognormal: {p50: 2, p99: 1}}, arrivals: {closed: {}}}]\n",
			"lab.yaml:1:1: the lab as a whole is forbidden\nlab.yaml:1:1: gateway.backends[0]: and so is a backend that is not there\n" +
				"lab.yaml:3:55: tenants[0].prompt.lognormal.p99: must not be below p50 (2), found 1"},
		{"an unread value inside does", "version: 1\nname: forbidden\ntenants: [{name: a, prompt: 1.5, arrivals: {closed: {}}}]\n",
			`lab.yaml:3:29: tenants[0].prompt: "1.5" is not a whole number: decimals need k, M or B`},
		{"mistake under an alias names the anchored line",
			"version: 1\nname: n\ntenants: [{name: a, arrivals: &x {closed: {user: 1}}}, {name: b, arrivals: *x}]\n",
			`lab.yaml:3:44: tenants[0].arrivals.closed.user: unknown key, did you mean "users"?` + "\n" +
				`lab.yaml:3:44: tenants[1].arrivals.closed.user: unknown key, did you mean "users"?`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, problems := decode[lab](t, test.src); problems != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", problems, test.want)
			}
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, problems := decode[limitation](t, "{x: 1"+manyKeys(2500)+"}")
	lines := strings.Split(problems, "\n")
	if len(lines) != maxProblems+1 || !strings.HasSuffix(lines[maxProblems], ": and 1501 more problems") {
		t.Errorf("%d lines, the last is %s", len(lines), lines[len(lines)-1])
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(", key" + strings.Repeat("y", i%7) + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + ": 1")
	}
	return b.String()
}

func TestDecodePanicsOnTypesNoConfigCanHave(t *testing.T) {
	wantPanics(t, map[string]any{
		"not a pointer":        lab{},
		"pointer to no struct": new(int),
		"pointer to a union":   new(amount),
		"no yaml tag":          &struct{ A int }{},
		"tag option": &struct {
			A int `yaml:"a,omitempty"`
		}{},
		"embedded": &struct {
			limitation `yaml:"x"`
			Limitation
		}{},
		"map": &struct {
			A map[string]int `yaml:"a"`
		}{},
		"float": &struct {
			A float64 `yaml:"a"`
		}{},
		"pointer to pointer": &struct {
			A **int `yaml:"a"`
		}{},
	})
}

func TestDecodePanicsOnTagsThatDoNotFit(t *testing.T) {
	wantPanics(t, map[string]any{
		"required and default": &struct {
			A int `yaml:"a" required:"true" default:"1"`
		}{},
		"required false": &struct {
			A int `yaml:"a" required:"false"`
		}{},
		"default does not fit": &struct {
			A int `yaml:"a" default:"x"`
		}{},
		"default out of bounds": &struct {
			A int `yaml:"a" default:"5" max:"4"`
		}{},
		"default not in enum": &struct {
			A string `yaml:"a" default:"x" enum:"y"`
		}{},
		"default of a struct": &struct {
			A *limitation `yaml:"a" default:"{}"`
		}{},
		"enum of an int": &struct {
			A int `yaml:"a" enum:"1|2"`
		}{},
		"min of a string": &struct {
			A string `yaml:"a" min:"1"`
		}{},
		"bound that is no value": &struct {
			A unit.Duration `yaml:"a" min:"1"`
		}{},
		"empty default of an int": &struct {
			A int `yaml:"a" default:""`
		}{},
		"embedded with a tag": &struct {
			Limitation `yaml:"x"`
		}{},
		"time.Duration": &struct {
			A time.Duration `yaml:"a"`
		}{},
		"text that cannot be written": &struct {
			A readOnly `yaml:"a"`
		}{},
		"union field by value": &struct {
			A valueUnion `yaml:"a" default:"{n: 1}"`
		}{},
		"union field required": &struct {
			A requiredUnion `yaml:"a" default:"{n: 1}"`
		}{},
		"scalar outside a union": &struct {
			A *int `yaml:"a" scalar:"true"`
		}{},
	})
}

// wantPanics decodes an empty document into each value.
func wantPanics(t *testing.T, tests map[string]any) {
	t.Helper()
	for name, dst := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "yamlconf: ") {
					t.Errorf("panic %v", text)
				}
			}()
			_ = parse(t, "").Decode(dst)
		})
	}
}

type readOnly struct{}

func (*readOnly) UnmarshalText([]byte) error { return nil }

type valueUnion struct {
	N int `yaml:"n"`
}

func (valueUnion) OneOf() {}

type requiredUnion struct {
	N *int `yaml:"n" required:"true"`
}

func (requiredUnion) OneOf() {}

// Limitation is embedded in a test of what cannot be.
type Limitation limitation
