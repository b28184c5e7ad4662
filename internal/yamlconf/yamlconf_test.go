package yamlconf

import (
	"strings"
	"testing"
)

func TestParseProblems(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"unclosed bracket", "a: 1\nb: [1, 2\nc: 3\n", "lab.yaml:3: not valid YAML: did not find expected ',' or ']' on this line or just above"},
		{"bad indent far down", strings.Repeat("a:\n  b: 1\n", 50) + "c:\n   d: 1\n  e: 2\nf: 3\ng: 4\n",
			"lab.yaml:103: not valid YAML: did not find expected key on this line or just above"},
		{"bad indent below a long line", "a: " + strings.Repeat("x", 5000) + "\nc:\n   d: 1\n  e: 2\nf: 3\n",
			"lab.yaml:4: not valid YAML: did not find expected key on this line or just above"},
		{"unclosed quote", "a: 1\nb: 'x\nc: 3\n", "lab.yaml:2: not valid YAML: found unexpected end of stream"},
		{"control character", "a: 1\nb: \x01\nc: 3\n", "lab.yaml:2: not valid YAML: control characters are not allowed"},
		{"not UTF-8", "a: 1\nb: \xff\nc: 3\n", "lab.yaml:2: not valid YAML: invalid leading UTF-8 octet"},
		{"syntax on line 1", "a: b: c\n", "lab.yaml:1: not valid YAML: mapping values are not allowed in this context"},
		{"tab", "a:\n\tb: 1\n", "lab.yaml:2: not valid YAML: found character that cannot start any token (indent with spaces, not tabs)"},
		{"unknown anchor", "a: 1\nb: *base\n", "lab.yaml:2: not valid YAML: unknown anchor 'base' referenced"},
		{"two documents", "a: 1\n---\nb: 1\n",
			"lab.yaml:2:1: a second YAML document starts here: keep one per file, and remove the --- between them"},
		{"broken second document", "a: 1\n---\nb: [\n", "lab.yaml:3: not valid YAML: did not find expected node content on this line or just above"},
		{"duplicate keys", "a: 1\nb: {c: 1, c: 2, c: 3}\na: 2\n",
			"lab.yaml:2:11: duplicate key \"c\", first on line 2: remove one\n" +
				"lab.yaml:2:17: duplicate key \"c\", first on line 2: remove one\n" +
				"lab.yaml:3:1: duplicate key \"a\", first on line 1: remove one"},
		{"merge key", "base: &b {x: 1}\nuse:\n  <<: *b\n  y: 2\n",
			"lab.yaml:3:3: merge keys (<<) are not supported: write the fields out"},
		{"key that is a list", "? [a]\n: 1\n", "lab.yaml:1:3: a key must be text, not a list"},
		{"foreign tag", "a: !env HOME\nb: !!binary aGk=\n",
			"lab.yaml:1:4: the tag !env is not supported: remove it\nlab.yaml:2:4: the tag !!binary is not supported: remove it"},
		{"anchor inside itself", "a: &x\n  - *x\n", "lab.yaml:2:5: the anchor &x contains itself"},
		{"depth", strings.Repeat("[", 101) + strings.Repeat("]", 101), "lab.yaml:1:101: is nested deeper than 100 levels"},
		{"depth of the library", strings.Repeat("[", 20_000), "lab.yaml:1: not valid YAML: exceeded max depth of 10000"},
		{"depth through an alias", "a: &a " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\nb: " +
			strings.Repeat("[", 60) + "*a" + strings.Repeat("]", 60), "lab.yaml:2:64: is nested deeper than 100 levels"},
		{"laughs", billionLaughs(), "lab.yaml:5:43: aliases expand to more than 100000 nodes: write the values out"},
		{"size", strings.Repeat("#", maxBytes+1), "lab.yaml:1: is larger than 4194304 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc, err := Parse("lab.yaml", []byte(test.src))
			if doc != nil || err == nil || err.Error() != test.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, test.want)
			}
		})
	}
}

// billionLaughs expands ten times more on each line.
func billionLaughs() string {
	b := strings.Builder{}
	b.WriteString("- &a0 [x" + strings.Repeat(", x", 9) + "]\n")
	for i := range 9 {
		ref := "*a" + string(rune('0'+i))
		b.WriteString("- &a" + string(rune('1'+i)) + " [" + ref + strings.Repeat(", "+ref, 9) + "]\n")
	}
	return b.String()
}

func TestParseAcceptsTheBounds(t *testing.T) {
	for name, src := range map[string]string{
		"depth":           strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"size":            strings.Repeat("#", maxBytes),
		"quoted <<":       `"<<": 1`,
		"aliases":         "a: &a [1, 2]\nb: [*a, *a]\n",
		"core tags":       "a: !!str 5\nb: !!int 5\nc: ! x\n",
		"explicit one":    "---\na: 1\n...\n",
		"byte order mark": "\ufeffa: 1\n",
	} {
		if _, err := Parse("lab.yaml", []byte(src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProblemString(t *testing.T) {
	tests := []struct {
		problem Problem
		want    string
	}{
		{Problem{"f.yaml", 3, 5, "a.b", "is bad"}, "f.yaml:3:5: a.b: is bad"},
		{Problem{"f.yaml", 3, 0, "a.b", "is bad"}, "f.yaml:3: a.b: is bad"},
		{Problem{"f.yaml", 3, 5, "", "is bad"}, "f.yaml:3:5: is bad"},
		{Problem{"--set a=x\ny", 0, 0, "a", "is\tbad"}, "--set a=x y: a: is bad"},
		{Problem{"--set a.b=1", 0, 0, "a.b", "is bad"}, "--set a.b=1: a.b: is bad"},
	}
	for _, test := range tests {
		if got := test.problem.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
