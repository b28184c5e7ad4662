package tenancy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"foundrylab/internal/unit"
)

func capped(max int64, action string) *Cap { return &Cap{Max: unit.Count(max), Action: action} }

func TestEnforce(t *testing.T) {
	clamp := Rules{MaxTokens: capped(100, "clamp"), N: capped(2, "clamp"), BestOf: capped(3, "reject"), Tools: "deny"}
	reject := Rules{MaxTokens: capped(100, "reject")}
	for _, c := range []struct {
		rules            *Rules
		body, want, rule string // rule: broken
	}{
		{&clamp, `{}`, `{}`, ""},
		{&clamp, `{"max_tokens":100}`, `{"max_tokens":100}`, ""},
		{&clamp, `{"max_tokens":101}`, `{"max_tokens":100}`, ""},
		{&clamp, ` { "max_completion_tokens" : 16000 , "x":[1] } `, ` { "max_completion_tokens" : 100 , "x":[1] } `, ""},
		{&clamp, `{"max_output_tokens":9223372036854775808,"n":3}`, `{"max_output_tokens":100,"n":2}`, ""},
		{&clamp, `{"max_tokens":5,"max_tokens":500}`, `{"max_tokens":5,"max_tokens":100}`, ""},
		{&clamp, `{"max_\u0074okens":500}`, `{"max_\u0074okens":100}`, ""},
		{&clamp, `{"é":{"max_tokens":500},"max_tokens":null}`, `{"é":{"max_tokens":500},"max_tokens":null}`, ""},
		{&clamp, `{"max_tokens":-7}`, `{"max_tokens":-7}`, ""},
		{&clamp, `{"max_tokens":-0,"n":0}`, `{"max_tokens":-0,"n":0}`, ""},
		{&clamp, `{"max_tokens":1e9}`, "", RuleMaxTokens},
		{&clamp, `{"max_tokens":7.5}`, "", RuleMaxTokens},
		{&clamp, `{"max_tokens":"7"}`, "", RuleMaxTokens},
		{&clamp, `{"max_tokens":[7]}`, "", RuleMaxTokens},
		{&clamp, `{"n":true}`, "", RuleN},
		{&clamp, `{"best_of":4}`, "", RuleBestOf},
		{&clamp, `{"best_of":3,"tools":[ ],"functions":null}`, `{"best_of":3,"tools":[ ],"functions":null}`, ""},
		{&clamp, `{"tools":[{}]}`, "", RuleTools},
		{&clamp, `{"functions":[{}]}`, "", RuleTools},
		{&clamp, `{"tools":"all"}`, "", RuleTools},
		{&reject, `{"max_tokens":100,"n":99,"tools":[1]}`, `{"max_tokens":100,"n":99,"tools":[1]}`, ""},
		{&reject, `{"max_completion_tokens":101}`, "", RuleMaxTokens},
		{&reject, ``, "", RuleJSON},
		{&reject, `null`, "", RuleJSON},
		{&reject, `[{"max_tokens":101}]`, "", RuleJSON},
		{&reject, `{"max_tokens":1`, "", RuleJSON},
		{&reject, `{"max_tokens":1} {"max_tokens":101}`, "", RuleJSON},
		{&reject, `{"max_tokens":01}`, "", RuleJSON},
		{&reject, `{"a":1,}`, "", RuleJSON},
		{&reject, "\xef\xbb\xbf{}", "", RuleJSON},
	} {
		in := []byte(c.body)
		got, broken := c.rules.Enforce(new(Reader), in)
		switch {
		case string(in) != c.body:
			t.Errorf("%s: the client's own bytes became %s", c.body, in)
		case broken != nil && (got != nil || broken.Rule != c.rule || !strings.HasSuffix(broken.Message, ".")):
			t.Errorf("%s: broken %+v with body %s, want %q", c.body, broken, got, c.rule)
		case broken == nil && (c.rule != "" || string(got) != c.want):
			t.Errorf("%s became %s, want %s (or breaks %q)", c.body, got, c.want, c.rule)
		case broken == nil && c.want == c.body && len(in) > 0 && &got[0] != &in[0]:
			t.Errorf("%s: copied although nothing changes", c.body)
		}
	}
}

func TestReads(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		want  bool
	}{
		{Rules{Tools: "allow", BodySize: 5, Headers: []string{"x"}}, false},
		{Rules{Tools: "deny"}, true},
		{Rules{MaxTokens: capped(1, "clamp")}, true},
		{Rules{N: capped(1, "clamp")}, true},
		{Rules{BestOf: capped(1, "clamp")}, true},
	} {
		if got := c.rules.Reads(); got != c.want {
			t.Errorf("%+v: %v", c.rules, got)
		}
	}
}

// FuzzEnforce compares with a reading of the body into maps: what comes out is JSON, keeps to the bounds, and is equal
// but for the numbers that were above them.
func FuzzEnforce(f *testing.F) {
	for _, seed := range []string{`{"max_tokens":500,"n":3,"best_of":9}`, `{"n":1e3}`, `{"x":{"n":9},"n":9,"n":1}`, `{"max_\u0074okens":500}`, `{"a":"\ud800"}`, `{"n":-9}`, `[]`, `{"tools":[1]}`} {
		f.Add([]byte(seed), int64(100))
	}
	f.Fuzz(func(t *testing.T, body []byte, most int64) {
		if most < 1 {
			return
		}
		rules := Rules{MaxTokens: capped(most, "clamp"), N: capped(most, "clamp"), BestOf: capped(most, "clamp")}
		out, broken := rules.Enforce(new(Reader), bytes.Clone(body))
		if broken != nil {
			return
		}
		before, okBefore := asMap(body)
		after, okAfter := asMap(out)
		if !okBefore || !okAfter || len(before) != len(after) {
			t.Fatalf("%q became %q", body, out)
		}
		for name, was := range before {
			bound, _ := rules.cap(name)
			is := after[name]
			if bound == nil || was == nil {
				if !same(was, is) {
					t.Fatalf("%q became %q: %s changed", body, out, name)
				}
				continue
			}
			n, err := strconv.ParseInt(string(is.(json.Number)), 10, 64)
			if err != nil && !strings.HasPrefix(string(is.(json.Number)), "-") || n > most {
				t.Fatalf("%q became %q: %s is above %d", body, out, name, most)
			}
			if n != most && !same(was, is) {
				t.Fatalf("%q became %q: %s changed although it is within %d", body, out, name, most)
			}
		}
		again, broken := rules.Enforce(new(Reader), out)
		if broken != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, and that %q (%+v)", body, out, again, broken)
		}
	})
}

func asMap(body []byte) (m map[string]any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return m, dec.Decode(&m) == nil
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// A body that keeps to the rules costs no memory; one that is clamped costs its copy.
func TestEnforceAllocations(t *testing.T) {
	rules, in := Rules{MaxTokens: capped(100, "clamp"), N: capped(1, "reject"), Tools: "deny"}, new(Reader)
	for body, want := range map[string]float64{`{"model":"a","messages":[{"content":"x"}],"max_tokens":99,"n":1}`: 0, `{"model":"a","max_tokens":101}`: 1} {
		bytes := []byte(body)
		if n := testing.AllocsPerRun(100, func() { rules.Enforce(in, bytes) }); n != want {
			t.Errorf("%s: %v allocations, want %v", body, n, want)
		}
	}
}

func BenchmarkEnforce(b *testing.B) {
	body := []byte(`{"model":"gpt-4.1","messages":[{"role":"user","content":"` + strings.Repeat("All the world is a stage. ", 40) + `"}],"max_tokens":16000}`)
	rules := Rules{MaxTokens: capped(4000, "clamp")}
	b.ReportAllocs()
	in := new(Reader)
	for b.Loop() {
		rules.Enforce(in, body)
	}
}
