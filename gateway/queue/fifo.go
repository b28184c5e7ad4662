package queue

import "foundrylab/internal/tick"

// fifo serves by arrival over all tenants; what was dispatched once goes first.
type fifo struct{ q *Queue }

func newFIFO(q *Queue, _ *band) order { return &fifo{q} }

func (*fifo) rank(_ tick.Instant, returned bool) int64 {
	if returned {
		return -1
	}
	return 0
}

func (f *fifo) again(l *line) {
	s := &f.q.slots[l.first]
	l.turn.major, l.turn.minor = s.rank, s.seq
}

func (f *fifo) join(l *line)      { f.again(l) }
func (*fifo) take(*line, int64)   {}
func (*fifo) charge(*line, int64) {}
func (*fifo) leave(*line)         {}
func (*fifo) inherit(order)       {}

func (f *fifo) ahead(l *line, _ int64) int64 { return f.q.bands[l.band].cost }
