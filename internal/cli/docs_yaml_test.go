package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"foundrylab/gateway"
	"foundrylab/scenarios"
	"foundrylab/simulator"
)

// docsReaders read the YAML blocks that are no scenario, by their marks.
var docsReaders = map[string]func(name string, src []byte) error{
	"gateway":   func(name string, src []byte) error { _, err := gateway.ReadFile(name, src); return err },
	"resources": func(name string, src []byte) error { _, err := simulator.ReadResources(name, src); return err },
}

// TestDocsScenarios loads every YAML block: a whole scenario as it is, a part of
// one in place of that part of ptu-outage.
func TestDocsScenarios(t *testing.T) {
	base, read, ok := scenarios.Shipped("ptu-outage")
	if !ok {
		t.Fatal("ptu-outage is not shipped")
	}
	loaded := 0
	for _, p := range docsPages(t) {
		for _, f := range p.fences() {
			if f.lang != "yaml" || f.mark == "not a scenario" {
				continue
			}
			name := fmt.Sprintf("%s:%d", p.name, f.line)
			if read := docsReaders[f.mark]; read != nil {
				if err := read(name, []byte(f.body)); err != nil {
					t.Error(err)
				}
				continue
			}
			src := f.body
			if !strings.HasPrefix(src, "version:") {
				src = withSections(string(base), src)
			}
			if _, err := scenarios.Load(name, []byte(src), nil, read); err != nil {
				t.Errorf("%v\nin\n%s", err, src)
			}
			loaded++
		}
	}
	if loaded < 5 {
		t.Errorf("only %d YAML blocks", loaded)
	}
}

// withSections replaces the top-level keys of a YAML text by those of another.
func withSections(base, part string) string {
	keys, texts := sections(part)
	baseKeys, baseTexts := sections(base)
	for i, key := range baseKeys {
		if !slices.Contains(keys, key) {
			texts = append(texts, baseTexts[i])
		}
	}
	return strings.Join(texts, "")
}

func sections(text string) (keys, texts []string) {
	for line := range strings.Lines(text) {
		if key, _, ok := strings.Cut(line, ":"); ok && unicode.IsLetter(rune(line[0])) {
			keys, texts = append(keys, key), append(texts, "")
		}
		if len(texts) > 0 {
			texts[len(texts)-1] += line
		}
	}
	return keys, texts
}
