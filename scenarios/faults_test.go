package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"foundrylab/internal/tick"
)

// places has five backends in three resources and two regions.
func places(more string) string {
	return `version: 1
duration: 2m
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, resource: east}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, resource: east}
  - {name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, region: Sweden Central}
  - {name: d, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, region: Sweden Central, resource: north}
  - {name: e, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, resource: north}
gateway: {route: {groups: [[a, b, c, d, e]]}}
tenants: [{name: chat, users: 1}]
` + more
}

// A fault of a resource or a region is one of each backend there: in the
// header of the record, for the cores, and for assertions.
func TestFaultsOfPlaces(t *testing.T) {
	s := loaded(t, places(`faults:
  - {name: one, backend: e, at: 1s, for: 5s, outage: {}}
  - {name: r, resource: east, at: 2s, for: 5s, outage: {}}
  - {name: c, resource: c, at: 3s, for: 5s, status: {code: 500}}
  - {name: sweden, region: Sweden Central, at: 4s, for: 5s, throttle: {}}
assert: ['failover("sweden/d").failed_requests == 0', 'failover("one").failed_requests == 0']
`))
	var got []string
	for _, f := range s.Header("virtual", 0).Faults {
		got = append(got, fmt.Sprintf("%s=%s@%s", f.Name, f.Kind, s.Backends[f.Backend].Name))
	}
	if want := "one=outage@e r/a=outage@a r/b=outage@b c/c=status@c sweden/c=throttle@c sweden/d=throttle@d"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
	for i, want := range []string{"2s", "2s", "3s 4s", "4s", "1s"} {
		var begin []string
		for _, f := range s.BackendOptions(i, 0).Faults {
			begin = append(begin, f.Begin.Sub(tick.Instant(0)).String())
		}
		if strings.Join(begin, " ") != want {
			t.Errorf("faults of %s begin at %v, want %s", s.Backends[i].Name, begin, want)
		}
	}
	if again := loaded(t, s.Text()); again.Text() != s.Text() {
		t.Error("the effective scenario loads as another one")
	}
}

func TestMistakesInPlaces(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"an unknown region", places("faults: [{name: f, region: Sweden, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:28: faults[0].region: unknown region "Sweden"; known: East US 2, Sweden Central`},
		{"a region misspelt", places("faults: [{name: f, region: Sweden Centrel, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:28: faults[0].region: unknown region "Sweden Centrel", did you mean "Sweden Central"?`},
		{"an unknown resource", places("faults: [{name: f, resource: nort, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:30: faults[0].resource: unknown resource "nort", did you mean "north"?`},
		{"a resource like no other", places("faults: [{name: f, resource: xyz, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:30: faults[0].resource: unknown resource "xyz"; known: east, c, north`},
		{"two targets", places("faults: [{name: f, resource: c, backend: a, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:42: faults[0].backend: give exactly one of backend, resource and region, found 2`},
		{"an assertion about a place", places("faults: [{name: f, resource: east, at: 1s, for: 1s, outage: {}}]\nassert: ['failover(\"f\").failed_requests == 0']\n"),
			`s.yaml:12:10: assert[0]: column 10: this scenario has no fault "f"; it has: f/a, f/b`},
		{"an assertion about a place that is not known", places("faults: [{name: f, resource: eest, at: 1s, for: 1s, outage: {}}]\nassert: ['failover(\"f/a\").failed_requests == 0']\n"),
			`s.yaml:11:30: faults[0].resource: unknown resource "eest", did you mean "east"?`},
		{"a name that comes about twice", places("faults: [{name: f/a, backend: c, at: 1s, for: 1s, outage: {}}, {name: f, resource: east, at: 1s, for: 1s, outage: {}}]\n"),
			`s.yaml:11:71: faults[1].name: "f/a" would be the name of two faults`},
		{"an address of which a part is struck", places("faults: [{name: f, backend: a, at: 1s, for: 1s, outage: {mode: refused}}, {name: g, region: Sweden Central, at: 1s, for: 1s, outage: {mode: unknown_host}}]\n"),
			`s.yaml:11:64: faults[0].outage.mode: refused takes an address, and "a" shares its address with "b", which is spared: give the fault resource "east"
s.yaml:11:141: faults[1].outage.mode: unknown_host takes an address, and "d" shares its address with "e", which is spared: give the fault resource "north"`},
		{"addresses", places("faults: [{name: f, resource: east, at: 1s, for: 1s, outage: {mode: refused}}, {name: g, backend: c, at: 1s, for: 1s, outage: {mode: unknown_host}}]\n"), "<nil>"},
		{"no TLS to fail", places("faults: [{name: f, backend: c, at: 1s, for: 1s, outage: {mode: tls}}]\n"),
			`s.yaml:11:64: faults[0].outage.mode: tls is a handshake that fails, but "c" is not served over TLS: give it tls: true`},
		{"TLS in part", strings.Replace(places(""), "tpm: 500k, resource: east", "tpm: 500k, resource: east, tls: true", 1),
			`s.yaml:5:5: backends[1].tls: a resource has one address: "a" and "b" are both served over TLS, or neither`},
		{"an outage of an address spares nobody", places("faults: [{name: f, backend: c, at: 1s, for: 1s, probability: 10%, outage: {mode: refused}}]\n"),
			`s.yaml:11:62: faults[0].probability: neither probability nor ramp goes with outage refused: it strikes no requests one by one`},
		{"too many in all", places("faults:\n" + strings.Repeat("  - {name: fN, resource: east, at: 1s, for: 1s, outage: {}}\n", 101)),
			`s.yaml:11:1: faults: strike 202 times, each backend of a resource or a region counted; at most 200 are allowed`},
	} {
		src := c.src
		for i := 0; strings.Contains(src, "fN"); i++ {
			src = strings.Replace(src, "fN", fmt.Sprint("f", i), 1)
		}
		_, err := Load("s.yaml", []byte(src), nil, nil)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
