// Package filter is what a content filter finds: markers stand for what a model would have judged, and a marker that
// occurs in a prompt or an answer is a finding of its category and severity. It owns the categories, the format of
// markers and what is stopped; it refuses to know where an answer is cut and how a verdict is written. Exact.
package filter

import (
	"cmp"
	"slices"
	"strings"
)

// Category is what a text may be guilty of, in the order in which the service lists them.
type Category uint8

// The categories of the service's default filter.
const (
	Hate          Category = iota
	Jailbreak              // of prompts
	ProtectedCode          // of answers
	ProtectedText          // of answers
	SelfHarm
	Sexual
	Violence
	Categories // how many there are
)

var categoryNames = [Categories]string{"hate", "jailbreak", "protected_material_code", "protected_material_text", "self_harm", "sexual", "violence"}

// String returns the category's name on the wire.
func (c Category) String() string { return categoryNames[c] }

// Detected reports whether the category is found or not, and has no severity.
func (c Category) Detected() bool { return c >= Jailbreak && c <= ProtectedText }

// InPrompt and InAnswer report whether prompts and answers are judged by it.
func (c Category) InPrompt() bool { return c != ProtectedCode && c != ProtectedText }

// InAnswer is as InPrompt.
func (c Category) InAnswer() bool { return c != Jailbreak }

func categoryNamed(name string) (Category, bool) {
	for c := range Categories {
		if categoryNames[c] == name {
			return c, true
		}
	}
	return 0, false
}

// Severity is how bad it is.
type Severity uint8

// The severities.
const (
	Safe Severity = iota
	Low
	Medium
	High
)

var severityNames = [...]string{"safe", "low", "medium", "high"}

// String returns the severity's name on the wire.
func (s Severity) String() string { return severityNames[s] }

func severityNamed(name string) (Severity, bool) {
	for i, n := range severityNames {
		if n == name && i > 0 {
			return Severity(i), true
		}
	}
	return Safe, false
}

// Verdict is what was found in a text, by category; one without severity is High where it was found. The zero Verdict is
// of a text that is safe.
type Verdict struct {
	Found [Categories]Severity
	Least Severity // from which on a category is stopped; Safe counts as Medium, the service's default
}

// Stops reports whether a category is.
func (v *Verdict) Stops(c Category) bool {
	least := v.Least
	if least == Safe {
		least = Medium
	}
	return v.Found[c] >= least
}

// Stopped reports whether the text is, for any of its categories.
func (v *Verdict) Stopped() bool {
	for c := range Categories {
		if v.Stops(c) {
			return true
		}
	}
	return false
}

// Safe reports whether nothing was found.
func (v *Verdict) Safe() bool { return v.Found == [Categories]Severity{} }

// Config is the content filter of a deployment.
type Config struct {
	Stops   string   `yaml:"stops" default:"medium" enum:"low|medium|high" doc:"the lowest severity that stops a text; what is below is only reported"`
	Markers []Marker `yaml:"markers" doc:"texts that are taken for something bad"`
}

// Marker is a text that stands for a finding.
type Marker struct {
	Text     string `yaml:"text" required:"true" doc:"the text, in any case"`
	Category string `yaml:"category" required:"true" enum:"hate|jailbreak|protected_material_code|protected_material_text|self_harm|sexual|violence" doc:"what it is found to be; jailbreak is of prompts alone, protected material of answers alone"`
	Severity string `yaml:"severity" default:"high" enum:"low|medium|high" doc:"how bad it is; jailbreak and protected material have no severity, and always stop"`
	In       string `yaml:"in" default:"both" enum:"prompt|answer|both" doc:"where it is looked for"`
}

// Filled returns the configuration with what is absent in it as in like, which has one marker.
func (c *Config) Filled(like *Config) *Config {
	filled := &Config{Stops: cmp.Or(c.Stops, like.Stops), Markers: slices.Clone(c.Markers)}
	for i := range filled.Markers {
		m := &filled.Markers[i]
		m.Severity, m.In = cmp.Or(m.Severity, like.Markers[0].Severity), cmp.Or(m.In, like.Markers[0].In)
	}
	return filled
}

// Validate implements yamlconf.Validator.
func (m Marker) Validate(fail func(path, format string, args ...any)) {
	c, known := categoryNamed(m.Category)
	switch {
	case strings.TrimSpace(m.Text) == "":
		fail("text", "is empty: it would be found everywhere")
	case known && !c.InPrompt() && m.In == "prompt":
		fail("in", "%s is found in answers alone", c)
	case known && !c.InAnswer() && m.In == "answer":
		fail("in", "%s is found in prompts alone", c)
	}
}
