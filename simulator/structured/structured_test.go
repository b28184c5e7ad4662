package structured

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"foundrylab/internal/rng"
)

func prose(dst []byte, key uint64, tokens int) []byte {
	for i := range tokens {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, []string{"plain", "words", "say", "little"}[(key+uint64(i))%4]...)
	}
	return dst
}

func source(key uint64) Source {
	dice := rng.New(key, rng.ContentText, 1).Stream()
	return Source{Dice: &dice, Prose: prose}
}

// judge compiles a schema with the validator that is not ours.
func judge(t *testing.T, src []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return s
}

func TestFiveThousandRandomSchemas(t *testing.T) {
	r := &inventor{Rand: rand.New(rand.NewSource(1))}
	failed, size := 0, 0
	for i := range 5000 {
		src := r.document(i%2 == 0)
		s, err := Compile(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		validator := judge(t, src)
		for key := range uint64(2) {
			out, ok := s.Append(nil, source(key+uint64(i)<<8))
			if !ok {
				if failed++; failed < 5 {
					t.Logf("nothing for %s", src)
				}
				continue
			}
			size += len(out)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
			if err != nil {
				t.Fatalf("%s\nfor %s: %v", out, src, err)
			}
			if err := validator.Validate(doc); err != nil {
				t.Fatalf("%s\nfor %s: %v", out, src, err)
			}
			if !s.Valid(out) {
				t.Fatalf("%s\nfor %s: our own check refuses it", out, src)
			}
		}
	}
	t.Logf("10,000 values, %d bytes on average, %d not found", size/10_000, failed)
	if failed > 0 {
		t.Errorf("%d of 10,000 were not found", failed)
	}
}

func TestSameDiceSameValue(t *testing.T) {
	src := (&inventor{Rand: rand.New(rand.NewSource(7))}).document(true)
	s, _ := Compile(src)
	a, _ := s.Append(nil, source(3))
	b, _ := s.Append(nil, source(3))
	c, _ := s.Append(nil, source(4))
	if !bytes.Equal(a, b) || bytes.Equal(a, c) {
		t.Errorf("%s, %s, %s", a, b, c)
	}
}

// What has no value, or none within the bounds, is said so, and soon.
func TestNoValue(t *testing.T) {
	for _, src := range []string{
		`false`, `{"type":"string","minLength":5,"maxLength":4}`, `{"enum":[]}`, `{"type":"integer","minimum":0.2,"maximum":0.8}`,
		`{"$defs":{"a":{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}},"$ref":"#/$defs/a"}`,
		`{"$ref":"#"}`, `{"allOf":[{"type":"string"},{"type":"number"}]}`, `{"type":"array","minItems":100000000}`,
		`{"type":"array","items":{"type":"array","items":{"type":"array","items":{"type":"string"},"minItems":900},"minItems":900},"minItems":900}`,
		`{"type":"object","minProperties":100000}`, `{"type":"string","minLength":2000000000}`,
		`{"type":"array","uniqueItems":true,"items":{"type":"boolean"},"minItems":3}`, `{"not":{}}`,
		`{"type":"number","minimum":5,"exclusiveMaximum":5}`,
	} {
		s, err := Compile([]byte(src))
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if out, ok := s.Append(nil, source(1)); ok {
			t.Errorf("%s: %s", src, out)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`{"type":"strin"}`, `#/type: "strin" is no type`},
		{`{"properties":{"a":{"type":3},"b":{"minLength":-1}}}`, "#/properties/b/minLength: must be a whole number from 0"},
		{`{"properties":{"a":{"type":3},"b":{"minLength":-1}}}`, "#/properties/a/type: 3 is no type"},
		{`{"$ref":"#/$defs/none"}`, `"#/$defs/none" names nothing`},
		{`{"$ref":"https://example.com/x"}`, "is not within this schema"},
		{`{"pattern":"(?=a)"}`, "#/pattern: this regular expression is not supported"},
		{`{"multipleOf":0}`, "#/multipleOf: must be above zero"},
		{`{"minimum":1e999999999}`, "number out of range"},
		{`{"anyOf":[]}`, "#/anyOf: must be a list of schemas"},
		{`{"type":`, "no valid JSON"},
		{`{} {}`, "followed by something else"},
		{strings.Repeat(`{"items":`, 200) + "{}" + strings.Repeat("}", 200), "nested too deeply"},
		{`[1]`, "a schema is an object or a boolean"},
		{`{"anyOf":[` + strings.Repeat("{},", maxNodes) + `{}]}`, "more than 20000 schemas"},
	} {
		_, err := Compile([]byte(c.src))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %s", c.src, err, c.want)
		}
	}
}

func TestStrict(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`, ""},
		{`{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"required":["a"],"additionalProperties":false,"$defs":{"x":{"anyOf":[{"type":"null"},{"type":"string"}]}}}`, ""},
		{`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, "In context=(), 'additionalProperties' is required to be supplied and to be false."},
		{`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false}`,
			"In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'b'."},
		{`{"type":"object","properties":{"a":{"type":"object"}},"required":["a"],"additionalProperties":false}`,
			"In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false."},
		{`{"type":"array","items":{"type":"string"}}`, `schema must be a JSON Schema of 'type: "object"', got 'type: "array"'.`},
		{`{"type":"object","properties":{"a":{"oneOf":[{"type":"string"}]}},"required":["a"],"additionalProperties":false}`,
			"In context=('properties', 'a'), 'oneOf' is not permitted."},
		{`{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}`, "In context=('properties', 'a'), schema must have a 'type' key."},
		{`{}`, `schema must be a JSON Schema of 'type: "object"', got 'type: "None"'.`},
	} {
		s, err := Compile([]byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Strict(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// Strict mode's depth limit.
func TestStrictLevels(t *testing.T) {
	src := `{"type":"string"}`
	for range 11 {
		src = `{"type":"object","properties":{"a":` + src + `},"required":["a"],"additionalProperties":false}`
	}
	s, _ := Compile([]byte(src))
	if got := s.Strict(); !strings.HasSuffix(got, "11 levels of nesting exceeds limit of 10.") {
		t.Error(got)
	}
}

func FuzzCompile(f *testing.F) {
	r := &inventor{Rand: rand.New(rand.NewSource(2))}
	for i := range 20 {
		f.Add(r.document(i%2 == 0))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := Compile(src)
		if err != nil {
			return
		}
		s.Strict()
		if out, ok := s.Append(nil, source(1)); ok && !s.Valid(out) {
			t.Errorf("%s is not valid for %s", out, src)
		}
	})
}
