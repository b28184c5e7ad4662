package render

import (
	"strings"

	"foundrylab/internal/record"
	"foundrylab/reports"
	"foundrylab/reports/section"
)

// TextOptions tune the text for a terminal.
type TextOptions struct {
	Color bool // ANSI colours
	Width int  // columns; 0 means 110, less than 60 counts as 60
}

// Text draws the brief blocks of r for a terminal. No line is wider than the
// width asked for, and no text of the scenario can steer the terminal.
func Text(r *record.Result, opt TextOptions) []byte {
	return TextBlocks(reports.Build(r), opt)
}

// TextBlocks draws the brief ones of blocks.
func TextBlocks(blocks []section.Block, opt TextOptions) []byte {
	if opt.Width == 0 {
		opt.Width = 110
	}
	w := &textWriter{color: opt.Color, width: max(opt.Width, 60)}
	for i := range blocks {
		b := &blocks[i]
		if !b.Brief {
			continue
		}
		if w.out.Len() > 0 {
			w.out.WriteByte('\n')
		}
		switch b.Kind {
		case section.KindBanner:
			w.banner(&b.Banner)
		case section.KindTable:
			w.heading(b)
			w.table(&b.Table)
		case section.KindChart:
			w.heading(b)
			w.chart(&b.Chart)
		}
	}
	return []byte(w.out.String())
}

type textWriter struct {
	out   strings.Builder
	color bool
	width int
}

// ansi colours by tone, bold last.
const bold = section.Bad + 1

// paint wraps s in the colour of a tone; the lines have been measured before.
func (w *textWriter) paint(s string, t section.Tone) string {
	if !w.color || t == section.Plain || strings.TrimSpace(s) == "" {
		return s
	}
	return [...]string{"", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1m"}[t] + s + "\x1b[0m"
}

func (w *textWriter) line(s string) {
	w.out.WriteString(strings.TrimRight(s, " "))
	w.out.WriteByte('\n')
}

func (w *textWriter) heading(b *section.Block) {
	s := b.Heading
	if b.Title != b.Heading {
		s += ": " + lowerFirst(b.Title)
	}
	if b.Chart.Unit != "" {
		s += " (" + b.Chart.Unit + ")"
	}
	for _, part := range wrap(clean(s), w.width) {
		w.line(w.paint(part, bold))
	}
}

// lowerFirst makes a title of ours follow a colon.
func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

func (w *textWriter) banner(b *section.Banner) {
	head := mark(b.Tone) + " " + strings.ToUpper(clean(b.Verdict)) + "  " + clean(b.Scenario)
	for _, part := range wrap(head, w.width) {
		w.line(w.paint(part, b.Tone))
	}
	for _, part := range wrap(clean(b.Sentence), w.width-2) {
		w.line("  " + part)
	}
	var line []string
	used := 0
	flush := func() {
		if len(line) > 0 {
			w.line("  " + strings.Join(line, " · "))
		}
		line, used = nil, 0
	}
	for _, f := range b.Facts {
		s := clean(strings.ToLower(f.Name) + " " + f.Value)
		for _, part := range wrap(s, w.width-2) {
			if used+3+width(part) > w.width-2 {
				flush()
			}
			used += 3 + width(part)
			line = append(line, w.paint(part, warnOnly(f.Tone)))
		}
	}
	flush()
}

// warnOnly keeps what is well from shouting.
func warnOnly(t section.Tone) section.Tone {
	if t == section.Good {
		return section.Plain
	}
	return t
}

// maxBandLines bounds the lines that mark faults under a chart.
const maxBandLines = 5

func (w *textWriter) chart(c *section.Chart) {
	label, tail := 0, 0
	tails := make([]string, len(c.Data))
	for i := range c.Data {
		d := &c.Data[i]
		label = max(label, width(clean(d.Name)))
		if _, median, most, at, ok := section.Stats(d, c.StepMs); ok {
			tails[i] = "median " + d.Figure(median) + ", peak " + d.Figure(most) + " at " + section.Clock(at)
		}
		tail = max(tail, width(tails[i]))
	}
	label = min(label, 16)
	n := max(min(60, w.width-label-tail-6), 8)
	greatest := peak(c, n)
	for i := range c.Data {
		d := &c.Data[i]
		w.line(cut("  "+pad(cut(clean(d.Name), label), label, false)+"  "+
			pad(sparkline(d, greatest, n, c.Mean), n, false)+"  "+tails[i], w.width))
	}
	w.bands(c, label, n)
}

// bands marks the faults under a chart's sparklines of n characters.
func (w *textWriter) bands(c *section.Chart, label, n int) {
	shown := 0
	for _, b := range c.Bands {
		if b.Warmup {
			continue
		}
		if shown++; shown > maxBandLines {
			continue
		}
		s := pad("", label+4, false) + pad(bandline(c, b, n), n, false) + "  " +
			section.Clock(b.FromMs) + "–" + section.Clock(b.ToMs) + " " + clean(b.Label)
		w.line(w.paint(cut(s, w.width), section.Bad))
	}
	if shown > maxBandLines {
		w.line(pad("", label+4, false) + "and " + section.Plural(int64(shown-maxBandLines), "more fault"))
	}
}

// cut shortens a line that must stay one line.
func cut(s string, w int) string {
	if width(s) <= w {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > w-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills s with blanks to w cells, before it if right.
func pad(s string, w int, right bool) string {
	blanks := strings.Repeat(" ", max(w-width(s), 0))
	if right {
		return blanks + s
	}
	return s + blanks
}
