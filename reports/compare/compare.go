// Package compare reads a run's report.json back and sets two runs against
// each other, metric by metric. It owns what counts as a regression and
// refuses to judge a run by itself: that is what assertions do.
package compare

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Judgement says what became of one figure.
type Judgement uint8

// The judgements. Worse is within what is allowed; Unmatched is a figure that
// only one run has.
const (
	Same Judgement = iota
	Better
	Worse
	Regression
	Unmatched
)

func (j Judgement) String() string {
	return [...]string{"same", "better", "worse", "regression", "unmatched"}[j]
}

// Change is one figure of both runs.
type Change struct {
	Metric    *Metric
	Of        string // the tenant or fault; empty for the whole run
	Before    int64  // in the metric's unit; record.Null where not measured
	After     int64
	Judgement Judgement
	// Relative is the size of the change over Before in parts per million,
	// without sign, rounded down; Null where Before is 0 or missing.
	Relative record.Ratio
}

// Comparison is the outcome of Compare.
type Comparison struct {
	Before, After *record.Result
	Allowed       record.Ratio
	Changes       []Change
	Warnings      []string // why the runs may not be comparable
	// Void is set when one of the runs does not count, so that neither a
	// regression nor its absence is shown.
	Void bool
}

// Regressions counts the figures that got worse by more than is allowed.
func (c *Comparison) Regressions() int {
	n := 0
	for i := range c.Changes {
		if c.Changes[i].Judgement == Regression {
			n++
		}
	}
	return n
}

// Compare sets run b against the earlier run a. A figure regresses when it is
// worse by more than its metric's floor and by more than maxRegression of its
// value in a; from 0, any worsening above the floor is one. Tenants and faults
// are matched by name. Both results are only read.
func Compare(a, b *record.Result, maxRegression record.Ratio) Comparison {
	c := Comparison{Before: a, After: b, Allowed: max(maxRegression, 0)}
	for _, metric := range All {
		m := &metric
		after := m.Values(b)
		for _, v := range m.Values(a) {
			w, found := lookup(after, v.Of)
			c.Changes = append(c.Changes, judge(m, v, w, found, c.Allowed))
		}
		before := m.Values(a)
		for _, w := range after {
			if _, found := lookup(before, w.Of); !found {
				c.Changes = append(c.Changes, Change{
					Metric: m, Of: w.Of, Before: record.Null, After: w.V, Judgement: Unmatched, Relative: record.Null,
				})
			}
		}
	}
	c.warn("before", a)
	c.warn("after", b)
	c.differences()
	return c
}

func lookup(values []Value, of string) (int64, bool) {
	for _, v := range values {
		if v.Of == of {
			return v.V, true
		}
	}
	return record.Null, false
}

func judge(m *Metric, before Value, after int64, found bool, allowed record.Ratio) Change {
	ch := Change{Metric: m, Of: before.Of, Before: before.V, After: after, Relative: record.Null}
	switch {
	case !found:
		ch.Judgement = Unmatched
	case before.V < 0 && after < 0:
		ch.Judgement = Same
	case before.V < 0 || after < 0:
		ch.Judgement = judgeNull(m, after < 0)
	default:
		ch.judgeValues(allowed)
	}
	return ch
}

// judgeNull judges a figure that only one run measured: for a metric whose
// absence means "never", that is the worst of values.
func judgeNull(m *Metric, gone bool) Judgement {
	switch {
	case !m.NullIsWorst:
		return Unmatched
	case gone:
		return Regression
	}
	return Better
}

func (ch *Change) judgeValues(allowed record.Ratio) {
	worse := ch.After - ch.Before
	if ch.Metric.Higher {
		worse = -worse
	}
	size := max(worse, -worse)
	if ch.Before > 0 {
		ch.Relative = record.Ratio(tick.MulDiv(size, 1_000_000, ch.Before))
	}
	switch {
	case worse == 0:
		ch.Judgement = Same
	case worse < 0:
		ch.Judgement = Better
	case size > ch.Metric.Floor && (ch.Before == 0 || ch.Relative > allowed):
		ch.Judgement = Regression
	default:
		ch.Judgement = Worse
	}
}

func (c *Comparison) warn(which string, r *record.Result) {
	if r.Verdict != "pass" && r.Verdict != "fail" {
		c.Void = true
		c.Warnings = append(c.Warnings, "The run "+which+" is void: its figures prove nothing.")
	}
	if r.Interrupted {
		c.Void = true
		c.Warnings = append(c.Warnings, "The run "+which+" was stopped before its end.")
	}
}

func (c *Comparison) differences() {
	a, b := c.Before, c.After
	if a.ScenarioHash != b.ScenarioHash {
		c.Warnings = append(c.Warnings, "The scenarios differ, which may be the reason for any change.")
	}
	if a.Mode != b.Mode {
		c.Warnings = append(c.Warnings, "The modes differ: "+a.Mode+" before, "+b.Mode+" after.")
	}
	if a.Seed != b.Seed {
		c.Warnings = append(c.Warnings, "The seeds differ, so the runs had different requests.")
	}
}
