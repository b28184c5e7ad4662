package route

import (
	"time"

	"foundrylab/internal/tick"
)

// Seen is what a gateway has seen of one backend: what a policy may go by. Its
// zero value has seen nothing. The caller tells it of every attempt.
type Seen struct {
	// InFlight is how many attempts are under way.
	InFlight int64

	free   int64 // ppm; 0: it never said
	freeAt tick.Instant
	begins [2]begins // of whole answers and of streams: one begins with its last token, the other with its first
}

// begins is how long answers take to begin.
type begins struct {
	mean     int64        // of the times, in tick.Units times meanUnit
	measured tick.Instant // when the last one began; 0: none did
	silent   tick.Instant // since when nothing was heard, while something is awaited
	awaited  int64        // attempts whose answer has not begun
}

// A mean follows each answer by an eighth, or more where it is old: what was
// seen a memory ago counts no more. meanUnit is its fixed point.
const (
	meanUnit = 256
	follow   = meanUnit / 8
	memory   = 10 * time.Second
)

// unknown stands for the time of a backend that was asked and has not answered
// yet; longer ones count as that. It is 59 hours, and leaves room to multiply.
const unknown = 1 << 31

func (s *Seen) of(stream bool) *begins {
	if stream {
		return &s.begins[1]
	}
	return &s.begins[0]
}

// Sent notes an attempt.
func (s *Seen) Sent(now tick.Instant, stream bool) {
	s.InFlight++
	b := s.of(stream)
	if b.awaited == 0 {
		b.silent = now
	}
	b.awaited++
}

// Began notes that the answer to an attempt, sent at that time, began well.
func (s *Seen) Began(now, sent tick.Instant, stream bool) {
	b := s.of(stream)
	b.awaited--
	b.silent = now
	took := min(int64(tick.ToUnits(now.Sub(sent))), unknown) * meanUnit
	if b.measured == 0 {
		b.mean = took
	} else {
		age := min(now.Sub(b.measured), memory)
		b.mean += (took - b.mean) * max(follow, int64(age)*meanUnit/int64(memory)) / meanUnit
	}
	b.measured = now
}

// Answered notes that the answer to an attempt began which says nothing of how
// long others take.
func (s *Seen) Answered(stream bool) { s.of(stream).awaited-- }

// Ended notes the end of an attempt, whether or not its answer had begun.
func (s *Seen) Ended(now tick.Instant, stream, begun bool) {
	s.InFlight--
	if !begun {
		b := s.of(stream)
		b.awaited--
		b.silent = now
	}
}

// Heard notes what an answer said is free of a backend, in parts per million of
// its limit, from 1.
func (s *Seen) Heard(now tick.Instant, free int32) { s.free, s.freeAt = int64(free), now }

// Free is what is free of a backend, in parts per million: all of it, where it
// has not said so lately.
func (s *Seen) Free(now tick.Instant) int64 {
	if s.free == 0 || now.Sub(s.freeAt) >= memory {
		return 1_000_000
	}
	return s.free
}

// Begins is how long an answer may be taken to need to begin, in tick.Units. A
// backend of which that is not known, or no longer, has 0 until it is asked, and
// then a very long time until it answers: so one request finds out, and not a
// herd. Nor does silence go unnoticed: whoever has not been heard of for longer
// than its mean, although it owes an answer, needs at least that long.
func (s *Seen) Begins(now tick.Instant, stream bool) int64 {
	b := s.of(stream)
	known := b.measured != 0 && now.Sub(b.measured) < memory
	switch {
	case !known && b.awaited == 0:
		return 0
	case !known:
		return unknown
	case b.awaited == 0:
		return b.mean / meanUnit
	}
	return min(max(b.mean/meanUnit, int64(tick.ToUnits(now.Sub(b.silent)))), unknown)
}
