package otlp

import "strings"

// Own is what a Prometheus metric of this program's own is called in OpenTelemetry, and its unit: with dotted in place of
// the prefix, and no unit and no total in the name. is is false where the family has another prefix.
func Own(family, prefix, dotted string) (name, unit string, is bool) {
	rest, is := strings.CutPrefix(family, prefix)
	if !is {
		return "", "", false
	}
	rest = strings.TrimSuffix(rest, "_total")
	for suffix, u := range map[string]string{"_seconds": "s", "_ratio": "1"} {
		if strings.HasSuffix(rest, suffix) {
			rest, unit = strings.TrimSuffix(rest, suffix), u
		}
	}
	return dotted + rest, unit, true
}
