package replica

import (
	"context"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"foundrylab/internal/tick"
	"foundrylab/simulator/lease"
	"foundrylab/simulator/replica/redistest"
)

func TestOpenRefuses(t *testing.T) {
	for _, address := range []string{"", "localhost:6379", "http://localhost", "redis://", "redis://:se%zzcret@host", "redis://:secret@host/zero",
		"redis://:secret@host:port", "redis://:secret@host/0?nonsense=1"} {
		if _, err := Open(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"redis://localhost", "rediss://user:secret@[::1]:6380/3"} {
		s, err := Open(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if where := s.String(); where != "redis://localhost:6379/0" && where != "rediss://[::1]:6380/3" {
			t.Errorf("%s is shown as %s", address, where)
		}
		s.Close()
	}
}

// The script does to the unit what the Book does, over random calls of several
// replicas, at a clock that the test sets.
func TestScriptIsTheBook(t *testing.T) {
	server := redistest.Start(t)
	real := script
	defer func() { script = real }()
	script = redis.NewScript(strings.Replace(source, "redis.call('TIME')", "redis.call('MGET', 'seconds', 'micros')", 1))
	for seed := range int64(6) {
		dice := rand.New(rand.NewSource(seed))
		var stores []*Store
		for range 3 {
			s, err := Open(server.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			stores = append(stores, s)
		}
		ctx := t.Context()
		set := func(now tick.Instant) {
			us := int64(now) / 1000
			if err := stores[0].client.MSet(ctx, "seconds", us/1_000_000, "micros", us%1_000_000).Err(); err != nil {
				t.Fatal(err)
			}
		}
		stores[0].client.FlushAll(ctx)
		now := tick.Instant(1_767_571_200_000_000_000 + dice.Int63n(1e12)*1000)
		var book *lease.Book
		leases := make([][lease.Meters]lease.Units, len(stores))
		for step := range 400 {
			now = now.Add(time.Duration(dice.Int63n([]int64{1000, 100_000, 3_000_000}[dice.Intn(3)])) * time.Microsecond)
			set(now)
			who := dice.Intn(len(stores))
			c := randomCall(dice, &leases[who])
			if step == 0 {
				book = lease.NewBook(uint64(now / 1000))
			} else if dice.Intn(20) == 0 {
				c.Epoch = uint64(dice.Intn(2)) * 7 // joins anew, or comes from another state
			} else {
				c.Epoch = book.Epoch()
			}
			got, err := stores[who].Exchange(ctx, "gpt", &c)
			if err != nil {
				t.Fatal(err)
			}
			want := book.Exchange(now, stores[who].name, &c)
			if got != want {
				t.Fatalf("seed %d, step %d: %+v\ngot  %+v\nwant %+v", seed, step, c, got, want)
			}
			for i := range got.Lines {
				leases[who][i] = got.Lines[i].Units
			}
		}
	}
}

// randomCall makes a call that gives part of the latest leases back.
func randomCall(dice *rand.Rand, leases *[lease.Meters]lease.Units) (c lease.Call) {
	meters := []lease.Meter{
		{Name: "tokens", Kind: lease.Fixed, Limit: 10_000, Period: time.Minute},
		{Name: "requests", Kind: lease.Sliding, Limit: 300, Period: 10 * time.Second},
		{Name: "utilization", Kind: lease.Bucket, Limit: 50_000_000, Drain: 3_700_000_001},
		{Name: "minute", Kind: lease.Tally, Limit: 60, Period: time.Minute},
	}
	for i := range meters {
		l := &c.Lines[i]
		l.Meter = meters[i]
		scale := max(l.Limit/10, 2)
		l.Need = dice.Int63n(scale) * dice.Int63n(2)
		l.Least = l.Need - min(l.Need, dice.Int63n(scale))
		l.Want = l.Need + dice.Int63n(scale)
		l.Wait = 1 + dice.Int63n(l.Limit)
		l.Count = dice.Int63n(scale) * (dice.Int63n(8) / 7)
		if l.Kind == lease.Bucket {
			l.Count -= dice.Int63n(scale)
		}
		if l.Kind != lease.Tally {
			l.Back[dice.Intn(2)] = lease.Units{Slot: leases[i].Slot, N: dice.Int63n(leases[i].N + 1)}
		}
	}
	return c
}

// A server that asks for a password gets it, and one that is away or stuck is
// an error within the time that a call may take; none repeats the password.
func TestExchangeFails(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "secret")
	call := &lease.Call{}
	for address, wrong := range map[string]string{"redis://:secret@" + server.Addr: "", "redis://:false@" + server.Addr: "WRONGPASS", server.URL(): "NOAUTH"} {
		s, err := Open(address)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Exchange(t.Context(), "gpt", call)
		if wrong == "" && (err != nil || r.Epoch == 0 || r.Replicas != 1) || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %+v, %v", address, r, err)
		}
		if wrong == "" {
			began := time.Now()
			server.Kill()
			if _, err := s.Exchange(context.Background(), "gpt", call); err == nil || strings.Contains(err.Error(), "secret") || time.Since(began) > 2*time.Second {
				t.Errorf("killed: %v after %v", err, time.Since(began))
			}
			server.Restart()
			if _, err := s.Exchange(t.Context(), "gpt", call); err != nil {
				t.Errorf("restarted: %v", err)
			}
		}
		s.Close()
	}
}

func TestReadRefuses(t *testing.T) {
	for _, answer := range [][]any{nil, {"1"}, {"x", int64(1)}, {"0", int64(1)}, {int64(1), int64(1)}, {"1", "1"}, {"1", int64(1), int64(2)}} {
		if r, err := read(answer, 1); err == nil {
			t.Errorf("%v: %+v", answer, r)
		}
	}
}
