package compare_test

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/reports/compare"
	"foundrylab/reports/render"
	"foundrylab/reports/reporttest"
)

func encode(t *testing.T, r *record.Result) []byte {
	t.Helper()
	b, err := render.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Any result that Load accepts comes back from its JSON as it was.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewSource(7))
	results := []*record.Result{reporttest.Result(1000), reporttest.Void(10000), reporttest.Hostile(5000, "\"\\\x00<\u2028|é")}
	for range 300 {
		r := new(record.Result)
		fill(rnd, reflect.ValueOf(r).Elem(), rnd.Intn(5))
		r.SchemaVersion, r.Verdict = record.SchemaVersion, "pass"
		tl := &r.Timeline
		tl.Windows, tl.WindowMs, tl.JainEvery = len(tl.Jain), 1+rnd.Int63n(10_000), rnd.Int63n(10_000)
		results = append(results, r)
	}
	for i, want := range results {
		got, err := compare.Load(encode(t, want))
		if err != nil {
			t.Fatalf("result %d: %v", i, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("result %d came back as\n%+v\nwas\n%+v", i, got, want)
		}
	}
}

// fill gives every field a random value in range; slices are n long.
func fill(rnd *rand.Rand, v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rnd, v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(rnd, v.Index(i), n)
		}
	case reflect.String:
		v.SetString([]string{"", "a", "<é>\"\\", "漢"}[rnd.Intn(4)])
	case reflect.Bool:
		v.SetBool(rnd.Intn(2) == 0)
	case reflect.Uint64:
		v.SetUint(rnd.Uint64())
	default:
		least := int64(0)
		switch v.Interface().(type) {
		case record.Millis, record.Ratio:
			least = record.Null
		}
		v.SetInt(max(rnd.Int63n(compare.MaxValue)>>rnd.Intn(50)-1, least))
	}
}

func TestLoadRefuses(t *testing.T) {
	good := string(encode(t, reporttest.Result(10000)))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the fixture has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "not a report.json: line 1: unexpected end of JSON input"},
		{"other file", "a: b", "not a report.json: line 1: invalid character 'a' looking for beginning of value"},
		{"other JSON", `{"x": 1}`, "not a report.json: schema_version is missing"},
		{"array", `[1]`, "not a report.json: line 1: json: cannot unmarshal array"},
		{"cut", good[:len(good)/2], "unexpected end of JSON input"},
		{"trailing", good + "{}", "invalid character '{' after top-level value"},
		{"newer", replace(`"schema_version": 1`, `"schema_version": 2`), "schema_version is 2, this program reads 1: use the newer program that wrote it"},
		{"older", replace(`"schema_version": 1`, `"schema_version": 0`), "schema_version is 0, this program reads 1: run the scenario again to get a new report"},
		{"verdict", replace(`"verdict": "fail"`, `"verdict": "maybe"`), `damaged report.json: verdict is "maybe", want pass, fail or void`},
		{"type", replace(`"seed": 42`, `"seed": "x"`), "damaged report.json: line 5: json: cannot unmarshal string"},
		{"negative count", replace(`"dropped": 0`, `"dropped": -1`), "generator.dropped is out of range"},
		{"negative time", replace(`"lag_p50_ms": 0`, `"lag_p50_ms": -2`), "generator.lag_p50_ms is out of range"},
		{"too large", replace(`"weight": 3`, `"weight": 1125899906842625`), "tenants[0].weight is out of range"},
		{"short column", replace(`"offered": [`, `"offered": [1,`), "timeline.tenants[0]: a column has 91 elements, want none or 90"},
		{"short backend", replace(`"opened": [`, `"opened": [1,`), "timeline.backends[0]: a column has 91 elements, want none or 90"},
		{"satisfaction", replace(`"satisfaction": [`, `"satisfaction": [1,`), "timeline.tenants[0].satisfaction has 91 elements, want none or 90, as jain"},
		{"windows", replace(`"windows": 90`, `"windows": 1000001`), "timeline.windows is 1000001, want at most 1000000"},
		{"no window", replace(`"window_ms": 10000`, `"window_ms": 0`), "timeline.window_ms is 0"},
		{"endless window", replace(`"window_ms": 10000`, `"window_ms": 1125899907`), "timeline: a window is too long"},
	} {
		r, err := compare.Load([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) || r != nil {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := compare.Load([]byte(replace(`"seed": 42`, `"seed": 42, "future": {"x": [1]}`))); err != nil {
		t.Errorf("an unknown field: %v", err)
	}
}

// What Load accepts can be written, loaded, compared and drawn.
func FuzzLoad(f *testing.F) {
	for _, r := range []*record.Result{reporttest.Result(10000), reporttest.Void(10000), {SchemaVersion: 1, Verdict: "void"}} {
		b, err := render.JSON(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"schema_version":1,"verdict":"pass","timeline":{"windows":3,"window_ms":1,"tenants":[{}],"backends":[{"opened":[1,2,3]}],"faults":[{}],"jain":[1],"jain_window_ms":0}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := compare.Load(in)
		if err != nil {
			return
		}
		out := encode(t, r)
		again, err := compare.Load(out)
		if err != nil {
			t.Fatalf("its own JSON is refused: %v", err)
		}
		if string(encode(t, again)) != string(out) {
			t.Error("a second writing differs")
		}
		if r.Timeline.Windows > 10_000 {
			return // drawable, but slow to try
		}
		for _, format := range render.All {
			if _, err := format.Render(r); err != nil {
				t.Errorf("%s: %v", format.Name, err)
			}
		}
		c := compare.Compare(r, again, 0)
		if c.Regressions() > 0 && unique(r) {
			t.Error("a run regresses against itself")
		}
		c.Markdown()
		c.Text(render.TextOptions{})
	})
}

// unique tells whether no two tenants or faults share a name.
func unique(r *record.Result) bool {
	for i := range r.Tenants {
		for j := range i {
			if r.Tenants[i].Name == r.Tenants[j].Name {
				return false
			}
		}
	}
	for i := range r.Failover {
		for j := range i {
			if r.Failover[i].Fault == r.Failover[j].Fault {
				return false
			}
		}
	}
	return true
}
