package structured

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// text makes a string: of a pattern or format where there is one, else what its name suggests, else plain words.
func (c *choice) text() (value, bool) {
	least, most := 0, -1
	var re *pattern
	format := ""
	for _, n := range c.parts {
		least = max(least, n.minLength)
		if n.maxLength >= 0 && (most < 0 || n.maxLength < most) {
			most = n.maxLength
		}
		if n.pattern != nil {
			re = n.pattern
		}
		if n.format != "" {
			format = n.format
		}
	}
	if least > maxText || most >= 0 && least > most {
		return value{}, false
	}
	s := ""
	switch {
	case re != nil:
		return c.patterned(re, least, most)
	case format != "":
		s = c.formatted(format)
	}
	if s == "" {
		s = c.suggested()
	}
	if s == "" || length(s) < least {
		s = c.words(least)
	}
	if format == "" && most >= 0 {
		s = cut(s, most)
	}
	return value{kind: text, str: s}, true
}

// patterned makes a string of a pattern whose length fits; repeats are drawn longer from try to try.
func (c *choice) patterned(re *pattern, least, most int) (value, bool) {
	for spread := range tries {
		s := c.matching(re, spread)
		if within(length(s), least, most) && !slices.ContainsFunc(c.parts, func(n *node) bool { return !n.admitsText(s) }) {
			return value{kind: text, str: s}, true
		}
	}
	return value{}, false
}

// words makes plain words of at least so many characters.
func (c *choice) words(least int) string {
	var b []byte
	for n := 1 + c.below(4); ; n *= 2 {
		b = c.from.Prose(b[:0], c.from.Dice.Next(), n)
		if length(string(b)) >= least {
			return string(b)
		}
	}
}

// cut shortens a string to so many characters, without a space at its end.
func cut(s string, most int) string {
	for length(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	if trimmed := strings.TrimRight(s, " "); trimmed != "" && length(trimmed) == length(s) {
		return trimmed
	}
	return s
}

// suggestions are what strings say whose name tells what they are about. Never mutated.
var suggestions = [...]struct{ names, values []string }{
	{[]string{"city", "location", "place", "destination", "origin", "town"}, []string{"Paris", "Lagos", "Osaka", "Lima", "Oslo", "Toronto"}},
	{[]string{"country"}, []string{"France", "Nigeria", "Japan", "Peru", "Norway", "Canada"}},
	{[]string{"name", "full_name", "fullname", "author", "customer"}, []string{"Ada Marsh", "Jon Okoye", "Mei Tanaka", "Rosa Quispe"}},
	{[]string{"email", "mail", "email_address"}, []string{"ada@example.com", "jon@example.org", "mei@example.net"}},
	{[]string{"url", "link", "website", "uri"}, []string{"https://example.com/a", "https://example.org/b"}},
	{[]string{"date", "day", "start_date", "end_date"}, []string{"2026-01-15", "2026-06-30", "2026-11-02"}},
	{[]string{"time", "timestamp", "created_at", "updated_at"}, []string{"2026-01-15T09:30:00Z", "2026-06-30T17:05:00Z"}},
	{[]string{"currency"}, []string{"EUR", "USD", "JPY"}},
	{[]string{"language", "lang", "locale"}, []string{"en", "fr", "ja"}},
	{[]string{"phone", "phone_number"}, []string{"+33 1 23 45 67 89", "+1 416 555 0142"}},
	{[]string{"id", "user_id", "order_id", "customer_id"}, []string{"A-1042", "B-2219", "C-7730"}},
	{[]string{"color", "colour"}, []string{"blue", "green", "amber"}},
}

// suggested returns what the string's name suggests, or "".
func (c *choice) suggested() string {
	name := strings.ToLower(c.name)
	for _, s := range suggestions {
		if slices.Contains(s.names, name) {
			return s.values[c.below(len(s.values))]
		}
	}
	return ""
}
