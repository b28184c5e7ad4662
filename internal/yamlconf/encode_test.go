package yamlconf

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"foundrylab/internal/unit"
)

func TestEncodeIsCanonical(t *testing.T) {
	v, problems := decode[lab](t, string(readFile(t, "testdata/good.yaml")))
	if problems != "" {
		t.Fatal(problems)
	}
	text, err := Encode(&v)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/good.canonical.yaml", string(text))
	again, problems := decode[lab](t, string(text))
	if problems != "" || !reflect.DeepEqual(again, v) {
		t.Errorf("%s\ngot  %+v\nwant %+v", problems, again, v)
	}
	twice, err := Encode(again)
	if err != nil || string(twice) != string(text) {
		t.Errorf("%v: encoding again gives\n%s", err, twice)
	}
}

func TestEncodeOmitsWhatAbsenceMeans(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{limitation{Queue: 100, Timeout: 30e9}, "queue: 100\ntimeout: 30s\n"},
		{limitation{}, "queue: 0\ntimeout: 0s\n"}, // zero is not what absence means here
		{tree{}, "{}\n"},
		{tree{Kids: []tree{{}}}, "kids:\n  - {}\n"},
		{gateway{Listen: "", Backends: []string{"~", "1", "", "null", "a: b", "- c", "#d", "yes"}},
			"listen: \"\"\nbackends:\n  - \"~\"\n  - \"1\"\n  - \"\"\n  - \"null\"\n  - 'a: b'\n  - '- c'\n  - '#d'\n  - yes\n"},
		{lab{Regions: nil}, "version: 0\nname: \"\"\nseed: 0\ndate: \"\"\nmode: \"\"\nstrict: false\ntenants: []\nlimits:\n  queue: 0\n  timeout: 0s\nregions: []\n"},
	}
	for _, test := range tests {
		got, err := Encode(test.value)
		if err != nil || string(got) != test.want {
			t.Errorf("%+v: %v\ngot:\n%s\nwant:\n%s", test.value, err, got, test.want)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	circle := &tree{}
	circle.Kids = []tree{{}}
	circle.Kids[0].Kids = circle.Kids
	one := ptr(unit.Count(1))
	tests := []struct {
		value any
		want  string
	}{
		{struct {
			T []tenant `yaml:"tenants"`
		}{[]tenant{{Name: "a", Prompt: amount{Constant: one}, Arrivals: arrivals{Poisson: &poisson{}}}}},
			"tenants[0].arrivals.poisson.rate: rate {0 0} has no text"},
		{tenant{Prompt: amount{}}, "prompt: exactly one of constant, lognormal must be set, not 0 of them"},
		{tenant{Prompt: amount{Constant: one, Lognormal: &lognormal{}}}, "prompt: exactly one of constant, lognormal must be set, not 2 of them"},
		{lognormal{P50: -1}, "p50: count -1 is negative"},
		{gateway{Listen: "a\xff"}, `listen: "a\xff" is not valid UTF-8`},
		{struct {
			A []*int `yaml:"a"`
		}{[]*int{nil}}, "a[0]: is a nil pointer"},
		{circle, strings.Repeat("kids[0].", 49) + "kids[0]: is nested deeper than 100 levels"},
	}
	for _, test := range tests {
		if text, err := Encode(test.value); err == nil || err.Error() != test.want {
			t.Errorf("got %v\n%s\nwant %s", err, text, test.want)
		}
	}
}

// word is a Union whose bare scalar may look like one of its keys.
type word struct {
	Text  *string `yaml:"text" scalar:"true"`
	Plain *closed `yaml:"plain"`
}

func (word) OneOf() {}

func TestEncodeWritesOutAScalarThatLooksLikeAKey(t *testing.T) {
	type page struct {
		Words []word `yaml:"words"`
	}
	v := page{[]word{{Text: ptr("hello")}, {Text: ptr("plain")}, {Text: ptr("text")}, {Text: ptr("7")}}}
	text, err := Encode(v)
	if want := "words:\n  - hello\n  - text: plain\n  - text: text\n  - \"7\"\n"; err != nil || string(text) != want {
		t.Errorf("%v\ngot:\n%s\nwant:\n%s", err, text, want)
	}
	if again, problems := decode[page](t, string(text)); problems != "" || !reflect.DeepEqual(again, v) {
		t.Errorf("%s\n%+v", problems, again)
	}
}

// nasty are texts that YAML could take for something else or fold.
var nasty = []string{
	"a", "", " ", " a ", "~", "null", "true", "no", "1", "0x1", "1e3", ".5", "1_0", "<<", "=", "2024-10-21", "12:30",
	"a: b", "a #b", "#", "- a", "-", "?", ":", "[", "{a}", "&a", "*a", "!a", "|", ">", "%", "@", "`", "'", `"`, `\`,
	"a\nb", "\n", "a\n", "\n\n a", "a\tb", "\t", "a\r\nb", "\r", "\x00", "\x7f", "\u0085", "\u00a0", "\u2028", "\ufeffa", "é", "😀", "---", "...", "a\n---\nb",
	strings.Repeat("long words ", 40), strings.Repeat("x", 2000),
}

// random fills a config value with something Decode could have returned.
func random(r *rand.Rand, v reflect.Value, f field, depth int) {
	switch shapeOf(v.Type()) {
	case shapePointer:
		v.Set(reflect.New(v.Type().Elem()))
		random(r, v.Elem(), f, depth)
	case shapeStruct:
		for _, inner := range fieldsOf(v.Type()) {
			fv := v.Field(inner.index)
			if shapeOf(inner.typ) == shapePointer && (depth > 4 || r.IntN(2) == 0) {
				continue
			}
			random(r, fv, inner, depth+1)
		}
	case shapeUnion:
		fields := fieldsOf(v.Type())
		pick := fields[r.IntN(len(fields))]
		random(r, v.Field(pick.index), pick, depth+1)
	case shapeList:
		n := r.IntN(3)
		if f.required {
			n++
		}
		if depth > 4 || n == 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			random(r, v.Index(i), field{rules: f.rules}, depth+1)
		}
	case shapeText:
		randomText(r, v, f)
	case shapeString:
		v.SetString(nasty[r.IntN(len(nasty))])
		if f.rules.enum != nil {
			v.SetString(f.rules.enum[r.IntN(len(f.rules.enum))])
		} else if f.required {
			v.SetString(v.String() + "x")
		}
	case shapeBool:
		v.SetBool(r.IntN(2) == 0)
	case shapeUint:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	default:
		v.SetInt(r.Int64() >> (64 - v.Type().Bits()))
		if f.rules.bounded() {
			v.SetInt(1)
		}
	}
}

func randomText(r *rand.Rand, v reflect.Value, f field) {
	if v.Type() == reflect.TypeFor[unit.Rate]() {
		v.Set(reflect.ValueOf(unit.Rate{Num: 1 + r.Int64N(1e12), Per: 60e9}))
		return
	}
	v.SetInt(1 + r.Int64N(math.MaxInt64>>r.IntN(62)))
	if f.rules.min != "" && compare(v, f.rules.min) < 0 || f.rules.max != "" && compare(v, f.rules.max) > 0 {
		v.SetInt(1_000_000)
	}
}

// TestRoundTrip is the property of Encode: what it writes reads as the same
// value, and the schema accepts it.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	schema := compiled(t, lab{})
	for range 2000 {
		var v lab
		random(r, reflect.ValueOf(&v).Elem(), field{}, 0)
		v.Groups, v.Limits.Queue = nil, v.Limits.Queue%1_000_000
		for i := range v.Tenants {
			if l := v.Tenants[i].Prompt.Lognormal; l != nil {
				l.P99 = max(l.P50, l.P99)
			}
		}
		text, err := Encode(v)
		if err != nil {
			t.Fatalf("%v\n%+v", err, v)
		}
		again, problems := decode[lab](t, string(text))
		if problems != "" || !reflect.DeepEqual(again, v) {
			t.Fatalf("%s\n%s\ngot  %+v\nwant %+v", problems, text, again, v)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}
