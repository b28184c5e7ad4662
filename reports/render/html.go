package render

import (
	"bytes"
	_ "embed" // the page's files
	"fmt"
	"html/template"

	"foundrylab/internal/record"
	"foundrylab/reports"
	"foundrylab/reports/section"
)

//go:embed assets/page.html.tmpl
var pageTemplate string

//go:embed assets/page.css
var pageStyle string

//go:embed assets/page.js
var pageScript string

//go:embed assets/uplot.min.js
var plotScript string

//go:embed assets/uplot.min.css
var plotStyle string

//go:embed assets/LICENSE-uplot
var plotLicence string

// page is what the template draws.
type page struct {
	Banner   section.Banner
	Sections []pageSection
	Style    template.CSS
	Library  template.JS
	Script   template.JS
	Data     template.JS
}

type pageSection struct {
	Name, Title string
	Charts      bool
	Blocks      []pageBlock
}

// pageBlock is a block and what only a page needs of it.
type pageBlock struct {
	section.Block
	SubAnchor string // empty where the section's own anchor stands for it
	ShowTitle bool
	Index     int // of its chart
	Figures   section.Table
	Step      string
}

// HTML draws r as one page that loads nothing: style, script and figures are
// inside, and its policy forbids every fetch. Without JavaScript the tables
// remain.
func HTML(r *record.Result) ([]byte, error) {
	blocks := reports.Build(r)
	data, err := chartData(blocks)
	if err != nil {
		return nil, fmt.Errorf("encoding charts: %w", err)
	}
	p := page{
		Style:   template.CSS(plotStyle + pageStyle),
		Library: template.JS("/*\nuPlot 1.6.32\n\n" + plotLicence + "*/\n" + plotScript),
		Script:  template.JS(pageScript),
		Data:    template.JS(data),
	}
	p.fill(blocks)
	t, err := template.New("page").Funcs(template.FuncMap{"mark": mark, "groups": groups}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("parsing the page: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, &p); err != nil {
		return nil, fmt.Errorf("drawing the page: %w", err)
	}
	return out.Bytes(), nil
}

// fill sorts blocks into the page's sections; the banner stands alone.
func (p *page) fill(blocks []section.Block) {
	charts := 0
	for _, b := range blocks {
		if b.Kind == section.KindBanner {
			p.Banner = b.Banner
			continue
		}
		if n := len(p.Sections); n == 0 || p.Sections[n-1].Name != b.Section {
			p.Sections = append(p.Sections, pageSection{Name: b.Section, Title: b.Heading})
		}
		s := &p.Sections[len(p.Sections)-1]
		pb := pageBlock{Block: b, ShowTitle: b.Title != b.Heading}
		if b.Anchor != b.Section {
			pb.SubAnchor = b.Anchor
		}
		if b.Kind == section.KindChart {
			pb.Index, pb.Figures = charts, figures(&b.Chart)
			pb.Step = section.Span(record.Millis(b.Chart.StepMs * 1000))
			charts++
			s.Charts = true
		}
		s.Blocks = append(s.Blocks, pb)
	}
}

// mark is the sign that says a tone without colour.
func mark(t section.Tone) string { return [...]string{"", "✓", "!", "✗"}[t] }

// headGroup is a heading over neighbouring columns.
type headGroup struct {
	Name, Unit string
	Span       int
}

// groups returns the upper row of a table's head, nil where no column has a
// group.
func groups(t section.Table) []headGroup {
	var out []headGroup
	named := false
	for i, c := range t.Columns {
		named = named || c.Group != ""
		if i > 0 && c.Group != "" && c.Group == t.Columns[i-1].Group {
			out[len(out)-1].Span++
			continue
		}
		g := headGroup{Name: c.Group, Span: 1}
		if c.Group != "" {
			g.Unit = c.Unit
		}
		out = append(out, g)
	}
	if !named {
		return nil
	}
	return out
}

// figures sums a chart up for readers who cannot see it.
func figures(c *section.Chart) section.Table {
	t := section.Table{Columns: []section.Column{
		{Name: "Curve"}, {Name: "Unit"},
		{Name: "Lowest", Number: true}, {Name: "Median", Number: true}, {Name: "Highest", Number: true}, {Name: "Highest at", Number: true},
	}}
	for i := range c.Data {
		d := &c.Data[i]
		least, median, greatest, at, _ := section.Stats(d, c.StepMs)
		t.Rows = append(t.Rows, []section.Cell{
			{Text: d.Name}, {Text: d.Unit},
			{Text: d.Figure(least)}, {Text: d.Figure(median)},
			{Text: d.Figure(greatest)}, {Text: section.Clock(at)},
		})
	}
	return t
}
