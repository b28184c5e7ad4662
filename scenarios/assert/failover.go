package assert

import "foundrylab/internal/record"

// failoverView is what the language sees of a record.FailoverResult.
type failoverView struct {
	Fault              string  `expr:"fault" help:"the fault's name"`
	Backend            string  `expr:"backend" help:"the backend it struck"`
	TimeToDetect       float64 `expr:"time_to_detect" unit:"ms" absent:"never" help:"from the fault's start until the gateway noticed"`
	TimeToRecover      float64 `expr:"time_to_recover" unit:"ms" absent:"never" help:"from the fault's start until the service level held again"`
	TimeToFailback     float64 `expr:"time_to_failback" unit:"ms" absent:"never" help:"from the fault's end until the backend served again"`
	FailedRequests     int     `expr:"failed_requests" unit:"count" help:"requests of all tenants that failed from the fault's beginning to its end or the recovery, whichever is later"`
	ThrottledRequests  int     `expr:"throttled_requests" unit:"count" help:"requests of all tenants that ended by a 429 in that time"`
	BrokenStreams      int     `expr:"broken_streams" unit:"count" help:"failed requests among them whose content had begun"`
	RescuedRequests    int     `expr:"rescued_requests" unit:"count" help:"requests under it that succeeded after more than one try or attempt"`
	RetryAmplification float64 `expr:"retry_amplification" unit:"ratio" help:"attempts per request under the fault"`
}

var failoverEntry = Entry{
	Name:    "failover",
	Help:    "What the fault of that name did, and how the gateway came through it",
	Example: `failover("ptu-outage").time_to_recover < 5s`,
	Arg:     "fault",
	Args:    func(n Names) []string { return n.Faults },
	Value: func(res *record.Result) any {
		return func(fault string) (failoverView, error) {
			for i := range res.Failover {
				if res.Failover[i].Fault == fault {
					return viewFailover(&res.Failover[i]), nil
				}
			}
			return failoverView{}, absentError("fault", fault)
		}
	},
}

func viewFailover(f *record.FailoverResult) failoverView {
	return failoverView{
		Fault:              f.Fault,
		Backend:            f.Backend,
		TimeToDetect:       fromMillis(f.TimeToDetect),
		TimeToRecover:      fromMillis(f.TimeToRecover),
		TimeToFailback:     fromMillis(f.TimeToFailback),
		FailedRequests:     int(f.FailedRequests),
		ThrottledRequests:  int(f.ThrottledRequests),
		BrokenStreams:      int(f.BrokenStreams),
		RescuedRequests:    int(f.RescuedRequests),
		RetryAmplification: fromRatio(f.RetryAmplification),
	}
}
