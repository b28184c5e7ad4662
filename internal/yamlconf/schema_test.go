package yamlconf

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"foundrylab/internal/unit"
)

func compiled(t testing.TB, v any) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(v, "test")))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:///schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("mem:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON turns YAML into what an editor holds against a schema, by the YAML
// library's own reading.
func asJSON(t testing.TB, src []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaGolden(t *testing.T) {
	schema := Schema(lab{}, "Lab")
	golden(t, "testdata/lab.schema.json", string(schema))
	for range 10 {
		if !bytes.Equal(Schema(&lab{}, "Lab"), schema) {
			t.Fatal("the bytes differ from call to call")
		}
	}
}

func TestSchemaAcceptsGoodDocuments(t *testing.T) {
	schema := compiled(t, lab{})
	for _, file := range []string{"testdata/good.yaml", "testdata/good.canonical.yaml"} {
		if err := schema.Validate(asJSON(t, readFile(t, file))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSchemaAgreesWithDecode judges one document at a time both ways.
func TestSchemaAgreesWithDecode(t *testing.T) {
	const head = "version: 1\nname: n\ntenants: [{name: a, arrivals: {closed: {}}}]\n"
	const tail = "version: 1\nname: n\ntenants: [{name: a, "
	tests := []struct {
		src  string
		good bool
	}{
		{head, true},
		{"{}", false},
		{"version: 1\nname: n\ntenants: []\n", false},
		{"version: 1\nname: ''\ntenants: [{name: a, arrivals: {closed: {}}}]\n", false},
		{"version: 2\nname: n\ntenants: [{name: a, arrivals: {closed: {}}}]\n", false},
		{head + "nam: x", false},
		{head + "seed: -1", false},
		{head + "seed: 1.5", false},
		{head + "seed: '1'", false},
		{head + "note: 5", false},
		{head + "note:", false},
		{head + "warmup: true", true},
		{head + "warmup: yes", false},
		{head + "mode: live", true},
		{head + "mode: Live", false},
		{head + "regions: [east, west]", true},
		{head + "regions: [south]", false},
		{head + "regions: east", false},
		{head + "gateway: {}", false},
		{head + "gateway: {backends: [a]}", true},
		{head + "limits: {}", true},
		{head + "limits: {queue: 4000}", true},
		{head + "limits: {queue: 4k}", true},
		{head + "limits: {queue: 4.5}", false},
		{head + "limits: {queue: -4}", false},
		{head + "limits: {queue: 4 k}", false},
		{head + "limits: {timeout: 30}", false},
		{head + "limits: {timeout: 1m30s}", true},
		{head + "limits: {inner: {depth: 2147483648}}", false},
		{head + "tree: {kids: [{kids: [{leaf: 1}]}]}", true},
		{head + "tree: {kids: [{kids: [{leaves: 1}]}]}", false},
		{tail + "arrivals: {poisson: {rate: 6/s}}}]", true},
		{tail + "arrivals: {poisson: {rate: 6}}}]", false},
		{tail + "arrivals: {poisson: {rate: 6/d}}}]", false},
		{tail + "arrivals: {poisson: {}}}]", false},
		{tail + "arrivals: {}}]", false},
		{tail + "arrivals: closed}]", false},
		{tail + "arrivals: {closed: {}, spike: []}}]", false},
		{tail + "arrivals: {spike: [1]}, share: 0.5}]", true},
		{tail + "arrivals: {spike: [1]}, share: 50%}]", true},
		{tail + "arrivals: {spike: [1]}, share: 1.5}]", false},
		{tail + "arrivals: {spike: [1]}, prompt: 4000}]", true},
		{tail + "arrivals: {spike: [1]}, prompt: 4k}]", true},
		{tail + "arrivals: {spike: [1]}, prompt: 0}]", false},
		{tail + "arrivals: {spike: [1]}, prompt: {constant: 4k}}]", true},
		{tail + "arrivals: {spike: [1]}, prompt: {lognormal: 4k}}]", false},
		{tail + "arrivals: {spike: [1]}, prompt: [4k]}]", false},
		{tail + "arrivals: {spike: [1]}, weight: 0}]", false},
		{tail + "arrivals: {spike: [1]}, weight: 101}]", false},
	}
	schema := compiled(t, lab{})
	for _, test := range tests {
		_, problems := decode[lab](t, test.src)
		refused := schema.Validate(asJSON(t, []byte(test.src)))
		if (problems == "") != test.good || (refused == nil) != test.good {
			t.Errorf("%s\nwant good %t\nDecode: %s\nschema: %v", test.src, test.good, problems, refused)
		}
	}
}

// TestSchemaOfOtherTypes covers what lab does not have.
func TestSchemaOfOtherTypes(t *testing.T) {
	type nested struct {
		Inner poisson `yaml:"inner"`
	}
	type odd struct {
		Deep    nested         `yaml:"deep"` // needed: rate inside is required
		Address netip.Addr     `yaml:"address" default:"127.0.0.1"`
		Unit    unit.Count     `yaml:"unit" enum:"1k|2k"`
		Bytes   uint16         `yaml:"bytes" default:"7"`
		Prompt  amount         `yaml:"prompt" default:"{lognormal: {p50: 1, p99: 2k}}"`
		Ratio   unit.Ratio     `yaml:"ratio" default:"0.5" min:"0.1" max:"90%"`
		Flag    *bool          `yaml:"flag" default:"true"`
		List    *[]unit.Count  `yaml:"list" default:"[1, 2k]"`
		Named   []*[]closed    `yaml:"named"`
		Wait    *unit.Duration `yaml:"wait" max:"1h"`
	}
	schema := string(Schema(odd{}, "<odd & rare>"))
	golden(t, "testdata/odd.schema.json", schema)
	if compiled(t, odd{}).Validate(asJSON(t, []byte("{deep: {inner: {rate: 1/s}}, unit: 2k}"))) != nil {
		t.Error("refused a good document")
	}
	if compiled(t, odd{}).Validate(asJSON(t, []byte("{}"))) == nil {
		t.Error("took a document without deep")
	}
	v, problems := decode[odd](t, "deep: {inner: {rate: 1/s}}")
	if problems != "" || v.Address != netip.MustParseAddr("127.0.0.1") || !*v.Flag ||
		!reflect.DeepEqual(v.List, &[]unit.Count{1, 2000}) || v.Prompt.Lognormal.P99 != 2000 || v.Ratio != 500_000 {
		t.Errorf("%s %+v", problems, v)
	}
	if _, problems := decode[odd](t, "deep: {inner: {rate: 1/s}}\nunit: 3k"); problems != `lab.yaml:2:7: unit: "3k" is not one of 1k, 2k, did you mean "1k"?` {
		t.Errorf("got %s", problems)
	}
	if _, problems := decode[odd](t, "note: 1"); !strings.Contains(problems, "lab.yaml:1:1: deep.inner.rate: is required") {
		t.Errorf("got %s", problems)
	}
}

// TestSchemaNamesAreUnique uses two packages whose types have the same name.
func TestSchemaNamesAreUnique(t *testing.T) {
	type poisson struct {
		Other int `yaml:"other"`
	}
	type both struct {
		A poisson  `yaml:"a"`
		B arrivals `yaml:"b"`
		C []both   `yaml:"c"`
	}
	text := string(Schema(both{}, ""))
	for _, want := range []string{`"yamlconf.poisson": {`, `"yamlconf.poisson_2": {`, `"$ref": "#/$defs/yamlconf.poisson_2"`, `"$ref": "#/$defs/yamlconf.both"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	compiled(t, both{})
}
