package assert

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/assertions.md")

const page = "../../docs/assertions.md"

func TestReferenceIsUpToDate(t *testing.T) {
	if *update {
		if err := os.WriteFile(page, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != Reference() {
		t.Errorf("%s is not what the code says: run go test ./scenarios/assert -update and read the difference", page)
	}
}

// TestReferenceNamesEverything: each entry, field and function is on the page.
func TestReferenceNamesEverything(t *testing.T) {
	text := Reference()
	var want []string
	for _, e := range All {
		want = append(want, "| `"+e.Example+"` |", e.Help)
		if shape, _ := e.shape(); shape != nil {
			for _, f := range fieldNames(shape) {
				want = append(want, "| `"+f)
			}
		}
	}
	for _, name := range functions() {
		want = append(want, "`"+name+"(")
	}
	want = append(want, operators...)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the reference lacks %s", w)
		}
	}
}

func TestIdiomsCompile(t *testing.T) {
	for _, i := range idioms {
		if a := mustCompile(t, i.source).Judge(healthy()); !a.Pass {
			t.Errorf("%s: %s", i.source, a.Value)
		}
	}
}
