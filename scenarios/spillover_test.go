package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

func TestSpillover(t *testing.T) {
	const head = `version: 1
duration: 2m
gateway: {route: {groups: [[p]]}}
tenants: [{name: chat, users: 1}]
backends:
`
	const ptu = "  - {spillover: s, name: p, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15"
	const std = "  - {name: s, model: gpt-4.1, sku: GlobalStandard, tpm: 1k"
	for _, test := range []struct{ name, backends, want string }{
		{"one resource", ptu + ", resource: r}\n" + std + ", resource: r}\n", ""},
		{"the resource of the target", ptu + ", resource: s}\n" + std + "}\n", ""},
		{"two resources", ptu + "}\n" + std + "}\n", `s.yaml:6:17: backends[0].spillover: "s" is in another resource: give both the same resource`},
		{"nobody", ptu + "}\n", `s.yaml:6:17: backends[0].spillover: unknown backend "s", did you mean "p"?`},
		{"all that is wrong", ptu + ", resource: r, listen: 127.0.0.1:1}\n" + strings.Replace(std, "GlobalS", "S", 1) + ", version: x, key: k, resource: r}\n",
			`s.yaml:6:17: backends[0].spillover: "s" has another key, so it is another resource's
s.yaml:6:17: backends[0].spillover: "s" serves gpt-4.1 x, not gpt-4.1 2025-04-14
s.yaml:6:17: backends[0].spillover: GlobalProvisionedManaged spills over to GlobalStandard, but "s" is Standard
s.yaml:7:5: backends[1].listen: a resource has one address: "p" listens on "127.0.0.1:1", "s" on ""`},
		{"a standard one", strings.Replace(ptu, "spillover: s, ", "", 1) + ", resource: r}\n" + std + ", spillover: p, resource: r}\n",
			`s.yaml:7:72: backends[1].spillover: only a provisioned deployment spills over, and "s" is GlobalStandard`},
	} {
		t.Run(test.name, func(t *testing.T) { wantProblems(t, head+test.backends, test.want) })
	}
}

func TestResources(t *testing.T) {
	s, err := Load("s.yaml", []byte(`version: 1
duration: 2m
gateway: {route: {groups: [[a]]}}
tenants: [{name: chat, users: 1}]
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1k}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 1k, resource: r}
  - {name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 1k}
  - {name: d, model: gpt-4.1, sku: GlobalStandard, tpm: 1k, resource: r}
`), nil, files)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Resources()); got != "[[0] [1 3] [2]]" {
		t.Error(got)
	}
}
