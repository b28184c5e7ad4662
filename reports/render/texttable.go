package render

import (
	"strings"

	"foundrylab/reports/section"
)

// gap is the blanks between two columns; indent those before the first.
const (
	gap       = 2
	indent    = 2
	minColumn = 4
)

// textColumn is a column that a terminal shows.
type textColumn struct {
	section.Column
	from  int // its place in the table
	width int
}

// table draws the brief columns of t. Where they are too wide for a line, the
// widest are narrowed and their cells wrapped; nothing is left out.
func (w *textWriter) table(t *section.Table) {
	columns := w.fit(t)
	if head := groupLine(columns); head != "" {
		w.line(w.paint(head, bold))
	}
	w.row(columns, func(c *textColumn) section.Cell { return section.Cell{Text: c.Name} }, bold)
	for _, r := range t.Rows {
		w.row(columns, func(c *textColumn) section.Cell { return marked(r[c.from], c.Number) }, section.Plain)
	}
}

// marked puts its sign before a word that has a tone.
func marked(c section.Cell, number bool) section.Cell {
	c.Text = clean(c.Text)
	if c.Tone != section.Plain && !number {
		c.Text = mark(c.Tone) + " " + c.Text
	}
	return c
}

// heading is what stands above a column's name.
func (c *textColumn) heading() string {
	if c.Group == "" {
		return c.Unit
	}
	if c.Unit == "" {
		return c.Group
	}
	return c.Group + " " + c.Unit
}

// fit chooses the columns and their widths.
func (w *textWriter) fit(t *section.Table) []textColumn {
	var columns []textColumn
	total := indent - gap
	for i, c := range t.Columns {
		if !c.Brief {
			continue
		}
		tc := textColumn{Column: c, from: i, width: max(width(c.Name), minColumn)}
		for _, r := range t.Rows {
			tc.width = max(tc.width, width(marked(r[i], c.Number).Text))
		}
		columns = append(columns, tc)
		total += tc.width + gap
	}
	for i := 0; i < len(columns); {
		size, last := groupSpan(columns, i)
		if missing := width(columns[i].heading()) - size; missing > 0 {
			columns[last].width += missing
			total += missing
		}
		i = last + 1
	}
	for total > w.width {
		widest := 0
		for i := range columns {
			if columns[i].width > columns[widest].width {
				widest = i
			}
		}
		if columns[widest].width <= minColumn {
			break
		}
		columns[widest].width--
		total--
	}
	return columns
}

// groupSpan is the width of the group that begins at column i, and its last
// column.
func groupSpan(columns []textColumn, i int) (size, last int) {
	size, last = columns[i].width, i
	for columns[i].Group != "" && last+1 < len(columns) && columns[last+1].Group == columns[i].Group {
		last++
		size += gap + columns[last].width
	}
	return size, last
}

// groupLine is the upper line of a head; empty where no column has a group or
// unit.
func groupLine(columns []textColumn) string {
	var out strings.Builder
	out.WriteString(strings.Repeat(" ", indent))
	for i := 0; i < len(columns); {
		size, last := groupSpan(columns, i)
		out.WriteString(pad(cut(columns[i].heading(), size), size, columns[i].Number))
		out.WriteString(strings.Repeat(" ", gap))
		i = last + 1
	}
	return strings.TrimRight(out.String(), " ")
}

// row draws one row on as many lines as its highest cell needs.
func (w *textWriter) row(columns []textColumn, cell func(*textColumn) section.Cell, tone section.Tone) {
	parts := make([][]string, len(columns))
	height := 1
	for i := range columns {
		parts[i] = wrap(cell(&columns[i]).Text, columns[i].width)
		height = max(height, len(parts[i]))
	}
	for l := range height {
		var out strings.Builder
		out.WriteString(strings.Repeat(" ", indent-gap))
		for i := range columns {
			c := &columns[i]
			s := ""
			if l < len(parts[i]) {
				s = parts[i][l]
			}
			t := cell(c).Tone
			if tone != section.Plain {
				t = tone
			}
			out.WriteString(strings.Repeat(" ", gap))
			out.WriteString(w.paint(pad(s, c.width, c.Number), t))
		}
		w.line(out.String())
	}
}
