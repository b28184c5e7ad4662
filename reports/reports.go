// Package reports turns the result of a run into blocks: plain data that the
// renderers draw. It owns the order of the report and refuses to measure,
// judge or draw anything itself.
package reports

import (
	"foundrylab/internal/record"
	"foundrylab/reports/section"
)

// Build returns the blocks of every section of section.All that has
// something to say about r, in the table's order. It never fails: a section
// whose data is absent is absent. r is only read.
func Build(r *record.Result) []section.Block {
	var out []section.Block
	for _, s := range section.All {
		for _, b := range s.Build(r) {
			b.Section, b.Heading = s.Name, s.Title
			out = append(out, b)
		}
	}
	return out
}
