package section

import (
	"time"

	"foundrylab/internal/record"
)

// LagLimit is the largest lag p99 with which a run still counts.
const LagLimit record.Millis = 10_000

func buildVerdict(r *record.Result) []Block {
	return []Block{{
		Title: "Verdict", Anchor: "verdict", Kind: KindBanner, Brief: true,
		Banner: Banner{
			Scenario: r.Scenario,
			Verdict:  r.Verdict,
			Tone:     verdictTone(r),
			Sentence: Sentence(r),
			Facts:    verdictFacts(r),
		},
	}}
}

func verdictTone(r *record.Result) Tone {
	switch r.Verdict {
	case "pass":
		return Good
	case "fail":
		return Bad
	}
	return Warn
}

// Sentence says in one sentence why the verdict is what it is.
func Sentence(r *record.Result) string {
	switch {
	case (r.Verdict == "pass" || r.Verdict == "fail") && r.Interrupted:
		return "The run was stopped before its end. Of what was measured until then: " + assertionSentence(r)
	case r.Verdict == "pass" || r.Verdict == "fail":
		return assertionSentence(r)
	case r.Generator.Dropped > 0 && r.Generator.LagP99 <= LagLimit:
		return "The load generator dropped " + Plural(r.Generator.Dropped, "send") + " because max_in_flight requests were " +
			"in flight already, so the run proves nothing. Raise max_in_flight, or find out why so few requests end."
	case r.Generator.LagP99 > LagLimit:
		return "The load generator fell behind (lag p99 " + lag(r.Generator.LagP99) + " where " + Span(LagLimit) +
			" is allowed, " + Plural(r.Generator.Dropped, "send") + " dropped), so the run proves nothing. " +
			"Lower the rate or give the generator more CPU."
	case r.Interrupted:
		return "The run was stopped before its end, so it proves nothing."
	}
	return "The run does not count."
}

func assertionSentence(r *record.Result) string {
	failed, warned := int64(0), int64(0)
	for _, a := range r.Assertions {
		switch {
		case a.Pass:
		case a.Severity == "warn":
			warned++
		default:
			failed++
		}
	}
	all := int64(len(r.Assertions))
	switch {
	case all == 0:
		return "The scenario asserts nothing."
	case failed > 0 && warned > 0:
		return Count(failed) + " of " + Plural(all, "assertion") + " failed; " + Plural(warned, "warning") + " besides."
	case failed > 0:
		return Count(failed) + " of " + Plural(all, "assertion") + " failed."
	case warned > 0:
		return Count(all-warned) + " of " + Plural(all, "assertion") + " held; " + Plural(warned, "warning") + "."
	case all == 1:
		return "The one assertion held."
	}
	return "All " + Plural(all, "assertion") + " held."
}

func verdictFacts(r *record.Result) []Fact {
	length := Span(r.DurationMs)
	if r.WarmupMs > 0 {
		length += ", first " + Span(r.WarmupMs) + " not measured"
	}
	facts := []Fact{
		{Name: "Mode", Value: r.Mode},
		{Name: "Seed", Value: seed(r.Seed)},
		{Name: "Length", Value: length},
		{Name: "Start", Value: time.UnixMilli(r.StartUnixMs).UTC().Format("2006-01-02 15:04:05 UTC")},
	}
	if r.ScenarioHash != "" {
		facts = append(facts, Fact{Name: "Scenario hash", Value: short(r.ScenarioHash, 12)})
	}
	if r.Interrupted {
		facts = append(facts, Fact{"Interrupted", "yes: stopped before its end", Warn})
	}
	return append(facts, generatorFact(r.Generator))
}

func generatorFact(g record.GeneratorResult) Fact {
	tone, word := Good, "kept up"
	if g.LagP99 > LagLimit || g.Dropped > 0 {
		tone, word = Warn, "fell behind"
	}
	return Fact{"Generator", word + ": lag p50 " + lag(g.LagP50) + ", p99 " + lag(g.LagP99) +
		" (limit " + Span(LagLimit) + "), " + Count(g.Dropped) + " dropped", tone}
}

// lag prints a lag exactly, so that one just above the limit is seen to be.
func lag(m record.Millis) string {
	if m < 0 {
		return None
	}
	return m.String() + " ms"
}

// short cuts s to n runes.
func short(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
