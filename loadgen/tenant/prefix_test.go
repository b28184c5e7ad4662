package tenant

import (
	"math"
	"strings"
	"testing"
)

func TestPrefixVariants(t *testing.T) {
	c := &Config{Name: "a", Client: "none", Prompt: constant(300), Prefix: &Prefix{Tokens: 1024, Variants: 4}}
	shared, other := c.Shared(1), (&Config{Name: "b", Prefix: c.Prefix}).Shared(1)
	if shared.Tokens != 1024 {
		t.Errorf("%d tokens", shared.Tokens)
	}
	seen, foreign := map[uint64]int{}, map[uint64]bool{}
	for key := range uint64(40_000) {
		seen[shared.Name(key)]++
		foreign[other.Name(key)] = true
		if again := c.Shared(1); shared.Name(key) != again.Name(key) {
			t.Fatal("the prefix of a request changes")
		}
	}
	if len(seen) != 4 {
		t.Errorf("variants %v", seen)
	}
	for name, n := range seen {
		if name&0xffffffff_00000000 != KeyBase("a") || math.Abs(float64(n)-10_000) > 500 || foreign[name] {
			t.Errorf("prefix %x: %d times", name, n)
		}
	}
	none := (&Config{Name: "a"}).Shared(1)
	if none.Name(1) != 0 || none.Tokens != 0 {
		t.Error("a tenant without prefix has one")
	}
	// A prompt has room for its prefix, and the estimate knows of both parts.
	s := world
	s.Estimate = func(prompt, prefix int32) int32 { return 1000*prefix + prompt }
	if w := Compile(c, 1, s).Wish(1, -1, -1); w.Prompt != 1024+20 || w.Cost != 1024*1000+1044 {
		t.Errorf("%+v", w)
	}
}

func TestPrefixIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"{name: a, users: 1, prefix: {tokens: 2k}}":                                        "",
		"{name: a, users: 1, prefix: {tokens: 31}}":                                        " prefix.tokens: must be from 32 to 1000000",
		"{name: a, users: 1, prefix: {tokens: 2M}}":                                        " prefix.tokens: must be from 32 to 1000000",
		"{name: a, users: 1, prompt: 2k, prefix: {tokens: 2k}}":                            " prefix.tokens: must be less than the prompt that it is part of (2000)",
		"{name: a, users: 1, prompt: 2001, prefix: {tokens: 2k, variants: 1000000}}":       "",
		"{name: a, users: 1, prompt: {constant: 2001}, prefix: {tokens: 2k, variants: 0}}": " prefix.variants: must be at least 1, found 0",
	} {
		_, err := decode(t, text)
		if got := ""; err != nil {
			if got = err.Error(); want == "" || !strings.HasSuffix(got, want) {
				t.Errorf("%s: %s", text, got)
			}
		} else if want != "" {
			t.Errorf("%s: no mistake, want %s", text, want)
		}
	}
}
