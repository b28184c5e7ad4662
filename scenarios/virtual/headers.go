package virtual

import (
	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// hears reports whether a gateway's policy goes by what answers say of limits:
// for others nobody needs to work it out.
func hears(policy string) bool { return policy == "utilization-aware" }

// planned keeps what the headers of an admitted attempt will say of the limits.
func (r *Runner) planned(backend int, e *deployment.Effect) {
	for int(e.Ref.Slot) >= len(r.free) {
		r.free = append(r.free, 0)
	}
	r.free[e.Ref.Slot] = r.freeOf(backend, e)
}

// headers is what a good answer's headers say of the limits: of a provisioned
// deployment as it is now, of a standard one as it was at admission.
func (r *Runner) headers(now tick.Instant, backend int, e *deployment.Effect) int32 {
	if !r.hears {
		return 0
	}
	if r.isPTU[backend] {
		return r.utilization(now, backend)
	}
	return r.free[e.Ref.Slot]
}

// refusal is what the headers of a 429 say of the limits.
func (r *Runner) refusal(now tick.Instant, backend int, e *deployment.Effect) int32 {
	switch {
	case !r.hears || e.Status != 429:
		return 0
	case r.isPTU[backend]:
		return r.utilization(now, backend)
	case e.Reason == record.ThrottleFault || e.Reason == record.InFlightBound: // those do not speak of limits
		return 0
	}
	return r.freeOf(backend, e)
}

// utilization is told in tenths of a percent, rounded half up.
func (r *Runner) utilization(now tick.Instant, backend int) int32 {
	return route.FreeAt((int64(r.world.Backends[backend].UtilizationPPM(now)) + 500) / 1_000 * 1_000)
}

func (r *Runner) freeOf(backend int, e *deployment.Effect) int32 {
	core := r.world.Backends[backend]
	tpm, rpm := core.Limits()
	says := core.Headers()
	if tpm == 0 || !says.Limits {
		return 0
	}
	return route.FreeOf(int64(e.RemainingTokens), tpm, int64(e.RemainingRequests), says.RequestsOf(rpm))
}
