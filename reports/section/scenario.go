package section

import "foundrylab/internal/record"

func buildScenario(r *record.Result) []Block {
	if r.Canonical == "" {
		return nil
	}
	note := "Every default is written out. Run it with seed " + seed(r.Seed) + " for the same plan of requests"
	if r.Mode == "virtual" {
		note += " and, in virtual time, the same bytes"
	}
	return []Block{{
		Title: "Effective scenario", Anchor: "scenario", Kind: KindText, Fold: true,
		Note: note + ".", Text: r.Canonical,
	}}
}
