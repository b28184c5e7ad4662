package section

import "foundrylab/internal/record"

func buildFailover(r *record.Result) []Block {
	if len(r.Failover) == 0 {
		return nil
	}
	t := Table{Columns: []Column{
		{Name: "Fault", Brief: true},
		{Name: "Backend", Brief: true},
		{Name: "When", Number: true},
		{Group: "Time to", Name: "detect", Number: true, Brief: true},
		{Group: "Time to", Name: "recover", Number: true, Brief: true},
		{Group: "Time to", Name: "fail back", Number: true, Brief: true},
		{Group: "Requests", Name: "failed", Number: true, Brief: true},
		{Group: "Requests", Name: "throttled", Number: true, Brief: true},
		{Group: "Requests", Name: "cut off", Number: true},
		{Group: "Requests", Name: "rescued", Number: true, Brief: true},
		{Name: "Amplification", Number: true},
	}}
	for _, f := range r.Failover {
		recover := text(Span(f.TimeToRecover))
		if f.TimeToRecover == record.Null {
			recover.Tone = Bad
		}
		t.Rows = append(t.Rows, []Cell{
			text(f.Fault), text(f.Backend), text(when(r.Timeline.Faults, f.Fault)),
			text(Span(f.TimeToDetect)), recover, text(Span(f.TimeToFailback)),
			text(Count(f.FailedRequests)), text(Count(f.ThrottledRequests)), text(Count(f.BrokenStreams)),
			text(Count(f.RescuedRequests)), text(Times(f.RetryAmplification)),
		})
	}
	return []Block{{
		Title: "Failover", Anchor: "failover", Kind: KindTable, Brief: true,
		Note:  "Detect and recover count from the fault's start, fail back from its end; – means it never came.",
		Table: t,
	}}
}

// when says at which moment of the run the named fault lies.
func when(faults []record.FaultSpan, name string) string {
	for _, f := range faults {
		if f.Name == name {
			return Clock(int64(f.AtMs)/1000) + "–" + Clock(int64(f.AtMs+f.ForMs)/1000)
		}
	}
	return None
}
