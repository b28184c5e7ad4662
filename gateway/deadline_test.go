package gateway

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
)

func TestDeadlineOf(t *testing.T) {
	for _, c := range []struct {
		name string
		h    http.Header
		want uint64 // milliseconds
	}{
		{"none", http.Header{}, 0},
		{"an SDK's", http.Header{"X-Stainless-Timeout": {"600"}}, 600_000},
		{"with a fraction", http.Header{"X-Stainless-Timeout": {"2.5"}}, 2_000},
		{"our own goes first", http.Header{"X-Stainless-Timeout": {"600"}, "X-Gateway-Deadline-Ms": {"1500"}}, 1_500},
		{"for ever", http.Header{"X-Stainless-Timeout": {"18446744073709551615"}}, 429_496_729 /* as long as can be told */},
		{"no time at all is no deadline", http.Header{"X-Gateway-Deadline-Ms": {"0"}}, 0},
		{"no number", http.Header{"X-Stainless-Timeout": {"NaN"}}, 0},
		{"negative", http.Header{"X-Stainless-Timeout": {"-1"}}, 0},
		{"twice", http.Header{"X-Stainless-Timeout": {"1", "2"}}, 0},
	} {
		if got := uint64(deadlineOf(c.h).Span() / time.Millisecond); got != c.want {
			t.Errorf("%s: %d ms, want %d", c.name, got, c.want)
		}
	}
}

// What fails after the time that its client waits is not asked for again; before that it is.
func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	for _, c := range []struct {
		deadline string
		attempts int
	}{{"1500", 2}, {"500", 1}} {
		synctest.Test(t, func(t *testing.T) {
			slow := always(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
				status(500)(w, r)
			})
			lb := newLab(t, []*fake{slow, always(ok)}, nil)
			lb.post(classic, chat, "X-Gateway-Deadline-Ms", c.deadline)
			sends := 0
			for _, s := range lb.Tape().Steps {
				for _, e := range s.Effects {
					if e.Kind == core.Send {
						sends++
					}
				}
			}
			if sends != c.attempts {
				t.Errorf("deadline %s ms: %d attempts, want %d", c.deadline, sends, c.attempts)
			}
		})
	}
}
