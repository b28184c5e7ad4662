package section

import (
	"strconv"

	"foundrylab/internal/record"
)

func seed(n uint64) string { return strconv.FormatUint(n, 10) }

func buildTotals(r *record.Result) []Block {
	t := &r.Totals
	if t.Requests == 0 && t.Attempts == 0 {
		return nil
	}
	rows := [][]Cell{
		row3("Requests", t.Requests, None),
		row3("Requests succeeded (goodput)", t.Succeeded, Percent(t.GoodputRatio)+" of requests"),
		row3("Requests throttled: the last answer was 429", t.Throttled, of(t.Throttled, t.Requests, "requests")),
		row3("Requests failed", t.Failed, of(t.Failed, t.Requests, "requests")),
		row3("Requests rescued: succeeded, not at the first sending", t.Rescued, of(t.Rescued, t.Requests, "requests")),
		row3("Client tries", t.Tries, perRequest(t.Tries, t.Requests)),
		row3("Client tries throttled", t.ThrottledTries, of(t.ThrottledTries, t.Tries, "tries")),
		row3("Backend attempts, counted at the backends", t.Attempts, Times(t.RetryAmplification)+" requests"),
		claim(t),
	}
	return []Block{{
		Title: "Totals", Anchor: "totals", Kind: KindTable,
		Note: "After warm-up, by the instant a request was meant to be sent.",
		Table: Table{
			Columns: []Column{{Name: "What"}, {Name: "Count", Number: true}, {Name: "Share", Number: true}},
			Rows:    rows,
		},
	}}
}

func row3(name string, n int64, share string) []Cell {
	return []Cell{text(name), text(Count(n)), text(share)}
}

func of(part, whole int64, noun string) string {
	p := Percent(Share(part, whole))
	if p == None {
		return None
	}
	return p + " of " + noun
}

func perRequest(n, requests int64) string {
	v := Times(Share(n, requests))
	if v == None {
		return None
	}
	return v + " requests"
}

// claim sets the gateway's own count of attempts against the backends' count.
func claim(t *record.Totals) []Cell {
	const name = "Backend attempts, as the gateway claims"
	switch t.GatewayAttempts {
	case 0:
		return []Cell{text(name), text(None), text("it claims nothing")}
	case t.Attempts:
		return []Cell{text(name), text(Count(t.GatewayAttempts)), text("agrees")}
	}
	return []Cell{text(name), toned(Count(t.GatewayAttempts), Warn), toned("differs from the backends' count", Warn)}
}
