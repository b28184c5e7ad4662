package structured

import (
	"fmt"
	"regexp"
)

// shapes say what a string of a format looks like (draft 2020-12, section 7.3), well enough to tell it from other
// strings; a format that is not here admits anything. Never mutated.
var shapes = [...]struct {
	format string
	re     *regexp.Regexp
}{
	{"date-time", regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)},
	{"date", regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)},
	{"time", regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)},
	{"duration", regexp.MustCompile(`^P[0-9YMWDTHS]+$`)},
	{"email", regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)},
	{"idn-email", regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)},
	{"hostname", regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)},
	{"ipv4", regexp.MustCompile(`^\d{1,3}(\.\d{1,3}){3}$`)},
	{"ipv6", regexp.MustCompile(`^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$`)},
	{"uuid", regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)},
	{"uri", regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\s]*$`)},
	{"iri", regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:[^\s]*$`)},
	{"json-pointer", regexp.MustCompile(`^(/([^~/]|~[01])*)*$`)},
	{"relative-json-pointer", regexp.MustCompile(`^(0|[1-9]\d*)(#|(/([^~/]|~[01])*)*)$`)},
}

// hasFormat reports whether a string looks like one of a format.
func hasFormat(format, s string) bool {
	for i := range shapes {
		if shapes[i].format == format {
			return shapes[i].re.MatchString(s)
		}
	}
	return true
}

// formatted makes a string of a format, or "" where the format is not known.
func (c *choice) formatted(format string) string {
	date := fmt.Sprintf("20%02d-%02d-%02d", 20+c.below(10), 1+c.below(12), 1+c.below(28))
	clock := fmt.Sprintf("%02d:%02d:%02dZ", c.below(24), c.below(60), c.below(60))
	host := []string{"example.com", "example.org", "example.net"}[c.below(3)]
	hex := func(digits int) string {
		return fmt.Sprintf("%016x%016x", c.from.Dice.Next(), c.from.Dice.Next())[:digits]
	}
	switch format {
	case "date-time":
		return date + "T" + clock
	case "date":
		return date
	case "time":
		return clock
	case "duration":
		return fmt.Sprintf("P%dDT%dH", 1+c.below(9), 1+c.below(23))
	case "email", "idn-email":
		return "user" + hex(4) + "@" + host
	case "hostname", "idn-hostname":
		return "h" + hex(4) + "." + host
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", 1+c.below(254))
	case "ipv6":
		return fmt.Sprintf("2001:db8::%x", 1+c.below(1<<16-1))
	case "uuid":
		h := hex(32)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	case "uri", "iri":
		return "https://" + host + "/" + hex(6)
	case "uri-reference", "iri-reference", "uri-template":
		return "/" + hex(6)
	case "json-pointer":
		return "/" + hex(4) + "/0"
	case "relative-json-pointer":
		return fmt.Sprintf("%d/%s", c.below(3), hex(4))
	case "regex":
		return "^[a-z]+$"
	}
	return ""
}
