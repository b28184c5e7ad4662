package section

import "foundrylab/internal/record"

func buildAssertions(r *record.Result) []Block {
	if len(r.Assertions) == 0 {
		return nil
	}
	t := Table{Columns: []Column{
		{Name: "Result", Brief: true},
		{Name: "Assertion", Brief: true},
		{Name: "Measured", Number: true, Brief: true},
	}}
	for _, a := range r.Assertions {
		word, tone := AssertionWord(a)
		value := a.Value
		if value == "" {
			value = None
		}
		t.Rows = append(t.Rows, []Cell{toned(word, tone), {Text: a.Expr, Code: true}, {Text: value, Tone: failTone(a, tone)}})
	}
	note := ""
	if r.Verdict != "pass" && r.Verdict != "fail" {
		note = "The run is void: these results count for nothing."
	}
	return []Block{{Title: "Assertions", Anchor: "assertions", Kind: KindTable, Brief: true, Note: note, Table: t}}
}

// AssertionWord says how an assertion ended: pass, fail, or warn for one that
// failed without failing the run.
func AssertionWord(a record.Assertion) (string, Tone) {
	switch {
	case a.Pass:
		return "pass", Good
	case a.Severity == "warn":
		return "warn", Warn
	}
	return "fail", Bad
}

func failTone(a record.Assertion, tone Tone) Tone {
	if a.Pass {
		return Plain
	}
	return tone
}
