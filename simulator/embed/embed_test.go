package embed

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"testing"
)

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func vector(text string) []float32 { return Vector(text, 1536, 1536) }

func TestNearAndFar(t *testing.T) {
	base := "How do I reset the password of my account?"
	for _, c := range []struct {
		text        string
		least, most float64
	}{
		{"how do i reset the password of my account", 0.999, 1.001},
		{"How can I reset my account password?", 0.6, 0.95},
		{"How do I reset the passwords of my accounts?", 0.7, 0.99},
		{"Tomorrow it will rain in Lisbon.", -0.1, 0.15},
		{"", -0.2, 0.2},
	} {
		if got := cosine(vector(base), vector(c.text)); got < c.least || got > c.most {
			t.Errorf("%q: %.3f, want %v to %v", c.text, got, c.least, c.most)
		}
	}
}

func TestUnitLength(t *testing.T) {
	for _, text := range []string{"", "a", "日本語のテキスト", "\xff\xfe", "one two three"} {
		for _, wanted := range []int{1, 2, 256, 1536} {
			v := Vector(text, 1536, wanted)
			if len(v) != wanted || math.Abs(math.Sqrt(cosine(v, v))-1) > 1e-6 {
				t.Errorf("%q: %d places, length %v", text, len(v), math.Sqrt(cosine(v, v)))
			}
		}
	}
}

// A shortened vector is the beginning of the long one, made of length 1.
func TestShortened(t *testing.T) {
	long, short := vector("the quick brown fox"), Vector("the quick brown fox", 1536, 512)
	scale := float64(0)
	for _, v := range long[:512] {
		scale += float64(v) * float64(v)
	}
	for i := range short {
		if math.Abs(float64(long[i])/math.Sqrt(scale)-float64(short[i])) > 1e-6 {
			t.Fatalf("place %d: %v and %v", i, long[i], short[i])
		}
	}
}

// The bits are part of the determinism contract.
func TestSameBits(t *testing.T) {
	h := fnv.New64a()
	for _, v := range vector("The same text has the same bits on every machine.") {
		binary.Write(h, binary.LittleEndian, v)
	}
	if got := h.Sum64(); got != 0x6aa1f986a65d8a49 {
		t.Errorf("%#x", got)
	}
}

func TestForms(t *testing.T) {
	v := Vector("two forms", 1536, 64)
	var floats []float32
	if err := json.Unmarshal(AppendFloats(nil, v), &floats); err != nil {
		t.Fatal(err)
	}
	var text string
	json.Unmarshal(AppendBase64(nil, v), &text)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 4*64 {
		t.Fatal(err, len(raw))
	}
	for i := range v {
		if floats[i] != v[i] || math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) != v[i] {
			t.Errorf("place %d: %v, %v", i, v[i], floats[i])
		}
	}
}

func BenchmarkVector(b *testing.B) {
	text := ""
	for len(text) < 1024 {
		text += "the quick brown fox jumps over the lazy dog and "
	}
	for b.Loop() {
		Vector(text, 1536, 1536)
	}
}
