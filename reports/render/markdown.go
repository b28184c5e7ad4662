package render

import (
	"slices"
	"strconv"
	"strings"

	"foundrylab/internal/record"
	"foundrylab/reports"
	"foundrylab/reports/section"
)

// maxRows bounds a Markdown table: a step summary may hold 1 MiB. maxText
// bounds a text in bytes for the same reason.
const (
	maxRows = 100
	maxText = 256 << 10
)

// sparkColumns is the length of a sparkline in Markdown.
const sparkColumns = 40

// Markdown draws r for a GitHub step summary: tables, folded details and
// sparklines, no HTML but <details>, no link that the scenario chose.
func Markdown(r *record.Result) []byte { return MarkdownBlocks(reports.Build(r)) }

// MarkdownBlocks draws blocks.
func MarkdownBlocks(blocks []section.Block) []byte {
	var w mdWriter
	before := ""
	for i := range blocks {
		b := &blocks[i]
		if b.Kind == section.KindBanner {
			w.banner(&b.Banner)
			continue
		}
		if b.Section != before {
			w.line("### " + mdText(b.Heading))
			w.line("")
			before = b.Section
		}
		w.block(b)
	}
	return []byte(w.String())
}

type mdWriter struct{ strings.Builder }

func (w *mdWriter) line(s string) {
	w.WriteString(s)
	w.WriteByte('\n')
}

// emoji says a tone; GitHub shows no colour.
func emoji(t section.Tone) string { return [...]string{"", "✅", "⚠️", "❌"}[t] }

func (w *mdWriter) banner(b *section.Banner) {
	w.line("## " + emoji(b.Tone) + " " + strings.ToUpper(mdText(b.Verdict)) + ": " + mdText(b.Scenario))
	w.line("")
	w.line(mdText(b.Sentence))
	w.line("")
	for _, f := range b.Facts {
		w.line("- **" + mdText(f.Name) + "** " + mdText(f.Value))
	}
	w.line("")
}

func (w *mdWriter) block(b *section.Block) {
	title := b.Title
	if b.Chart.Unit != "" {
		title += " (" + b.Chart.Unit + ")"
	}
	switch {
	case b.Fold:
		w.line("<details><summary>" + mdSummary(title) + "</summary>")
		w.line("")
	case b.Title != b.Heading:
		w.line("**" + mdText(title) + "**")
		w.line("")
	}
	if b.Note != "" {
		w.line(mdText(b.Note))
		w.line("")
	}
	switch b.Kind {
	case section.KindCards:
		w.cards(b.Cards)
	case section.KindTable:
		w.table(&b.Table)
	case section.KindChart:
		w.chart(&b.Chart)
	case section.KindText:
		w.text(b.Text)
	case section.KindTerms:
		for _, t := range b.Terms {
			w.line("- **" + mdText(t.Name) + "**: " + mdText(t.Meaning))
		}
	}
	w.line("")
	if b.Fold {
		w.line("</details>")
		w.line("")
	}
}

func (w *mdWriter) text(s string) {
	if len(s) > maxText {
		s = s[:maxText] + "\n… cut here; the JSON report has all of it\n"
	}
	w.WriteString(mdFence(s, "yaml"))
}

func (w *mdWriter) cards(cards []section.Card) {
	names, values, notes := "|", "|", "|"
	for _, c := range cards {
		names += " " + mdText(c.Name) + " |"
		value := " **" + mdText(c.Value) + "** |"
		if c.Tone != section.Plain {
			value = " " + emoji(c.Tone) + value
		}
		values += value
		notes += " " + mdText(c.Note) + " |"
	}
	w.line(names)
	w.line("|" + strings.Repeat("---|", len(cards)))
	w.line(values)
	w.line(notes)
}

func (w *mdWriter) table(t *section.Table) {
	head, rule := "|", "|"
	for _, c := range t.Columns {
		head += " " + mdText(fullName(c)) + " |"
		if c.Number {
			rule += "--:|"
			continue
		}
		rule += "---|"
	}
	w.line(head)
	w.line(rule)
	kept := keep(t.Rows)
	for i, r := range t.Rows {
		if !kept[i] {
			continue
		}
		s := "|"
		for j, c := range r {
			s += " " + mdCell(c, t.Columns[j].Number) + " |"
		}
		w.line(s)
	}
	if n := len(t.Rows) - maxRows; n > 0 {
		w.line("| … " + strconv.Itoa(n) + " more in the JSON report |")
	}
}

// keep chooses at most maxRows rows: first those with something to worry
// about, then the others, each from the top.
func keep(rows [][]section.Cell) []bool {
	kept := make([]bool, len(rows))
	left := maxRows
	for _, worrying := range []bool{true, false} {
		for i, r := range rows {
			if left > 0 && !kept[i] && slices.ContainsFunc(r, worries) == worrying {
				kept[i] = true
				left--
			}
		}
	}
	return kept
}

func worries(c section.Cell) bool { return c.Tone == section.Warn || c.Tone == section.Bad }

// fullName is a column's heading on one line.
func fullName(c section.Column) string {
	s := c.Name
	if c.Group != "" {
		s = c.Group + " " + s
	}
	if c.Unit != "" {
		s += " (" + c.Unit + ")"
	}
	return s
}

func mdCell(c section.Cell, number bool) string {
	switch {
	case c.Code:
		return mdCode(c.Text)
	case c.Tone == section.Plain:
		return mdText(c.Text)
	case number:
		return "**" + mdText(c.Text) + "**"
	}
	return emoji(c.Tone) + " " + mdText(c.Text)
}

func (w *mdWriter) chart(c *section.Chart) {
	w.line("| Curve | Over the run | Median | Peak | Peak at |")
	w.line("|---|---|--:|--:|--:|")
	greatest := peak(c, sparkColumns)
	for i := range c.Data {
		d := &c.Data[i]
		if i == maxRows {
			w.line("| … " + strconv.Itoa(len(c.Data)-maxRows) + " more in the JSON report |")
			break
		}
		_, median, most, at, _ := section.Stats(d, c.StepMs)
		w.line("| " + mdText(d.Name) + " | " + mdCode(sparkline(d, greatest, sparkColumns, c.Mean)) + " | " +
			d.Figure(median) + " | " + d.Figure(most) + " | " + section.Clock(at) + " |")
	}
	for i, b := range c.Bands {
		if !b.Warmup && i < maxBandLines {
			w.line("| " + mdText(b.Label) + " | " + mdCode(bandline(c, b, sparkColumns)) + " | | | " +
				section.Clock(b.FromMs) + "–" + section.Clock(b.ToMs) + " |")
		}
	}
}
