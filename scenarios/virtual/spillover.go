package virtual

import (
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// goesOn sends a refused attempt on to where its backend spills over to, and
// reports whether it did. Where the second one refuses too, and its answer does
// not count, e becomes the first one's.
func (r *Runner) goesOn(now tick.Instant, backend int, e *deployment.Effect) bool {
	a := &r.sent[e.Ref.Slot]
	to := r.spill[backend]
	switch {
	case a.spilled && e.Kind == deployment.Refuse && a.refusal.Kind == deployment.Refuse:
		*e = a.refusal
		return false
	case a.spilled, to < 0, !deployment.Spills(e):
		return false
	}
	a.spilled, a.backend = true, uint16(to)
	if !r.target[backend] {
		a.refusal = *e
	}
	r.startAt(now, to, e.Ref)
	return true
}
