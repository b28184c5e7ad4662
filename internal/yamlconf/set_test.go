package yamlconf

import (
	"strings"
	"testing"
)

// flagLab is what the --set tests change.
const flagLab = `version: 1
name: n
seed: 3
gateway:
tenants:
  - name: chat
    prompt: 4000
    arrivals: &arrivals {poisson: {rate: 6/s}}
  - name: gpt-4.1.batch
    prompt: {lognormal: {p50: 1k, p99: 4k}}
    arrivals: *arrivals
  - {name: twin, arrivals: {closed: {}}}
  - {name: twin, arrivals: {closed: {}}}
`

// TestSet holds the canonical text after the flags against what must be in it.
func TestSet(t *testing.T) {
	set := func(flags ...string) []string { return append([]string{"gateway={backends: [east]}"}, flags...) }
	tests := []struct {
		name  string
		flags []string
		want  string
	}{
		{"replace a scalar", set("seed=7"), "seed: 7\n"},
		{"add a key", set("note=hello world"), "note: hello world\n"},
		{"quoted text", set(`note="a: b"`), "note: 'a: b'\n"},
		{"empty text", set(`date=""`), `date: ""` + "\n"},
		{"list by position", set("tenants[2].weight=9"), "- name: twin\n    weight: 9\n"},
		{"list by name", set("tenants[chat].weight=9"), "- name: chat\n    weight: 9\n"},
		{"name with dots", set("tenants[gpt-4.1.batch].weight=9"), "- name: gpt-4.1.batch\n    weight: 9\n"},
		{"last one wins", set("seed=7", "seed=8"), "seed: 8\n"},
		{"flow list", set("groups=[[chat, chat], [twin]]"), "groups:\n  - - chat\n    - chat\n  - - twin\n"},
		{"flow map", set("tenants[0].prompt={lognormal: {p50: 1, p99: 2}}"), "prompt:\n      lognormal:\n        p50: 1\n        p99: 2\n"},
		{"create maps on the way", set("tree.leaf=5", "limits.inner.depth=3"), "limits:\n  queue: 100\n  timeout: 30s\n  inner:\n    depth: 3\n"},
		{"fill an empty key", []string{"gateway.backends=[west]"}, "gateway:\n  listen: :8080\n  backends:\n    - west\n"},
		{"whole item", set("tenants[3]={name: late, arrivals: {closed: {users: 1}}}"), "name: late\n"},
		{"item of an item", set("groups=[[a], [chat]]", "groups[0][0]=twin"), "groups:\n  - - twin\n  - - chat\n"},
		{"key of a flag's own map", set("tree={kids: [{leaf: 1}]}", "tree.kids[0].leaf=2"), "tree:\n  kids:\n    - leaf: 2\n"},
		{"one use of an alias alone", set("tenants[0].arrivals.poisson.rate=1/h"), "rate: 1/h\n"},
		{"and the other stays", set("tenants[0].arrivals.poisson.rate=1/h"), "rate: 6/s\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := parse(t, flagLab)
			for _, flag := range test.flags {
				path, value, _ := strings.Cut(flag, "=")
				if err := doc.Set(path, value); err != nil {
					t.Fatal(err)
				}
			}
			var v lab
			if err := doc.Decode(&v); err != nil {
				t.Fatal(err)
			}
			text, err := Encode(v)
			if err != nil || !strings.Contains(string(text), test.want) {
				t.Errorf("%v, no %q in:\n%s", err, test.want, text)
			}
		})
	}
}

func TestSetProblems(t *testing.T) {
	tests := []struct{ flag, want string }{
		{"=1", "--set =1: the path is empty: name a key, such as seed=7"},
		{"a..b=1", "--set a..b=1: the path has an empty step"},
		{"a[=1", "--set a[=1: the path has [ without ]"},
		{"a[]=1", "--set a[]=1: the path has an empty step"},
		{"a[0]b=1", "--set a[0]b=1: the path needs a . after ]"},
		{"seed=[1", "--set seed=[1: seed: not valid YAML: did not find expected ',' or ']'"},
		{"note=a: b", "--set note=a: b: note: the value must be a scalar, or a list as [a, b], or a map as {a: b}; put quotes around text with a colon"},
		{"note=- b", "--set note=- b: note: the value must be a scalar, or a list as [a, b], or a map as {a: b}; put quotes around text with a colon"},
		{"tree={a: 1, a: 2}", `--set tree={a: 1, a: 2}: tree: duplicate key "a", first on line 1: remove one`},
		{"seed.x=1", "--set seed.x=1: seed: is a number, not a map: set it as a whole, such as {x: ...}"},
		{"seed[0]=1", "--set seed[0]=1: seed: is not a list"},
		{"[0]=1", "--set [0]=1: is not a list"},
		{"tenants.weight=1", "--set tenants.weight=1: tenants: is a list: name an item of it, such as [0] or [chat]"},
		{"tenants[4].weight=1", "--set tenants[4].weight=1: tenants: has no item 4: it has 4"},
		{"tenants[99999999999999999999]=1", "--set tenants[99999999999999999999]=1: tenants: has no item 99999999999999999999: it has 4"},
		{"tenants[chta].weight=1", `--set tenants[chta].weight=1: tenants: has no item named "chta", did you mean "chat"?`},
		{"tenants[twin].weight=1", `--set tenants[twin].weight=1: tenants: has two items named "twin": give the position instead`},
		{"tenants[chat].prompt.lognormal.p50=1",
			"--set tenants[chat].prompt.lognormal.p50=1: tenants[chat].prompt: is a number, not a map: set it as a whole, such as {lognormal: ...}"},
		{"tree.kids[0].leaf=1", "--set tree.kids[0].leaf=1: tree: has no list to take [0] of: set the whole list"},
		{"groups[0]=[a]", "--set groups[0]=[a]: groups: has no list to take [0] of: set the whole list"},
		{strings.Repeat("a.", 100) + "b=1", "--set " + strings.Repeat("a.", 30) + "...=1: the path is longer than 100 steps"},
	}
	for _, test := range tests {
		t.Run(clip(test.flag), func(t *testing.T) {
			doc := parse(t, strings.Replace(flagLab, "gateway:\n", "", 1))
			path, value, _ := strings.Cut(test.flag, "=")
			if err := doc.Set(path, value); err == nil || err.Error() != test.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, test.want)
			}
			var v lab
			if err := doc.Decode(&v); err != nil || v.Seed != 3 || len(v.Tenants) != 4 || v.Tree != nil || v.Groups != nil {
				t.Errorf("a refused flag changed the document: %v %+v", err, v)
			}
		})
	}
}

// TestDecodeNamesTheFlag checks that what a flag got wrong is not blamed on a
// line of the file, nor the other way round.
func TestDecodeNamesTheFlag(t *testing.T) {
	tests := []struct{ flag, want string }{
		{"seed=x", "--set seed=x: seed: expected a whole number, found a string"},
		{"sead=1", `--set sead=1: sead: unknown key, did you mean "seed"?`},
		{"seed=", "--set seed=: seed: has no value: give one, or remove the key"},
		{"tenants[1].prompt.lognormal.p99=10", "--set tenants[1].prompt.lognormal.p99=10: tenants[1].prompt.lognormal.p99: must not be below p50 (1k), found 10"},
		{"tree={kids: [{leaf: x}]}", "--set tree={kids: [{leaf: x}]}: tree.kids[0].leaf: expected a whole number, found a string"},
		{"gateway.listen=x", "--set gateway.listen=x: gateway.backends: is required"},
		{"groups=[[caht]]", `--set groups=[[caht]]: groups[0][0]: no tenant is named "caht", did you mean "chat"?`},
		{"tenants[0].arrivals.closed={}", "lab.yaml:7:15: tenants[0].arrivals: has the keys poisson, closed: keep exactly one"},
		{"note=" + strings.Repeat("é", 80), ""},
	}
	for _, test := range tests {
		t.Run(clip(test.flag), func(t *testing.T) {
			doc := parse(t, strings.Replace(flagLab, "gateway:\n", "", 1))
			path, value, _ := strings.Cut(test.flag, "=")
			if err := doc.Set(path, value); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := doc.Decode(new(lab)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
	doc := parse(t, "queue: many\ntimeout: 5")
	for _, flag := range []string{"timeout=6", "inner.depth=x"} {
		path, value, _ := strings.Cut(flag, "=")
		if err := doc.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	want := `lab.yaml:1:8: queue: "many" is not a plain number: write digits, and at most one point between digits` + "\n" +
		"--set inner.depth=x: inner.depth: expected a whole number, found a string\n" +
		`--set timeout=6: timeout: "6" has no unit: add one, such as 6s or 6ms`
	if err := doc.Decode(new(limitation)); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}
