package yamlconf

import (
	"strings"
	"testing"
)

// plan is what the tests of rules for the whole document read.
type plan struct {
	Length int    `yaml:"length" required:"true" min:"1"`
	Tool   string `yaml:"tool"`
	Parts  []part `yaml:"parts"`
	Inner  struct {
		Depth int    `yaml:"depth" default:"3"`
		Note  string `yaml:"note"`
	} `yaml:"inner"`
}

type part struct {
	Name string `yaml:"name" required:"true"`
	Size int    `yaml:"size"`
}

// Validate is a rule of a struct inside, which is no reason to doubt its parts.
func (p part) Validate(fail func(path, format string, args ...any)) {
	if p.Size > 9 {
		fail("", "is too large")
	}
}

func TestDecodeAllTellsWhatWasRead(t *testing.T) {
	const good = "length: 5\nparts:\n  - name: a\n"
	tests := []struct {
		name, src      string
		read, misread  []string // paths
		rule, problems string   // a path at which the judge fails, and what comes of all
	}{
		{name: "everything is right", src: good,
			read: []string{"length", "tool", "parts", "parts[0]", "parts[0].name", "parts[0].size", "inner", "inner.depth"},
			rule: "parts[0].name", problems: "lab.yaml:3:11: parts[0].name: broken"},
		{name: "a value that cannot be read", src: "length: many\ntool: saw\nparts: [{name: a}]\n",
			read: []string{"tool", "parts", "parts[0].name"}, misread: []string{"length"},
			rule: "tool", problems: "lab.yaml:1:9: length: expected a whole number, found a string\nlab.yaml:2:7: tool: broken"},
		{name: "a failure at a place that was not read is dropped", src: "length: 0\n",
			misread: []string{"length"}, rule: "length", problems: "lab.yaml:1:9: length: must be at least 1, found 0"},
		{name: "a required key is absent", src: "tool: saw\n",
			read: []string{"tool", "parts"}, misread: []string{"length"},
			rule: "length", problems: "lab.yaml:1:1: length: is required"},
		{name: "an ancestor that cannot be read", src: "length: 5\nparts: saw\n",
			read: []string{"length"}, misread: []string{"parts", "parts[0]", "parts[0].name"},
			rule: "parts[0].name", problems: "lab.yaml:2:8: parts: expected a list, found a string"},
		{name: "an item that cannot be read", src: "length: 5\nparts: [{name: a}, 7, {name: c}]\n",
			read: []string{"parts", "parts[0].name", "parts[2].name"}, misread: []string{"parts[1]", "parts[1].name"},
			rule: "parts[2]", problems: "lab.yaml:2:20: parts[1]: expected a map, found a number (known keys: name, size)\nlab.yaml:2:23: parts[2]: broken"},
		{name: "the absent key that a misspelt one stands for", src: good + "toool: saw\n",
			read: []string{"length", "parts", "inner.note"}, misread: []string{"tool"},
			rule: "tool", problems: `lab.yaml:4:1: toool: unknown key, did you mean "tool"?`},
		{name: "the key that a misspelt one resembles is there", src: good + "tool: saw\ntoool: saw\n",
			read: []string{"tool"}, rule: "length",
			problems: "lab.yaml:1:9: length: broken\n" + `lab.yaml:5:1: toool: unknown key, did you mean "tool"?`},
		{name: "an unknown key may stand for any absent one", src: good + "hammer: saw\ninner: {note: x}\n",
			read: []string{"length", "parts", "parts[0].size", "inner.depth"}, misread: []string{"tool"},
			rule: "inner.depth", problems: "lab.yaml:4:1: hammer: unknown key (known keys: length, tool, parts, inner)\nlab.yaml:5:8: inner.depth: broken"},
		{name: "and does so only in its own map", src: good + "inner: {hammer: 3}\n",
			read: []string{"tool", "parts[0].size"}, misread: []string{"inner.depth", "inner.note"},
			rule: "inner.note", problems: "lab.yaml:4:9: inner.hammer: unknown key (known keys: depth, note)"},
		{name: "a broken rule inside", src: "length: 5\nparts: [{name: a, size: 10}]\n",
			read: []string{"parts[0]", "parts[0].name", "parts[0].size"},
			rule: "parts[0].size", problems: "lab.yaml:2:9: parts[0]: is too large\nlab.yaml:2:25: parts[0].size: broken"},
		{name: "several at once, in the order of the file", src: "parts: [{name: a}]\nlength: many\n",
			misread: []string{"length"}, rule: "parts[0].name",
			problems: "lab.yaml:1:16: parts[0].name: broken\nlab.yaml:2:9: length: expected a whole number, found a string"},
		{name: "a path beyond the document", src: "length: 5\n",
			rule: "parts[3].name", problems: "lab.yaml:1:1: parts[3].name: broken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := parse(t, test.src).DecodeAll(new(plan), func(_ any, read func(string) bool, fail Fail) {
				for _, path := range test.read {
					if !read(path) {
						t.Errorf("%s counts as not read", path)
					}
				}
				for _, path := range test.misread {
					if read(path) {
						t.Errorf("%s counts as read", path)
					}
				}
				fail(test.rule, "broken")
			})
			if err == nil || err.Error() != test.problems {
				t.Errorf("got:\n%v\nwant:\n%s", err, test.problems)
			}
		})
	}
}

func TestDecodeAllHandsOverWhatItReads(t *testing.T) {
	var dst plan
	err := parse(t, "length: 5\nparts: [{name: a, size: x}, {name: b}]\n").DecodeAll(&dst, func(got any, _ func(string) bool, _ Fail) {
		p := got.(*plan)
		if p.Length != 5 || p.Inner.Depth != 3 || len(p.Parts) != 2 || p.Parts[0].Name != "a" || p.Parts[1].Name != "b" {
			t.Errorf("%+v", p)
		}
	})
	if err == nil || dst.Length != 0 {
		t.Errorf("a document with a mistake was kept: %v, %+v", err, dst)
	}
	err = parse(t, "length: 5\n").DecodeAll(&dst, func(got any, _ func(string) bool, _ Fail) { got.(*plan).Tool = "saw" })
	if err != nil || dst.Length != 5 || dst.Tool != "saw" {
		t.Errorf("what the rules derive is lost: %v, %+v", err, dst)
	}
}

func TestDecodeAllLeavesAloneWhatIsNoMap(t *testing.T) {
	err := parse(t, "[1]").DecodeAll(new(plan), func(any, func(string) bool, Fail) { t.Error("the rules were asked") })
	if want := "lab.yaml:1:1: expected a map, found a list"; err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestDecodeAllBlamesTheFlag(t *testing.T) {
	doc := parse(t, "length: 5\n")
	if err := doc.Set("tool", "saw"); err != nil {
		t.Fatal(err)
	}
	err := doc.DecodeAll(new(plan), func(_ any, _ func(string) bool, fail Fail) { fail("tool", "broken") })
	if want := "--set tool=saw: tool: broken"; err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestMerge(t *testing.T) {
	merged := Merge(Problems{{File: "--set b=1", Msg: "x"}, {File: "--set a=1", Msg: "x"}},
		Problems{{File: "f", Line: 9, Msg: "x"}}, nil, Problems{{File: "f", Line: 2, Msg: "x"}})
	var order []string
	for _, p := range merged {
		order = append(order, p.String())
	}
	if got, want := strings.Join(order, "|"), "f:2: x|f:9: x|--set a=1: x|--set b=1: x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(Merge()) != 0 {
		t.Error("problems out of nothing")
	}
}
