package virtual

import (
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// goesOn sends a refused attempt on to where its backend spills over to, and
// reports whether it did. Where the second one refuses too, and its answer does
// not count, e becomes the first one's.
func (r *Runner) goesOn(now tick.Instant, backend int, e *deployment.Effect) bool {
	t := r.attempt(e.Ref)
	to := r.spill[backend]
	switch {
	case t.held && e.Kind == deployment.Refuse:
		*e = r.refused[e.Ref.Slot]
		return false
	case t.spilled, to < 0, !deployment.Spills(e):
		return false
	}
	t.spilled, t.backend = true, uint16(to)
	if !r.target[backend] {
		for int(e.Ref.Slot) >= len(r.refused) {
			r.refused = append(r.refused, deployment.Effect{})
		}
		t.held, t.from, r.refused[e.Ref.Slot] = true, uint16(backend), *e
	}
	r.startAt(now, to, e.Ref)
	return true
}
