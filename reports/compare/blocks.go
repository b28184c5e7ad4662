package compare

import (
	"strings"

	"foundrylab/internal/record"
	"foundrylab/reports/render"
	"foundrylab/reports/section"
)

// Text draws c for a terminal.
func (c *Comparison) Text(opt render.TextOptions) []byte { return render.TextBlocks(c.Blocks(), opt) }

// Markdown draws c for a GitHub step summary.
func (c *Comparison) Markdown() []byte { return render.MarkdownBlocks(c.Blocks()) }

// Blocks returns c as plain data for a renderer.
func (c *Comparison) Blocks() []section.Block {
	const name, title = "comparison", "Comparison"
	return []section.Block{
		{
			Section: name, Heading: title, Title: title, Anchor: name, Kind: section.KindBanner, Brief: true,
			Banner: c.banner(),
		},
		{
			Section: name, Heading: title, Title: title, Anchor: "comparison-figures", Kind: section.KindTable, Brief: true,
			Note:  "A regression is worse by more than " + c.allowed() + " and by more than its metric's floor.",
			Table: c.table(),
		},
	}
}

func (c *Comparison) banner() section.Banner {
	b := section.Banner{Scenario: c.After.Scenario}
	n, all := int64(c.Regressions()), int64(len(c.Changes))
	switch {
	case c.Void:
		b.Verdict, b.Tone = "void", section.Warn
		b.Sentence = "One of the runs does not count, so this comparison does not either."
	case n > 0:
		b.Verdict, b.Tone = "regression", section.Bad
		b.Sentence = section.Count(n) + " of " + section.Plural(all, "figure") + " got worse by more than " + c.allowed() + "."
	default:
		b.Verdict, b.Tone = "no regression", section.Good
		b.Sentence = "None of " + section.Plural(all, "figure") + " got worse by more than " + c.allowed() + "."
	}
	b.Facts = append(b.Facts, section.Fact{Name: "Before", Value: describe(c.Before)}, section.Fact{Name: "After", Value: describe(c.After)})
	for _, w := range c.Warnings {
		b.Facts = append(b.Facts, section.Fact{Name: "Caution", Value: w, Tone: section.Warn})
	}
	return b
}

// allowed prints what may get worse, without idle zeros.
func (c *Comparison) allowed() string {
	return strings.Replace(section.Percent(c.Allowed), ".00 %", " %", 1)
}

func describe(r *record.Result) string {
	return r.Scenario + ", " + r.Mode + ", " + section.Plural(r.Totals.Requests, "request") + ", " + r.Verdict
}

func (c *Comparison) table() section.Table {
	t := section.Table{Columns: []section.Column{
		{Name: "Result", Brief: true},
		{Name: "Metric", Brief: true},
		{Name: "Of", Brief: true},
		{Name: "Before", Number: true, Brief: true},
		{Name: "After", Number: true, Brief: true},
		{Name: "Change", Number: true, Brief: true},
	}}
	for i := range c.Changes {
		ch := &c.Changes[i]
		tone := [...]section.Tone{Better: section.Good, Regression: section.Bad, Unmatched: section.Plain}[ch.Judgement]
		of := ch.Of
		if of == "" {
			of = "the run"
		}
		t.Rows = append(t.Rows, []section.Cell{
			{Text: ch.Judgement.String(), Tone: tone},
			{Text: ch.Metric.Name},
			{Text: of},
			{Text: ch.show(ch.Before)},
			{Text: ch.show(ch.After)},
			{Text: ch.relative(), Tone: tone},
		})
	}
	return t
}

func (ch *Change) show(v int64) string {
	if ch.Judgement == Unmatched && v < 0 {
		return section.None
	}
	return ch.Metric.Show(v)
}

// relative prints the change with its sign.
func (ch *Change) relative() string {
	switch {
	case ch.Judgement == Unmatched || ch.Before < 0 || ch.After < 0:
		return section.None
	case ch.After == ch.Before:
		return "0 %"
	case ch.Relative == record.Null:
		return "from 0"
	case ch.After < ch.Before:
		return "−" + section.Percent(ch.Relative)
	}
	return "+" + section.Percent(ch.Relative)
}
