// Package section holds the sections of a report, one file each, and the
// plain data they are made of. It owns what is said, in which words and
// units; it refuses to know any output format.
package section

import "foundrylab/internal/record"

// Section is one part of the report.
type Section struct {
	Name  string // anchor: lower case, unique
	Title string
	Doc   string // one line: what the reader learns from it
	// Build returns the section's blocks, none when its data is absent.
	Build func(*record.Result) []Block
}

// All is the report, in reading order. A new section is a new file and a
// line here.
var All = [...]Section{
	{"verdict", "Verdict", "Whether the run passed, and whether it may be trusted at all.", buildVerdict},
	{"assertions", "Assertions", "Every assertion of the scenario with the value measured for it.", buildAssertions},
	{"headline", "At a glance", "The worst recovery, the worst-served tenants and the price paid in retries.", buildHeadline},
	{"timeline", "Over time", "Traffic, backends, tenants and fairness on one time axis, faults marked.", buildTimeline},
	{"failover", "Failover", "How each fault was detected, survived and left behind.", buildFailover},
	{"tenants", "Tenants", "Outcomes, latency and tokens of each tenant.", buildTenants},
	{"fairness", "Fairness", "How evenly scarce capacity was shared by weight.", buildFairness},
	{"backends", "Backends", "What each backend was asked and how full it was.", buildBackends},
	{"totals", "Totals", "The run in counts: requests, client tries, backend attempts.", buildTotals},
	{"scenario", "Scenario", "The effective scenario: with its seed, all that is needed to run it again.", buildScenario},
	{"definitions", "Definitions", "What every word and number of the report means exactly.", buildDefinitions},
}

// Kind says which field of a Block holds its content.
type Kind uint8

// The kinds.
const (
	KindBanner Kind = iota
	KindCards
	KindTable
	KindChart
	KindText
	KindTerms
)

func (k Kind) String() string {
	return [...]string{"banner", "cards", "table", "chart", "text", "definitions"}[k]
}

// Block is a piece of a report. Its texts may come from a scenario and are
// not trusted: whoever draws them escapes them.
type Block struct {
	Section string // name of its section; set by reports.Build
	Heading string // title of its section; set by reports.Build
	Title   string
	Anchor  string // unique in the report, only a-z, 0-9 and '-'
	Note    string // a sentence on how to read it; may be empty
	Kind    Kind
	Brief   bool // belongs in a terminal's summary
	Fold    bool // detail: closed at first where the medium can fold

	Banner Banner
	Cards  []Card
	Table  Table
	Chart  Chart
	Text   string // preformatted
	Terms  []Term
}

// Tone says how a value should strike the reader. It is never the only
// carrier of what it says: the text says it too.
type Tone uint8

// The tones.
const (
	Plain Tone = iota
	Good
	Warn
	Bad
)

func (t Tone) String() string { return [...]string{"plain", "good", "warn", "bad"}[t] }

// Banner is the verdict.
type Banner struct {
	Scenario string
	Verdict  string // pass | fail | void
	Tone     Tone
	Sentence string // why
	Facts    []Fact
}

// Fact is a name and its value.
type Fact struct {
	Name, Value string
	Tone        Tone
}

// Card is one figure, set large.
type Card struct {
	Name, Value, Note string
	Tone              Tone
}

// Term is a word and its definition.
type Term struct{ Name, Meaning string }

// Table is rows of cells under columns; every row is as long as Columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
}

// Column heads a table's column.
type Column struct {
	Group  string // heading shared with its neighbours, such as "TTFT"
	Name   string
	Unit   string // printed with the heading
	Number bool   // figures: aligned right
	Brief  bool   // belongs in a terminal's summary
}

// Cell is one value of a table.
type Cell struct {
	Text string
	Tone Tone
	Code bool // an expression, set in a code face
}

// Chart is lines over the run's time.
type Chart struct {
	StepMs int64  // length of one element of every Data, > 0
	EndMs  int64  // where the time axis ends
	Unit   string // of the y axis
	Top    int64  // the y axis reaches at least this, in the unit of Data[0]; 0: no wish
	Half   bool   // may stand beside another half
	Mean   bool   // the mean of neighbouring elements is a true figure (not so for quantiles)
	Data   []Data
	Series []Series // drawn in this order
	Bands  []Band
	Marks  []Mark
}

// Data is a column: element i covers [i*StepMs, (i+1)*StepMs). A value v
// means v / 10^Decimals units; record.Null means there is none.
type Data struct {
	Name     string
	Unit     string
	Decimals int
	Values   []int64
}

// Series draws the column Data[Column].
type Series struct {
	Column int
	Style  Style
	Hue    Hue
}

// Style is how a series is drawn.
type Style uint8

// The styles. Stacked series lie on top of the stacked series before them; a
// Range line is joined by a tint to the series before it.
const (
	Line Style = iota
	Dashed
	Stack
	Range
	Steps
)

func (s Style) String() string { return [...]string{"line", "dashed", "stack", "range", "steps"}[s] }

// Hue is a colour by role: an outcome, the text's ink, or Entity+i for the
// i-th tenant or backend.
type Hue uint8

// The hues.
const (
	HueInk Hue = iota
	HueGood
	HueWarn
	HueBad
	Entity
)

// Band is a span of the run, from its start in milliseconds.
type Band struct {
	Label        string
	FromMs, ToMs int64
	Warmup       bool // not a fault: the part that is not measured
}

// Mark is a moment of the run.
type Mark struct {
	AtMs int64
	Hue  Hue
}

func text(s string) Cell { return Cell{Text: s} }

func toned(s string, t Tone) Cell { return Cell{Text: s, Tone: t} }
