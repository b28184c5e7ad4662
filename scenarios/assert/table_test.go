package assert

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/record"
)

func mustCompile(t testing.TB, src string) *Program {
	t.Helper()
	p, err := Compile(src, known)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return p
}

// TestTableIsComplete walks the table: an entry without help, or whose example
// cannot fail, is refused.
func TestTableIsComplete(t *testing.T) {
	if !slices.IsSortedFunc(All, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("the table is not sorted: %v", entryNames())
	}
	for _, e := range All {
		if e.Help == "" || strings.HasSuffix(e.Help, ".") {
			t.Errorf("%s: help %q", e.Name, e.Help)
		}
		if (e.Args == nil) != (e.Arg == "") {
			t.Errorf("%s: Arg and Args belong together", e.Name)
		}
		if !strings.Contains(e.Example, e.Name) {
			t.Errorf("%s: the example does not use it: %s", e.Name, e.Example)
		}
		p := mustCompile(t, e.Example)
		if a := p.Judge(healthy()); !a.Pass {
			t.Errorf("%s does not pass the healthy run: %s", e.Example, a.Value)
		}
		if a := p.Judge(broken()); a.Pass {
			t.Errorf("%s passes the broken run: %s", e.Example, a.Value)
		}
		shape, written := e.shape()
		if shape == nil {
			if e.kind == plain {
				t.Errorf("%s: a plain number needs a unit", e.Name)
			}
			continue
		}
		for f := range shape.Fields() {
			checkField(t, written, f)
		}
	}
}

func checkField(t *testing.T, path string, f reflect.StructField) {
	path += "." + f.Tag.Get("expr")
	if f.Tag.Get("expr") == "" || f.Tag.Get("help") == "" {
		t.Errorf("%s: a field needs a name and help", path)
	}
	unit := kind(f.Tag.Get("unit"))
	switch f.Type.Kind() {
	case reflect.Struct:
		for inner := range f.Type.Fields() {
			checkField(t, path, inner)
		}
		return
	case reflect.String:
		if unit != plain {
			t.Errorf("%s: a name has no unit", path)
		}
	case reflect.Int:
		if unit != counted {
			t.Errorf("%s: an int is a count, not %q", path, unit)
		}
	case reflect.Float64:
		if unit != millis && unit != percent && unit != index {
			t.Errorf("%s: unit %q", path, unit)
		}
	default:
		t.Errorf("%s: the language cannot compare a %s", path, f.Type)
	}
}

// TestFieldsAreTheReport fills a result with numbers that are all different
// and demands that the language shows, under the names of report.json, what
// report.json holds: all of it.
func TestFieldsAreTheReport(t *testing.T) {
	res := &record.Result{Tenants: make([]record.TenantResult, 1), Backends: make([]record.BackendResult, 1), Failover: make([]record.FailoverResult, 1)}
	next := int64(1_234_567)
	fill(reflect.ValueOf(res).Elem(), &next)
	raw, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(raw, &report); err != nil {
		t.Fatal(err)
	}
	first := func(list string) any { return report[list].([]any)[0] }
	for _, c := range []struct {
		entry string
		json  any
	}{
		{"backends", first("backends")},
		{"tenants", first("tenants")},
		{"failover", first("failover")},
		{"fairness", report["fairness"]},
		{"generator", report["generator"]},
		{"totals", report["totals"]},
	} {
		e, _ := lookup(c.entry)
		v := reflect.ValueOf(e.Value(res))
		switch v.Kind() {
		case reflect.Slice:
			v = v.Index(0)
		case reflect.Func:
			v = v.Call([]reflect.Value{reflect.ValueOf(res.Failover[0].Fault)})[0]
		}
		sameFields(t, c.entry, v, c.json.(map[string]any))
	}
	totals := report["totals"].(map[string]any)
	if got := goodputEntry.Value(res); got != totals["goodput_ratio"] {
		t.Errorf("goodput = %v, the report says %v", got, totals["goodput_ratio"])
	}
	if got := retryAmplificationEntry.Value(res); got != totals["retry_amplification"] {
		t.Errorf("retry_amplification = %v, the report says %v", got, totals["retry_amplification"])
	}
}

func fill(v reflect.Value, next *int64) {
	*next += 1_001
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Int64:
		v.SetInt(*next)
	case reflect.String:
		v.SetString(strings.Repeat("x", int(*next%97)+1))
	}
}

func sameFields(t *testing.T, path string, view reflect.Value, report map[string]any) {
	t.Helper()
	if view.NumField() != len(report) {
		t.Errorf("%s shows %d fields, the report has %d: %v", path, view.NumField(), len(report), report)
	}
	for i := range view.NumField() {
		name := view.Type().Field(i).Tag.Get("expr")
		var want any
		for _, suffix := range []string{"", "_ms", "_ratio", "_s"} {
			if v, ok := report[name+suffix]; ok {
				want = v
				if suffix == "_s" {
					want = v.(float64) * 1000
				}
			}
		}
		var got any = view.Field(i).Interface()
		switch v := got.(type) {
		case quantilesView:
			sameFields(t, path+"."+name, view.Field(i), want.(map[string]any))
			continue
		case int:
			got = float64(v)
		}
		if got != want {
			t.Errorf("%s.%s = %v, the report says %v", path, name, got, want)
		}
	}
}

func TestFunctionsFindTheNamedOne(t *testing.T) {
	for _, c := range []struct{ src, value string }{
		{`tenant("batch").weight == 1`, "1"},
		{`backend("paygo").attempts == 10`, "10"},
		{`failover("ptu-outage").backend == "ptu-swe"`, `"ptu-swe"`},
	} {
		if a := mustCompile(t, c.src).Judge(healthy()); !a.Pass || a.Value != c.value {
			t.Errorf("%s: %v %s", c.src, a.Pass, a.Value)
		}
		if a := mustCompile(t, c.src).Judge(&record.Result{}); a.Pass || !strings.HasPrefix(a.Value, "error: this run has no ") {
			t.Errorf("%s on a run without it: %v %s", c.src, a.Pass, a.Value)
		}
	}
}
