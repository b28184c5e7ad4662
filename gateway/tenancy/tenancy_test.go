package tenancy

import (
	"strings"
	"testing"

	"foundrylab/internal/yamlconf"
)

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		list, model string
		want        bool
	}{
		{"", "anything", true}, {"", "", true},
		{"gpt-4.1 o3", "o3", true}, {"gpt-4.1 o3", "o3-mini", false}, {"gpt-4.1 o3", "", false}, {"gpt-4.1", "GPT-4.1", false},
		{"gpt-*", "gpt-4.1", true}, {"gpt-*", "gpt", false}, {"*", "x", true}, {"gpt-*-mini", "gpt-5-mini", false},
	} {
		tenant := Tenant{Models: strings.Fields(c.list)}
		if got := tenant.Allows(c.model); got != c.want {
			t.Errorf("[%s] allows %q: %v", c.list, c.model, got)
		}
	}
}

func TestAllowsDoesNotAllocate(t *testing.T) {
	tenant := Tenant{Models: []string{"a", "b-*", "gpt-4.1"}}
	if n := testing.AllocsPerRun(100, func() { tenant.Allows("gpt-4.1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMissing(t *testing.T) {
	rules := Rules{Headers: []string{"x-team", "x-cost"}}
	for given, want := range map[string]string{"": "x-team", "x-team": "x-cost", "x-cost": "x-team", "x-team x-cost": ""} {
		if got := rules.Missing(func(name string) string {
			if strings.Contains(given, name) {
				return "1"
			}
			return ""
		}); got != want {
			t.Errorf("%q: %q is missing, want %q", given, got, want)
		}
	}
}

// A name can break out of no header, label or line.
func TestNameFits(t *testing.T) {
	for _, good := range []string{"a", "Team-7_eu.west", "0", strings.Repeat("x", 64)} {
		if !NameFits(good) {
			t.Errorf("%q does not fit", good)
		}
	}
	for _, bad := range []string{"", "-a", ".", "a b", "a\r\nX-Evil: 1", "a\n", "a\x00", `a"b`, "a{b}", "é", "a:b", "a/b", "a\u2028", strings.Repeat("x", 65)} {
		if NameFits(bad) {
			t.Errorf("%q fits", bad)
		}
	}
}

// All mistakes come at once, each with its place.
func TestMistakes(t *testing.T) {
	doc, err := yamlconf.Parse("gateway.yaml", []byte(`name: "a\r\nX-Evil: 1"
models: [""]
compliance:
  max_tokens: {max: 0, action: clmp}
  n: {}
  tools: maybe
  body_size: -1
  required_headers: ["x y", ok]
`))
	if err != nil {
		t.Fatal(err)
	}
	err = doc.Decode(new(Tenant))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"gateway.yaml:4", "compliance.max_tokens.max", "compliance.max_tokens.action", "compliance.n.max", "compliance.tools", "compliance.body_size"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	var told []string
	fail := func(path, format string, args ...any) { told = append(told, path) }
	Tenant{Name: "a\r\n", Models: []string{""}}.Validate(fail)
	Tenant{Name: "a", Models: make([]string, maxModels+1)}.Validate(fail)
	Rules{Headers: []string{"x y", "", "ok"}}.Validate(fail)
	Rules{Headers: strings.Fields(strings.Repeat("h ", maxHeaders+1))}.Validate(fail)
	if got := strings.Join(told, " "); got != "name models models models required_headers required_headers required_headers" {
		t.Errorf("told of %s", got)
	}
}
