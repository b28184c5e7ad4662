package scenarios

import (
	"errors"
	"strings"
	"testing"

	"foundrylab/internal/yamlconf"
)

// shared is a scenario of five deployments whose quota is up to the test; its
// lines 10 to the end are the quota.
const shared = `version: 1
duration: 2m
backends:
  - {name: world, model: gpt-4.1, sku: GlobalStandard, tpm: 500k, region: Nowhere}
  - {name: usa, model: gpt-4.1, sku: DataZoneStandard, tpm: 600k}
  - {name: france, model: gpt-4.1, sku: DataZoneStandard, tpm: 700k, region: France Central}
  - {name: sweden, model: gpt-4.1, sku: DataZoneStandard, tpm: 800k, region: swedencentral}
  - {name: local, model: gpt-4.1, sku: Standard, tpm: 100k}
  - {name: other, model: gpt-4.1, sku: Standard, tpm: 200k, version: x, region: eastus2, subscription: s2}
gateway: {route: {groups: [[world, usa, france, sweden, local]]}}
tenants: [{name: chat, users: 1}]
quota:
`

func TestQuota(t *testing.T) {
	for _, test := range []struct{ name, quota, want string }{
		{"none", "", ""},
		{"as much as there is", `
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 500k}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: EU, tpm: 1.5M}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: US, tpm: 600k}
  - {model: gpt-4.1, version: "2025-04-14", sku: Standard, region: East US 2, tpm: 100k}
  - {model: gpt-4.1, sku: Standard, region: East US 2, tpm: 200k, subscription: s2}`, ""},
		{"one less of each", `
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 499999}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: EU, tpm: 1499999}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: US, tpm: 599999}
  - {model: gpt-4.1, version: "2025-04-14", sku: Standard, region: eastus2, tpm: 99999}
  - {model: gpt-4.1, sku: Standard, region: East US 2, tpm: 199999, subscription: s2}`,
			`s.yaml:13:5: quota[0]: the GlobalStandard pool of gpt-4.1, subscription "default", has 499999 TPM, but its deployments have 500k: world 500k
s.yaml:14:5: quota[1]: the DataZoneStandard pool of gpt-4.1 in EU, subscription "default", has 1499999 TPM, but its deployments have 1.5M: france 700k, sweden 800k
s.yaml:15:5: quota[2]: the DataZoneStandard pool of gpt-4.1 in US, subscription "default", has 599999 TPM, but its deployments have 600k: usa 600k
s.yaml:16:5: quota[3]: the Standard pool of gpt-4.1 2025-04-14 in eastus2, subscription "default", has 99999 TPM, but its deployments have 100k: local 100k
s.yaml:17:5: quota[4]: the Standard pool of gpt-4.1 in East US 2, subscription "s2", has 199999 TPM, but its deployments have 200k: other 200k`},
		{"nobody's", `
  - {model: gpt-4o, sku: GlobalStandard, tpm: 0}
  - {model: gpt-4.1, version: y, sku: GlobalStandard, tpm: 0}
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 0, subscription: s3}
  - {model: gpt-4.1, sku: Standard, region: West US, tpm: 0}`, ""},
		{"a version goes before all of them", `
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 0}
  - {model: gpt-4.1, version: "2025-04-14", sku: GlobalStandard, tpm: 500k}`, ""},
		{"twice", `
  - {model: gpt-4.1, sku: Standard, region: West US, tpm: 1}
  - {model: gpt-4.1, sku: Standard, region: westus, tpm: 1}`,
			`s.yaml:14:5: quota[1]: the Standard pool of gpt-4.1 in westus, subscription "default", is there already as quota[0]`},
		{"without its place", `
  - {model: gpt-4.1, sku: Standard, tpm: 1}
  - {model: gpt-4.1, sku: DataZoneStandard, tpm: 1}
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 1, region: West US, zone: EU}`,
			`s.yaml:13:5: quota[0].region: a Standard pool needs its region
s.yaml:14:5: quota[1].zone: a DataZoneStandard pool needs its zone
s.yaml:15:59: quota[2].region: only a Standard pool has a region
s.yaml:15:74: quota[2].zone: only a DataZoneStandard pool has a zone`},
		{"provisioned", "\n  - {model: gpt-4.1, sku: GlobalProvisionedManaged, tpm: 1}",
			`s.yaml:13:27: quota[0].sku: "GlobalProvisionedManaged" is not one of GlobalStandard, DataZoneStandard, Standard`},
		{"shared: each deployment fits by itself, not all together", `
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 500k, shared: true}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: EU, tpm: 799999, shared: true}
  - {model: gpt-4.1, sku: DataZoneStandard, zone: US, tpm: 0, shared: true}`,
			`s.yaml:5:61: backends[1].tpm: 600k is more than the DataZoneStandard pool of gpt-4.1 in US, subscription "default", has to share: 0
s.yaml:7:64: backends[3].tpm: 800k is more than the DataZoneStandard pool of gpt-4.1 in EU, subscription "default", has to share: 799999
s.yaml:15:60: quota[2].tpm: a shared pool without tokens admits nothing: give it some, such as 300k`},
		{"nothing follows from a pool that could not be read", `
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 0}
  - {model: gpt-4.1, version: 7, sku: GlobalStandard, tpm: 500k}`,
			`s.yaml:14:31: quota[1].version: expected a string, found a number: put quotes around it, "7"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := strings.Replace(shared, "quota:\n", "", 1)
			if test.quota != "" {
				src = strings.TrimSuffix(shared, "\n") + test.quota + "\n"
			}
			wantProblems(t, src, test.want)
		})
	}
}

// A deployment whose zone nobody knows is told of once, where a pool of its
// kind is to be checked, and left out of the sums; so is one without TPM.
func TestQuotaOfUnknownDeployments(t *testing.T) {
	const pools = "quota: [{model: gpt-4.1, sku: DataZoneStandard, zone: EU, tpm: 1}, {model: gpt-4.1, sku: DataZoneStandard, zone: US, tpm: 1}]\n"
	mars := []string{"sku: GlobalStandard, tpm: 500k", "sku: DataZoneStandard, tpm: 500k, region: Mars"}
	wantProblems(t, with("", mars...), "")
	wantProblems(t, with(strings.ReplaceAll(pools, "gpt-4.1", "o3"), mars...), "")
	wantProblems(t, with(pools, mars...), `s.yaml:4:77: backends[0].region: no data zone is known for "Mars", so its quota cannot be checked; `+
		"known: France Central, Germany West Central, Italy North, North Europe, Poland Central, Spain Central, Sweden Central, West Europe, "+
		"Central US, East US, East US 2, North Central US, South Central US, West Central US, West US, West US 2, West US 3")
	wantProblems(t, with("quota: [{model: gpt-4.1, sku: GlobalStandard, tpm: 0}]\n", "500k", "many"), `s.yaml:4:61: backends[0].tpm: "many" is not a plain number: write digits, and at most one point between digits`)
}

// A sum that no 63 bits hold is still more than the pool.
func TestQuotaDoesNotOverflow(t *testing.T) {
	const most = "9223372036854775807"
	wantProblems(t, with("quota: [{model: gpt-4.1, sku: GlobalStandard, tpm: 1}]\n", "tpm: 500k}", "tpm: "+most+"}\n"+
		"  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: "+most+"}\n  - {name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 3}"),
		`s.yaml:11:9: quota[0]: the GlobalStandard pool of gpt-4.1, subscription "default", has 1 TPM, but its deployments have `+
			most+": paygo "+most+", b "+most+", c 3")
}

// wantProblems holds a scenario against all that is told of it.
func wantProblems(t *testing.T, src, want string) {
	t.Helper()
	_, err := Load("s.yaml", []byte(src), nil, files)
	got := ""
	if problems := (yamlconf.Problems)(nil); errors.As(err, &problems) {
		got = problems.Error()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s\nin:\n%s", got, want, src)
	}
}
