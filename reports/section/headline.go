package section

import "foundrylab/internal/record"

func buildHeadline(r *record.Result) []Block {
	if r.Totals.Requests == 0 {
		return nil
	}
	var cards []Card
	cards = appendRecovery(cards, r.Failover)
	cards = append(cards, Card{
		Name:  "Rescued requests",
		Value: Count(r.Totals.Rescued),
		Note:  Percent(Share(r.Totals.Rescued, r.Totals.Requests)) + " of requests succeeded after a second sending",
	})
	if name, v := worst(r.Tenants, func(t *record.TenantResult) record.Ratio { return t.GoodputRatio }); v != record.Null {
		cards = append(cards, Card{Name: "Worst goodput", Value: Percent(v), Note: "tenant " + name + ", of what it offered"})
	}
	if name, v := worst(r.Tenants, func(t *record.TenantResult) record.Ratio { return t.SatisfactionMin }); v != record.Null {
		cards = append(cards, Card{Name: "Least satisfied", Value: Index(v), Note: "tenant " + name + ", in its worst window; 1 is its whole entitlement"})
	}
	if r.Totals.RetryAmplification != record.Null {
		cards = append(cards, Card{
			Name:  "Retry amplification",
			Value: Times(r.Totals.RetryAmplification),
			Note:  Count(r.Totals.Attempts) + " attempts for " + Plural(r.Totals.Requests, "request"),
		})
	}
	return []Block{{Title: "At a glance", Anchor: "headline", Kind: KindCards, Cards: cards}}
}

// appendRecovery adds the slowest recovery; a fault never recovered from is
// slower than all others.
func appendRecovery(cards []Card, faults []record.FailoverResult) []Card {
	if len(faults) == 0 {
		return cards
	}
	w := faults[0]
	for _, f := range faults[1:] {
		if w.TimeToRecover != record.Null && (f.TimeToRecover == record.Null || f.TimeToRecover > w.TimeToRecover) {
			w = f
		}
	}
	c := Card{Name: "Slowest recovery", Value: Span(w.TimeToRecover), Note: "after fault " + w.Fault}
	if w.TimeToRecover == record.Null {
		c.Value, c.Tone, c.Note = "never", Bad, "fault "+w.Fault+" outlasted the service level"
	}
	return append(cards, c)
}

// worst returns the tenant with the least value, ignoring Null.
func worst(tenants []record.TenantResult, of func(*record.TenantResult) record.Ratio) (string, record.Ratio) {
	name, least := "", record.Ratio(record.Null)
	for i := range tenants {
		if v := of(&tenants[i]); v != record.Null && (least == record.Null || v < least) {
			name, least = tenants[i].Name, v
		}
	}
	return name, least
}
