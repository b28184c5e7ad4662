package render

import (
	"encoding/json"
	"strconv"

	"foundrylab/internal/record"
	"foundrylab/reports/section"
)

type chartFile struct {
	Charts []chartJSON `json:"charts"`
}

type chartJSON struct {
	ID     string       `json:"id"`
	StepMs int64        `json:"step_ms"`
	EndMs  int64        `json:"end_ms"`
	Top    fixed        `json:"top"`
	Half   bool         `json:"half"`
	Mean   bool         `json:"mean"`
	Data   []dataJSON   `json:"data"`
	Series []seriesJSON `json:"series"`
	Bands  []bandJSON   `json:"bands"`
	Marks  []markJSON   `json:"marks"`
}

type dataJSON struct {
	Name   string      `json:"name"`
	Unit   string      `json:"unit"`
	Values fixedColumn `json:"values"`
}

type seriesJSON struct {
	Column int    `json:"column"`
	Style  string `json:"style"`
	Hue    string `json:"hue"`
}

type bandJSON struct {
	Label  string `json:"label"`
	FromMs int64  `json:"from_ms"`
	ToMs   int64  `json:"to_ms"`
	Warmup bool   `json:"warmup"`
}

type markJSON struct {
	AtMs int64  `json:"at_ms"`
	Hue  string `json:"hue"`
}

// chartData encodes the charts of blocks for the page's script. encoding/json
// writes <, > and & as escapes, so no text can end the script element.
func chartData(blocks []section.Block) ([]byte, error) {
	f := chartFile{Charts: []chartJSON{}}
	for i := range blocks {
		if blocks[i].Kind == section.KindChart {
			f.Charts = append(f.Charts, oneChart(&blocks[i]))
		}
	}
	return json.Marshal(f)
}

func oneChart(b *section.Block) chartJSON {
	c := &b.Chart
	out := chartJSON{
		ID: b.Anchor, StepMs: c.StepMs, EndMs: c.EndMs, Half: c.Half, Mean: c.Mean,
		Bands: []bandJSON{}, Marks: []markJSON{},
	}
	if len(c.Data) > 0 {
		out.Top = fixed{c.Top, c.Data[0].Decimals}
	}
	for _, d := range c.Data {
		out.Data = append(out.Data, dataJSON{d.Name, d.Unit, fixedColumn{d.Values, d.Decimals}})
	}
	for _, s := range c.Series {
		out.Series = append(out.Series, seriesJSON{s.Column, s.Style.String(), hueName(s.Hue)})
	}
	for _, v := range c.Bands {
		out.Bands = append(out.Bands, bandJSON{v.Label, v.FromMs, v.ToMs, v.Warmup})
	}
	for _, v := range c.Marks {
		out.Marks = append(out.Marks, markJSON{v.AtMs, hueName(v.Hue)})
	}
	return out
}

// hueName is the style sheet's name of a hue.
func hueName(h section.Hue) string {
	if h >= section.Entity {
		return "e" + strconv.Itoa(int(h-section.Entity))
	}
	return [...]string{"ink", "good", "warn", "bad"}[h]
}

// fixed is v / 10^decimals, null where v is record.Null.
type fixed struct {
	v        int64
	decimals int
}

// MarshalJSON implements json.Marshaler.
func (f fixed) MarshalJSON() ([]byte, error) { return appendDecimal(nil, f.v, f.decimals), nil }

type fixedColumn struct {
	values   []int64
	decimals int
}

// MarshalJSON implements json.Marshaler.
func (f fixedColumn) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, v := range f.values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendDecimal(out, v, f.decimals)
	}
	return append(out, ']'), nil
}

// appendDecimal writes v / 10^decimals without trailing zeros; every negative
// v is null.
func appendDecimal(dst []byte, v int64, decimals int) []byte {
	if v < 0 {
		return append(dst, "null"...)
	}
	scale := int64(1)
	for range decimals {
		scale *= 10
	}
	dst = strconv.AppendInt(dst, v/scale, 10)
	rest := v % scale
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest > 0 {
		scale /= 10
		dst = append(dst, byte('0'+rest/scale))
		rest %= scale
	}
	return dst
}

var (
	_ json.Marshaler = fixed{record.Null, 0}
	_ json.Marshaler = fixedColumn{}
)
