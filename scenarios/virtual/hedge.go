package virtual

import (
	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
)

// beside stands, in sent, for the try of an attempt that a gateway makes beside
// another one: what is particular to it has a place of its own, so that a try
// stays as small as it is without.
const beside = 1<<32 - 1

// attempt returns the try whose present attempt that is.
func (r *Runner) attempt(ref record.Ref) *try { return r.tryOf(ref.Slot) }

func (r *Runner) tryOf(slot uint32) *try {
	if of := r.sent[slot]; of != beside {
		return &r.tries[of]
	}
	return &r.second[slot]
}

// beside returns the place of an attempt beside that of a try.
func (r *Runner) beside(slot uint32, first *try) *try {
	for int(slot) >= len(r.second) {
		r.second = append(r.second, try{})
	}
	r.sent[slot], r.second[slot] = beside, *first
	return &r.second[slot]
}

// overtake makes an attempt beside another one, which is over by now, the one of
// its try: its answer is what the client gets.
func (r *Runner) overtake(e *gateway.Effect) {
	r.tries[e.Req.Slot] = r.second[e.Ref.Slot]
	r.sent[e.Ref.Slot] = e.Req.Slot
}
