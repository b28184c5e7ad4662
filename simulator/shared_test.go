package simulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/lease"
)

// bookState is a State in this process, a millisecond away.
type bookState struct {
	mu   *sync.Mutex // of the book
	book *lease.Book
	name string
	down *atomic.Bool
}

func (s *bookState) Exchange(ctx context.Context, deployment string, c *lease.Call) (lease.Reply, error) {
	time.Sleep(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down.Load() {
		return lease.Reply{}, errors.New("out of reach")
	}
	return s.book.Exchange(tick.Instant(time.Now().UnixNano()), s.name, c), nil
}

// pair is two Servers with the same single deployment on one Book, in a bubble's time.
type pair struct {
	*testing.T
	servers [2]*Server
	down    atomic.Bool
	log     [2]bytes.Buffer
	mu      sync.Mutex
	paid    int64 // charged in the end, as the ledgers tell it
	refused []record.Attempt
}

func inPair(t *testing.T, d deployment.Config, away lease.Away, test func(p *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, book, mu := &pair{T: t}, lease.NewBook(7), new(sync.Mutex)
		for i := range p.servers {
			cfg := Config{Deployments: []deployment.Config{d}, Seed: uint64(i), Clock: drive.NewClock(epoch.Add(time.Duration(i) * time.Hour)), Record: true, Logger: zerolog.New(zerolog.SyncWriter(&p.log[i])),
				Sharing: Sharing{State: &bookState{mu: mu, book: book, name: fmt.Sprint(i), down: &p.down}, Away: away}}
			cfg.Ledger = func(_ int, a record.Attempt) {
				p.mu.Lock()
				defer p.mu.Unlock()
				if p.paid += a.Charged; a.Outcome != record.Succeeded {
					p.refused = append(p.refused, a)
				}
			}
			s, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			p.servers[i] = s
		}
		test(p)
		for _, s := range p.servers {
			s.Close()
			time.Sleep(time.Second)
			if at, got := replay(s.backends[0]); at >= 0 {
				t.Errorf("step %d comes out differently: %+v", at, got)
			}
		}
	})
}

// post sends one request to a server and returns its answer.
func (p *pair) post(server int, maxTokens int) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/openai/v1/chat/completions",
		strings.NewReader(fmt.Sprintf(`{"model":"gpt-4.1","max_tokens":%d,"messages":[{"role":"user","content":"Hello"}]}`, maxTokens)))
	r.Header.Set("Api-Key", "foundrylab-key")
	w := httptest.NewRecorder()
	p.servers[server].ServeHTTP(w, r)
	return w
}

// load lets users of both servers ask again and again for a while; a refused one pauses. It returns when all have ended.
func (p *pair) load(span time.Duration, users int) {
	end := time.Now().Add(span)
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			for time.Now().Before(end) {
				if w := p.post(u%2, 50+u%7*50); w.Code != http.StatusOK {
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

// charges returns what was charged to requests that were admitted between two instants of the first server's clock, and
// how many there were.
func (p *pair) charges(from, to tick.Instant) (tokens, requests int64) {
	for i, s := range p.servers {
		s.backends[0].driver.Locked(func(tick.Instant) { // it goes on taping
			for _, step := range s.Tape(0).Steps {
				for _, e := range step.Effects {
					at := e.At.Add(-time.Duration(i) * time.Hour)
					if e.Kind == deployment.Plan && at >= from && at < to {
						tokens, requests = tokens+int64(e.Charged), requests+1
					}
				}
			}
		})
	}
	return tokens, requests
}

// Two servers whose clocks are an hour apart admit one limit, nearly all of it and no more, whether its windows are
// fixed or slide; and one that has the load to itself gets all of it too.
func TestTwoServersHaveOneLimit(t *testing.T) {
	for _, window := range []string{"fixed", "sliding"} {
		for _, users := range []int{1, 8} {
			d := swift("gpt-4.1")
			d.Window, d.TPM, d.RPM = window, 6000, 60_000
			inPair(t, d, lease.Closed, func(p *pair) {
				p.load(2*time.Minute, users)
				for minute := range 2 { // whole minutes of the state's clock too
					from := epoch.Add(time.Duration(minute) * time.Minute)
					used, _ := p.charges(from, from.Add(time.Minute))
					t.Logf("%s, %d users, minute %d: %d tokens of 6000", window, users, minute, used)
					if used > 6000 || used < 5700 {
						t.Errorf("%s, %d users, minute %d: %d tokens", window, users, minute, used)
					}
				}
			})
		}
	}
}

// The limits on requests are shared as well, refused ones counting as in one process, and the headers say what is left.
func TestTwoServersCountRequests(t *testing.T) {
	d := swift("gpt-4.1")
	d.TPM, d.RPM = 1_000_000, 600 // 100 in 10 s, 10 in 1 s
	inPair(t, d, lease.Closed, func(p *pair) {
		for n := range 10 {
			if w := p.post(n%2, 50); w.Code != http.StatusOK {
				t.Errorf("request %d: %d %s", n, w.Code, w.Body)
			}
		}
		p.load(20*time.Second, 12)
		most := int64(0)
		for second := range 20 {
			from := epoch.Add(time.Duration(second) * time.Second)
			_, n := p.charges(from, from.Add(time.Second))
			most = max(most, n)
		}
		if most > 10 {
			t.Errorf("%d requests in a second", most)
		}
		time.Sleep(time.Minute)
		first, second := p.post(0, 100), p.post(1, 100)
		time.Sleep(2 * time.Second) // until each has heard of the other's
		third := p.post(0, 100)
		if third.Code != 200 || third.Header().Get("X-Ratelimit-Remaining-Requests") != "597" || third.Header().Get("X-Ratelimit-Limit-Requests") != "600" {
			t.Errorf("%d %d %d: %v", first.Code, second.Code, third.Code, third.Header()["X-Ratelimit-Remaining-Requests"])
		}
	})
}

// A provisioned deployment's bucket is one too: what requests cost in the end corrects it, and its refusals name a wait
// after which a lone retry is admitted.
func TestTwoServersHaveOneBucket(t *testing.T) {
	d := swift("gpt-4.1")
	d.SKU, d.TPM, d.PTU = "GlobalProvisionedManaged", 0, 15
	inPair(t, d, lease.Closed, func(p *pair) {
		perSecond := int64(15 * 3000 / 60)
		p.load(time.Minute, 40)
		used := p.paid
		whole := (10 + 60) * perSecond
		t.Logf("%d tokens of %d", used, whole)
		if used < whole*95/100 || used > whole+5000 {
			t.Errorf("%d tokens of %d", used, whole)
		}
		for i := 0; ; i++ {
			if i == 200 {
				t.Fatal("nothing is refused")
			}
			w := p.post(0, 400)
			if w.Code != http.StatusTooManyRequests {
				continue
			}
			var ms int
			if _, err := fmt.Sscan(w.Header().Get("Retry-After-Ms"), &ms); err != nil || ms <= 0 {
				t.Fatalf("%v: %v", err, w.Header())
			}
			time.Sleep(lease.Life + time.Duration(ms)*time.Millisecond)
			if w := p.post(0, 400); w.Code != http.StatusOK {
				t.Errorf("after the wait: %d %s", w.Code, w.Body)
			}
			return
		}
	})
}

// Without the state: answered as configured, said once, seen in the metrics; and afterwards it is as before.
func TestTheStateGoesAndComesBack(t *testing.T) {
	for _, c := range []struct {
		away   lease.Away
		status int
		least  int64
		most   int64
	}{{lease.LocalShare, 429, 0, 6000}, {lease.Closed, 503, 0, 0}, {lease.Open, 200, 12_000, 1 << 40}} {
		d := swift("gpt-4.1")
		d.TPM, d.RPM = 6000, 60_000
		inPair(t, d, c.away, func(p *pair) {
			time.AfterFunc(15*time.Second, func() { p.down.Store(true) })
			time.AfterFunc(35*time.Second, func() { p.down.Store(false) })
			go func() {
				time.Sleep(30 * time.Second)
				for i, s := range p.servers {
					v := scrape(p.T, s.Admin())
					if v["foundrylab_state_connected gpt-4.1"] != 0 || v["foundrylab_state_replicas gpt-4.1"] != 2 || v["foundrylab_state_degraded_seconds_total gpt-4.1"] < 13 {
						t.Errorf("server %d, away: %v", i, v)
					}
				}
			}()
			p.load(90*time.Second, 8)
			used, _ := p.charges(epoch.Add(17*time.Second), epoch.Add(35*time.Second))
			if used < c.least || used > c.most {
				t.Errorf("away %d: %d tokens", c.away, used)
			}
			statuses := map[uint16]int{}
			for _, a := range p.refused {
				statuses[a.Status]++
			}
			if c.status != 200 && statuses[uint16(c.status)] == 0 || statuses[503] > 0 != (c.away == lease.Closed) {
				t.Errorf("away %d: %v", c.away, statuses)
			}
			if used, _ := p.charges(epoch.Add(60*time.Second), epoch.Add(90*time.Second)); used > 6000 {
				t.Errorf("away %d: %d tokens when it was back", c.away, used)
			}
			for i, s := range p.servers {
				v := scrape(p.T, s.Admin())
				if away := v["foundrylab_state_degraded_seconds_total gpt-4.1"]; v["foundrylab_state_connected gpt-4.1"] != 1 || away < 18 || away > 23 {
					t.Errorf("server %d, back: %v", i, v)
				}
				if log := p.log[i].String(); strings.Count(log, "state is away") != 1 || strings.Count(log, "state is back") != 1 {
					t.Errorf("server %d says\n%s", i, log)
				}
			}
		})
	}
}
