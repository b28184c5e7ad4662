package latency

import (
	"time"

	"foundrylab/internal/tick"
)

// Schedule says when each token of one answer comes: a flat value, in spans
// after the answer was admitted, whose size does not depend on the answer's.
// At and Count are each other's inverse, to the nanosecond, and cost the same
// for every token.
type Schedule struct {
	Head   tick.Units // response headers and, streamed, the filter-only event
	Think  tick.Units // of the time before First: the model reasons, at its pace
	First  tick.Units // the first token
	Next   tick.Units // token From+1: First, until the rest is rescaled
	End    tick.Units // the last token and what closes the answer, but for Pause
	Pause  tick.Units // nothing comes for so long after token After
	Tokens int32      // that come, of each choice
	Bursts Bursts     // how many come at once
	From   int32      // had come when the rest was last rescaled
	After  uint16     // the answer pauses after this token or, without a Pause, breaks off; 0: it does neither
	Whole  bool       // not streamed: everything comes at the end
}

// HeadIn returns when the headers come.
func (s *Schedule) HeadIn() tick.Units {
	if s.Whole {
		return s.Over()
	}
	return s.Head
}

// FirstIn returns when the first token comes.
func (s *Schedule) FirstIn() tick.Units {
	if s.Whole {
		return s.Over()
	}
	return s.First
}

// PutOff moves an answer of which nothing has come.
func (s *Schedule) PutOff(late tick.Units) {
	s.Head, s.First, s.Next, s.End = s.Head.Plus(late), s.First.Plus(late), s.Next.Plus(late), s.End.Plus(late)
}

// Rescale lets what is still to come at d take num/den of its time from then
// on. What of the time to the first token is no thinking is not of the pace and
// stays, and so does a pause: one that has begun goes on, and is then part of the times. d must not
// be before an earlier call's.
func (s *Schedule) Rescale(d time.Duration, num, den int64) {
	thought := d >= s.First.Span()
	if s.Tokens <= 1 && (thought || s.Think == 0) {
		return
	}
	n, from := s.Count(d), max(d, (s.First-s.Think).Span())
	if !s.Whole {
		if n >= s.Tokens && thought || s.BreaksOff() && n >= int32(s.After) {
			return
		}
		next := s.At(n + 1)
		if begun := s.paced(int32(s.After)); s.Pause > 0 && d >= begun {
			from = max(d, begun+s.Pause.Span())
			s.End, s.Pause, s.After = s.Over(), 0, 0
		}
		s.From, s.Next = n, up(rescaled(next, from, num, den))
	}
	last := s.End - s.First
	if s.Tokens > 1 {
		s.End = up(rescaled(s.End.Span(), from, num, den))
	}
	if !thought {
		first := up(rescaled(s.First.Span(), from, num, den))
		s.Think, s.First, s.Next = s.Think+first-s.First, first, first
	}
	if s.Tokens <= 1 {
		s.End = s.First.Plus(last)
	}
	s.End = max(s.End, s.Next)
}

// Reasoned returns how many of so many reasoning tokens have been thought by a
// span after the admission. Nobody sees them; they are billed.
func (s *Schedule) Reasoned(d time.Duration, all int32) int32 {
	begun := (s.First - s.Think).Span()
	switch {
	case d >= s.First.Span():
		return all
	case d <= begun:
		return 0
	}
	return int32(tick.MulDiv(int64(d-begun), int64(all), int64(s.Think.Span())))
}

// rescaled moves an instant after from.
func rescaled(at, from time.Duration, num, den int64) time.Duration {
	if at <= from {
		return at
	}
	return from + time.Duration(tick.CeilMulDiv(int64(at-from), num, den))
}

// Over returns when the answer is complete. All its tokens have come by then.
func (s *Schedule) Over() tick.Units { return s.End.Plus(s.Pause) }

// BreaksOff reports whether the answer breaks off after After tokens.
func (s *Schedule) BreaksOff() bool { return s.After > 0 && s.Pause == 0 }

// Ends returns when the answer is over, one way or the other: complete, or
// broken off. That is on the grid, as all that others react to: at the token's
// instant, or less than a grid unit after it.
func (s *Schedule) Ends() tick.Units {
	if !s.BreaksOff() {
		return s.Over()
	}
	return up(s.At(int32(s.After)))
}

// up rounds a span up to the grid; it must not be negative.
func up(d time.Duration) tick.Units {
	return tick.Units(tick.CeilMulDiv(int64(d), 1, int64(tick.Grid)))
}

// At returns when token k, from 1, comes: the least span for which Count is at
// least k. Of tokens that had come when the rest was rescaled it returns no
// more than that they had.
func (s *Schedule) At(k int32) time.Duration {
	if s.Whole {
		return s.Over().Span()
	}
	d := s.paced(k)
	if k > int32(s.After) {
		d += s.Pause.Span()
	}
	return d
}

// Count returns how many tokens have come by a span after the admission that
// is not before the last rescaling. All that do come are out by Over.
func (s *Schedule) Count(d time.Duration) int32 {
	if s.Whole {
		if d < s.Over().Span() {
			return 0
		}
		return s.Tokens
	}
	n := s.counted(d)
	if after := int32(s.After); s.Pause > 0 && n > after {
		n = max(after, s.counted(d-s.Pause.Span()))
	}
	return n
}

// paced is At as it would be without a pause. Tokens are made evenly: the last
// of the burst of token From+1 at Next, the last of all at End. Each comes when
// the last of its burst is made.
func (s *Schedule) paced(k int32) time.Duration {
	if k <= s.From {
		return s.First.Span()
	}
	next, end, first := s.Next.Span(), s.End.Span(), s.burst(s.From+1)
	if k = s.burst(k); k <= first {
		return next
	}
	return next + time.Duration(tick.CeilMulDiv(int64(end-next), int64(k-first), int64(s.Tokens-first)))
}

// counted is Count as it would be without a pause.
func (s *Schedule) counted(d time.Duration) int32 {
	next, end, first := s.Next.Span(), s.End.Span(), s.burst(s.From+1)
	switch {
	case s.Tokens == 0 || d < s.First.Span():
		return 0
	case d < next:
		return s.From
	case d >= end || s.Tokens <= first:
		return s.Tokens
	}
	made := first + int32(tick.MulDiv(int64(d-next), int64(s.Tokens-first), int64(end-next)))
	return s.Bursts.within(made)
}

// burst returns the last token of token k's burst.
func (s *Schedule) burst(k int32) int32 { return min(s.Bursts.last(k), s.Tokens) }
