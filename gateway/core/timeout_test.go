package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// However many attempts come and go, there is one timer for each slot that they
// use, it asks about a slot no more often than the shortest timeout comes, and
// nothing is allocated.
func TestTimersAreBounded(t *testing.T) {
	const inFlight, head, idle = 100, 2 * time.Second, 500 * time.Millisecond
	c, attempts, out := busy(inFlight, Timeouts{Head: unit.Duration(head), Idle: unit.Duration(idle)})
	now, asked, most := tick.Instant(1), 0, 0
	gens := make([]uint32, inFlight)
	n := 0
	step := func(ev Event) {
		out = c.Step(now, ev, out[:0])
		for _, e := range out {
			if e.Kind == Silence {
				asked++
				n := len(out)
				out = c.Step(now, Event{Kind: Silent, Ref: e.Ref}, out)[:n]
			}
		}
		most = max(most, c.timers.Len())
	}
	turn := func() {
		now = now.Add(time.Millisecond)
		slot := n % inFlight
		n++
		step(Event{Kind: Head, Ref: attempts[slot]})
		step(Event{Kind: End, Ref: attempts[slot], Status: 200, Outcome: record.Succeeded})
		gens[slot]++
		out = c.Step(now, Event{Kind: Request, Ref: record.Ref{Slot: uint32(slot), Gen: gens[slot]}, Key: uint64(n)}, out[:0])
		attempts[slot] = out[len(out)-1].Ref
	}
	for range 10_000 {
		turn()
	}
	spans := int(time.Duration(now)/idle) + 1
	if most > inFlight || asked == 0 || asked > inFlight*spans {
		t.Errorf("%d timers for %d slots; %d questions in %d spans", most, inFlight, asked, spans)
	}
	if got := testing.AllocsPerRun(1000, turn); got != 0 {
		t.Errorf("%v allocations in a turn", got)
	}
}

func TestTimeoutsValidate(t *testing.T) {
	for _, c := range []struct {
		t    Timeouts
		want string
	}{
		{Timeouts{}, ""},
		{Timeouts{Head: unit.Duration(time.Millisecond), Idle: unit.Duration(time.Hour)}, ""},
		{Timeouts{Head: 1, Idle: unit.Duration(999 * time.Microsecond)}, "head: is shorter than 1ms; idle: is shorter than 1ms"},
	} {
		var told []string
		c.t.Validate(func(path, format string, args ...any) { told = append(told, path+": "+fmt.Sprintf(format, args...)) })
		if got := strings.Join(told, "; "); got != c.want {
			t.Errorf("%+v: %q", c.t, got)
		}
	}
}
