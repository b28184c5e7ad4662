package live

import (
	"os"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios/virtual"
)

// thirtyUsers never wait longer than they think: what they get is what a
// sliding window of 100,000 tokens gives. The gateway passes 429s on and
// keeps nobody away.
const thirtyUsers = `
version: 1
duration: 4m
backends:
  - {name: b, model: gpt-35-turbo, sku: GlobalStandard, tpm: 100k, profile: azure-2024, count_rejected: false,
     latency: {ttft: {p50: 1s, p95: 1s}, tokens_per_s: 1M, spread: 0.0001%}}
gateway:
  route: {groups: [[b]]}
  retry: {attempts: 1}
  breaker: {failures: 1000, max_retry_after: 1ms}
tenants:
  - {name: users, users: 30, think: {constant: 1s}, max_tokens: 200, client: none}
`

// charges keeps what a backend charged, and when.
type charges struct {
	virtualSink
	start    tick.Instant
	at       []tick.Instant
	charged  []int64
	attempts int
}

// virtualSink ignores all entries but attempts.
type virtualSink struct{}

func (virtualSink) Request(*record.Request)       {}
func (virtualSink) Try(*record.Try)               {}
func (virtualSink) Sample(*record.Sample)         {}
func (virtualSink) Transition(*record.Transition) {}
func (virtualSink) Lag(time.Duration)             {}
func (virtualSink) Dropped(int64)                 {}

func (c *charges) Attempt(a *record.Attempt) {
	c.attempts++
	if a.Charged > 0 {
		c.at, c.charged = append(c.at, a.Start), append(c.charged, a.Charged)
	}
}

// window sums what was charged from begin on, for a minute.
func (c *charges) window(begin tick.Instant) (sum int64) {
	for i, at := range c.at {
		if at >= begin && at.Sub(begin) < time.Minute {
			sum += c.charged[i]
		}
	}
	return sum
}

// check holds that no span of a minute, wherever it begins, has more than the
// limit, and that each minute after the first has nearly all of it.
func (c *charges) check(t *testing.T, run time.Duration) {
	t.Helper()
	for _, at := range c.at {
		if sum := c.window(at); sum > 100_000 {
			t.Fatalf("%d tokens in the minute from %v", sum, at.Sub(c.start))
		}
	}
	for begin := time.Minute; begin+time.Minute <= run; begin += time.Minute {
		sum := c.window(c.start.Add(begin))
		if sum < 95_000 {
			t.Errorf("only %d tokens in the minute from %v, want 95,000", sum, begin)
		}
		t.Logf("%d tokens in the minute from %v", sum, begin)
	}
	t.Logf("%d attempts, %d admitted", c.attempts, len(c.at))
}

func (c *charges) total() (sum int64) {
	for _, n := range c.charged {
		sum += n
	}
	return sum
}

func TestThirtyUsersAtTheLimit(t *testing.T) {
	s := loadScenario(t, thirtyUsers)
	c := &charges{start: tick.Instant(s.StartTime().UnixNano())}
	virtual.Run(s, virtual.Options{Also: c})
	c.check(t, time.Duration(s.Duration))
}

// The same live: as much is charged and refused as in virtual time.
func TestSoakThirtyUsersLiveAsVirtual(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("takes four minutes: set FOUNDRYLAB_SOAK")
	}
	s := loadScenario(t, thirtyUsers)
	want := &charges{}
	virtual.Run(s, virtual.Options{Also: want})
	got := &charges{}
	if _, err := Run(t.Context(), s, Options{Also: got, Note: t.Logf}); err != nil {
		t.Fatal(err)
	}
	got.start = got.at[0].Floor()
	got.check(t, time.Duration(s.Duration)-time.Second)
	for what, pair := range map[string][2]int64{"charged": {got.total(), want.total()}, "attempts": {int64(got.attempts), int64(want.attempts)}} {
		if live, virtual := pair[0], pair[1]; max(live-virtual, virtual-live)*50 > virtual {
			t.Errorf("%s: %d live, %d virtual: more than 2 %% apart", what, live, virtual)
		}
		t.Logf("%s: %d live, %d virtual", what, pair[0], pair[1])
	}
}

var _ record.Sink = (*charges)(nil)
