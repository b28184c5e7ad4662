package yamlconf

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzDecode checks that no bytes and no flag make us panic, that a refusal
// names a line or a flag, and that what is accepted survives a round trip and
// is accepted by the schema.
func FuzzDecode(f *testing.F) {
	for _, file := range []string{"testdata/good.yaml", "testdata/mistakes.yaml", "testdata/good.canonical.yaml"} {
		f.Add(string(readFile(f, file)), "tenants[chat].weight", "3")
	}
	f.Add(flagLab, "tree.leaf", "{a: 1}")
	f.Add(billionLaughs(), "[0][1]", "[a, *b]")
	f.Add("a: &a [*a]\n<<: *a\n? {b: c}\n: !x d\n--- e\n", "a[0].b", "'")
	f.Add("version: 1\nname: n\ntenants: [{name: a, arrivals: {closed: {}}}]\n", "note", "a\nb")
	schema := compiled(f, lab{})
	f.Fuzz(func(t *testing.T, src, path, value string) {
		doc, err := Parse("lab.yaml", []byte(src))
		if err != nil {
			checkProblems(t, err)
			return
		}
		if err := doc.Set(path, value); err != nil {
			checkProblems(t, err)
		}
		var v lab
		if err := doc.Decode(&v); err != nil {
			checkProblems(t, err)
			return
		}
		text, err := Encode(v)
		if err != nil {
			t.Fatalf("Encode: %v\n%+v", err, v)
		}
		again, problems := decode[lab](t, string(text))
		if problems != "" || !reflect.DeepEqual(again, v) {
			t.Fatalf("%s\n%s\ngot  %+v\nwant %+v", problems, text, again, v)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	problems, ok := err.(Problems)
	if !ok || len(problems) == 0 {
		t.Fatalf("error %T %v", err, err)
	}
	for _, p := range problems {
		if p.Msg == "" || (p.Line == 0) != strings.HasPrefix(p.File, "--set ") || strings.Contains(p.String(), "\n") {
			t.Fatalf("problem %q", p.String())
		}
	}
}
