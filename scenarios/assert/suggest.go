package assert

import (
	"strings"

	"foundrylab/internal/yamlconf"
)

// suggest returns what to add to "there is no X": the nearest of the known
// names if one is near, and all of them.
func suggest(name string, known []string, what string) string {
	if len(known) == 0 {
		return ""
	}
	text := "; " + what + ": " + strings.Join(known, ", ")
	if best, ok := yamlconf.Nearest(name, known); ok {
		text = ", did you mean " + best + "?" + strings.Replace(text, ";", "", 1)
	}
	return text
}
