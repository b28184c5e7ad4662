package render

import (
	"foundrylab/internal/record"
	"foundrylab/reports/section"
)

// sparkline draws a column in n characters against a greatest value: a blank
// where nothing was measured, a dot for zero, else one of eight heights.
func sparkline(d *section.Data, greatest int64, n int, mean bool) string {
	out := make([]rune, 0, n)
	for i := range cells(len(d.Values), n) {
		lo, hi := span(i, len(d.Values), n)
		switch v := squeeze(d.Values[lo:hi], mean); {
		case v == record.Null:
			out = append(out, ' ')
		case v == 0:
			out = append(out, '·')
		default:
			out = append(out, '▁'+rune(level(v, greatest)))
		}
	}
	return string(out)
}

// cells is how many characters of n a column of size elements fills.
func cells(size, n int) int { return min(size, n) }

// span is which elements of size the i-th of n characters covers.
func span(i, size, n int) (lo, hi int) {
	n = cells(size, n)
	return i * size / n, (i + 1) * size / n
}

// sparkScale keeps fractions of a mean; values above sparkMost count as it.
const (
	sparkScale = 1000
	sparkMost  = 1 << 40
)

// squeeze is the mean or, where a mean would be untrue, the greatest of the
// values that exist, times sparkScale.
func squeeze(values []int64, mean bool) int64 {
	total, n, most := int64(0), int64(0), int64(record.Null)
	for _, v := range values {
		if v == record.Null {
			continue
		}
		v = min(v, sparkMost)
		total, n, most = total+v, n+1, max(most, v)
	}
	switch {
	case n == 0:
		return record.Null
	case mean && total > 0:
		return max(total/n*sparkScale+total%n*sparkScale/n, 1)
	}
	return most * sparkScale
}

// level is 0 to 7 for a squeezed v > 0.
func level(v, greatest int64) int64 {
	greatest = max(min(greatest, sparkMost), 1)
	return min((v*8-1)/(greatest*sparkScale), 7)
}

// peak is the greatest value a chart's sparklines share as their height.
func peak(c *section.Chart, n int) int64 {
	greatest := int64(1)
	for i := range c.Data {
		d := &c.Data[i]
		for j := range cells(len(d.Values), n) {
			lo, hi := span(j, len(d.Values), n)
			greatest = max(greatest, squeeze(d.Values[lo:hi], c.Mean)/sparkScale)
		}
	}
	return greatest
}

// bandline marks with ▲ the characters of an n character line that a band
// covers.
func bandline(c *section.Chart, b section.Band, n int) string {
	size := 0
	for i := range c.Data {
		size = max(size, len(c.Data[i].Values))
	}
	out := make([]rune, 0, n)
	for i := range cells(size, n) {
		lo, hi := span(i, size, n)
		if int64(hi)*c.StepMs > b.FromMs && int64(lo)*c.StepMs < b.ToMs {
			out = append(out, '▲')
			continue
		}
		out = append(out, ' ')
	}
	return string(out)
}
