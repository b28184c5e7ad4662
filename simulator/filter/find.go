package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Filter is a content filter at work. Immutable; safe for concurrent use. A nil Filter finds nothing.
type Filter struct {
	least           Severity
	prompt, answers []marker
}

type marker struct {
	text     string // lower case
	category Category
	severity Severity
}

// New returns the filter of a valid configuration; nil: there is nothing to find.
func New(cfg *Config) *Filter {
	if cfg == nil || len(cfg.Markers) == 0 {
		return nil
	}
	f := new(Filter)
	f.least, _ = severityNamed(cfg.Stops)
	for _, m := range cfg.Markers {
		one := marker{text: strings.ToLower(m.Text), severity: High}
		one.category, _ = categoryNamed(m.Category)
		if s, ok := severityNamed(m.Severity); ok && !one.category.Detected() {
			one.severity = s
		}
		if m.In != "answer" && one.category.InPrompt() {
			f.prompt = append(f.prompt, one)
		}
		if m.In != "prompt" && one.category.InAnswer() {
			f.answers = append(f.answers, one)
		}
	}
	return f
}

// Prompt adds what is found in a text of a prompt to a verdict.
func (f *Filter) Prompt(text string, v *Verdict) {
	if f == nil {
		return
	}
	v.Least = f.least
	text = strings.ToLower(text)
	for _, m := range f.prompt {
		if m.severity > v.Found[m.category] && strings.Contains(text, m.text) {
			v.Found[m.category] = m.severity
		}
	}
}

// ReadsAnswers reports whether there is anything to be found in answers.
func (f *Filter) ReadsAnswers() bool { return f != nil && len(f.answers) > 0 }

// Answer judges an answer up to the first finding that stops it, at a byte, or all of it; then that is negative. first is
// where the first finding is, if there is one.
func (f *Filter) Answer(text string) (v Verdict, first, stop int) {
	first, stop = -1, -1
	if !f.ReadsAnswers() {
		return v, first, stop
	}
	v.Least = f.least
	low := lower(text)
	places := make([]int, len(f.answers))
	for i, m := range f.answers {
		at := strings.Index(low, m.text)
		places[i] = at
		if at >= 0 && (first < 0 || at < first) {
			first = at
		}
		alone := Verdict{Least: f.least}
		alone.Found[m.category] = m.severity
		if at >= 0 && alone.Stopped() && (stop < 0 || at < stop) {
			stop = at
		}
	}
	for i, m := range f.answers {
		if places[i] >= 0 && (stop < 0 || places[i] <= stop) {
			v.Found[m.category] = max(v.Found[m.category], m.severity)
		}
	}
	return v, first, stop
}

// lower is ToLower where that leaves every byte in its place, else the text as it is but for ASCII.
func lower(text string) string {
	if low := strings.ToLower(text); len(low) == len(text) && utf8.ValidString(text) {
		return low
	}
	low := []byte(text)
	for i, c := range low {
		if c >= 'A' && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return string(low)
}

// Wish is what a single request wants to be found, whatever it says.
type Wish struct{ Prompt, Answer Verdict }

// ParseWish reads a list such as "violence=high, answer:sexual=medium, jailbreak": what is found in the prompt, and behind
// answer: in the answer.
func ParseWish(text string) (w Wish, err error) {
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		rest, inAnswer := strings.CutPrefix(one, "answer:")
		name, level, given := strings.Cut(rest, "=")
		category, known := categoryNamed(name)
		severity, graded := severityNamed(level)
		v := &w.Prompt
		if inAnswer {
			v = &w.Answer
		}
		switch {
		case !known:
			return Wish{}, fmt.Errorf("%q is no category; known: %s", name, strings.Join(categoryNames[:], ", "))
		case inAnswer && !category.InAnswer(), !inAnswer && !category.InPrompt():
			return Wish{}, fmt.Errorf("%q cannot be found there: protected material is found in answers (answer:%s), jailbreak in prompts", one, ProtectedText)
		case category.Detected() && given:
			return Wish{}, fmt.Errorf("%s has no severity", category)
		case category.Detected():
			severity = High
		case !graded:
			return Wish{}, fmt.Errorf("%q needs a severity, low, medium or high: %s=high", one, category)
		}
		v.Found[category] = max(v.Found[category], severity)
	}
	return w, nil
}

// Add adds another verdict to this one, which keeps its own limit.
func (v *Verdict) Add(o *Verdict) {
	for c := range Categories {
		v.Found[c] = max(v.Found[c], o.Found[c])
	}
}

// Least returns from which severity on the filter stops.
func (f *Filter) Least() Severity {
	if f == nil {
		return Safe
	}
	return f.least
}
