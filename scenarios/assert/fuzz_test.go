package assert

import (
	"strings"
	"testing"
)

// FuzzCompile: no source makes Compile or Judge panic, errors keep their form,
// and judging twice says the same.
func FuzzCompile(f *testing.F) {
	for i := range All {
		f.Add(All[i].Example)
	}
	for _, i := range idioms {
		f.Add(i.source)
	}
	for _, s := range []string{
		`goodput > 1m30s5%`, `not one(tenants, .goodput < 95 %)`, `"\u{1F600}" == 'x' or 1 in [1]`, `let x = {a: 1}; x?.a ?? nil`,
		`all(tenants, {#.weight % 2 == 0})`, "goodput /* 5s */ > // 99%\n 5", `1 < goodput < 2 < 3`, `tenants[-1].name[0] == 1`, `sum(map(tenants, .name)) == 1`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Compile(src, known)
		if err != nil {
			checkErrorForm(t, src, err.Error())
			return
		}
		a := p.Judge(silent())
		if b := p.Judge(silent()); a != b {
			t.Fatalf("%q: %+v, then %+v", src, a, b)
		}
		if a = p.Judge(healthy()); a.Value == "" || strings.ContainsAny(a.Value, "\n\r") {
			t.Fatalf("%q: value %q", src, a.Value)
		}
	})
}
