package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schema compiles what foundrylab schema prints, which includes holding it
// against the schema of schemas.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, diagnostics, code := call("schema")
	if code != exitPass {
		t.Fatal(diagnostics)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// instance reads YAML as an editor's language server does.
func instance(t *testing.T, src []byte) any {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaAcceptsTheLibrary(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("../../scenarios/library/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance(t, src)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		explained, _, code := call("explain", file)
		if code != exitPass {
			t.Fatal(file, code)
		}
		if err := s.Validate(instance(t, []byte(explained))); err != nil {
			t.Errorf("%s, explained: %v", file, err)
		}
	}
}

// TestSchemaRefuses what the command line refuses, as far as a schema can tell.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	src, err := os.ReadFile("../../scenarios/library/ptu-outage.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct{ from, to string }{
		{"version: 1", "version: 2"},
		{"seed: 42", "seed: -1"},
		{"seed: 42", "sede: 42"},
		{"duration: 15m", "duration: 15"},
		{"duration: 15m", ""},
		{"sku: GlobalProvisionedManaged", "sku: GlobalProvisioned"},
		{"{poisson: {rate: 6/s}}", "{poisson: {rate: -6/s}}"},
		{"{poisson: {rate: 6/s}}", "{poisson: {rate: 6/s}, constant: {rate: 6/s}}"},
		{"{poisson: {rate: 6/s}}", "{poison: {rate: 6/s}}"},
		{"prompt: 3000", "prompt: many"},
		{"stream: false", "stream: no thanks"},
		{"client: openai-go", "client: curl"},
	} {
		changed := bytes.Replace(src, []byte(change.from), []byte(change.to), 1)
		what := fmt.Sprintf("%q for %q", change.to, change.from)
		if bytes.Equal(changed, src) {
			t.Fatalf("nothing to change: %s", what)
		}
		if s.Validate(instance(t, changed)) == nil {
			t.Errorf("the schema takes %s", what)
		}
		file := filepath.Join(t.TempDir(), "s.yaml")
		if err := os.WriteFile(file, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, code := call("lint", file); code != exitUsage {
			t.Errorf("lint of %s: exit code %d", what, code)
		}
	}
}
