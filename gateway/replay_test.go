package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// unruly answers in turn well, in a stream, with every kind of failure, and
// slowly: what a hundred clients at once make of it depends on the machine.
func unruly(shift int) *fake {
	kinds := []http.HandlerFunc{
		ok, stream(time.Millisecond, roleEvent, contentEvent, contentEvent, finishEvent, doneEvent), status(429, "Retry-After-Ms", "3"),
		status(500), stream(0, contentEvent, "cut"), reset, stream(3*time.Millisecond, contentEvent, contentEvent, doneEvent), status(400),
	}
	return &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) { kinds[(n+shift)%len(kinds)](w, r) }}
}

// unrulyBackends are a, b and c, which answer so over real connections.
func unrulyBackends(t *testing.T) (list []Backend) {
	for i, name := range []string{"a", "b", "c"} {
		server := httptest.NewServer(unruly(3 * i))
		t.Cleanup(server.Close)
		list = append(list, Backend{Name: name, URL: server.URL})
	}
	return list
}

// storm has so many clients ask a gateway at once over real connections, of which
// one in five leaves after a while, and returns when all handlers are done.
func storm(t *testing.T, gw *Gateway, clients int, patience time.Duration, body func(i int) string) {
	server := httptest.NewServer(gw)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			ctx := t.Context()
			if i%5 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, patience)
				defer cancel()
			}
			req, _ := http.NewRequestWithContext(ctx, "POST", server.URL+v1, strings.NewReader(body(i)))
			if resp, err := server.Client().Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	server.Close() // waits for the handlers
}

// A live run over real connections, replayed through a fresh core, decides the
// same; and every request has exactly one end.
func TestReplayOfALiveRun(t *testing.T) {
	cfg := Config{Seed: 5, Record: true}
	cfg.Backends, cfg.Core = unrulyBackends(t), Policy([]string{"a", "b"}, []string{"c"})
	cfg.Core.Breaker.Open = 2_000_000
	gw, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	const clients = 200
	storm(t, gw, clients, 2*time.Millisecond, func(i int) string { return marked(uint64(i)) })
	tape := gw.Tape()
	if i, got := drive.Replay(tape, newCore(&cfg.pools()[0], cfg.Clients, cfg.Seed)); i >= 0 {
		t.Fatalf("step %d: %+v\nlive   %+v\nreplay %+v", i, tape.Steps[i].Event, tape.Steps[i].Effects, got)
	}
	requests, responds := 0, map[record.Ref]int{}
	for _, s := range tape.Steps {
		if s.Event.Kind == core.Request {
			requests++
		}
		for _, e := range s.Effects {
			if e.Kind == core.Respond {
				responds[e.Req]++
			}
			if e.Kind == core.Stray {
				t.Errorf("the shell sent a stray event: %+v", s.Event)
			}
		}
	}
	for ref, n := range responds {
		if n != 1 {
			t.Errorf("%d responds to %v", n, ref)
		}
	}
	inside := -1
	first := gw.present.Load().pools[0].pool
	first.driver.Locked(func(tick.Instant) { inside = first.core.Active() })
	if inside != 0 || len(responds) != requests {
		t.Errorf("%d requests, %d responds, %d still in the core", requests, len(responds), inside)
	}
	if requests < clients-clients/5 {
		t.Errorf("only %d requests arrived", requests)
	}
	other := cfg
	other.Seed++
	if i, _ := drive.Replay(tape, newCore(&other.pools()[0], other.Clients, other.Seed)); i < 0 {
		t.Error("another seed decides the same: the replay cannot fail")
	}
}

// What names a request's dice: its marker, or its number, so that equal bodies
// are spread by weight too.
func TestKeys(t *testing.T) {
	gw, err := New(Config{Core: Policy([]string{"a", "b"}), Backends: []Backend{{Name: "a", URL: "http://a"}, {Name: "b", URL: "http://b"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	describe := func(body string, tenant uint16) core.Event {
		return gw.describe(&exchange{g: gw, pool: gw.present.Load().pools[0].pool, route: routes()[0], body: []byte(body), visitor: visitor{tenant: tenant}, r: httptest.NewRequest("POST", "/", nil)})
	}
	ev := describe(marked(77), 3)
	want := core.Event{Kind: core.Request, Key: 77, Tenant: 3, PromptTokens: 33, PromptEstimate: 17, Bytes: 126, MaxTokens: 16}
	if ev != want || describe(marked(77), 3) != want {
		t.Errorf("marked: %+v", ev)
	}
	first, second := describe(chat, 0), describe(chat, 0)
	if first.Key == second.Key || first.MaxTokens != -1 || first.PromptTokens != 0 || first.PromptEstimate != 3 {
		t.Errorf("unmarked: %+v %+v", first, second)
	}
	if ev := describe(`{"stream":true,"messages":7}`, 0); !ev.Stream || ev.Kind != core.Request {
		t.Errorf("of a body that is wrong, what could be read counts: %+v", ev)
	}
}

func ExampleNew() {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello from "+r.URL.Path)
	}))
	defer backend.Close()
	gw, err := New(Config{
		Core:     Policy([]string{"east"}, []string{"west"}),
		Backends: []Backend{{Name: "east", URL: "http://127.0.0.1:1"}, {Name: "west", URL: backend.URL, Deployment: "gpt-4.1"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	server := httptest.NewServer(gw)
	defer server.Close()
	resp, err := http.Post(server.URL+"/openai/deployments/any/chat/completions", "application/json", strings.NewReader(`{"messages":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body), resp.Header.Get("X-Gateway-Backend"), resp.Header.Get("X-Gateway-Attempts"))
	// Output: hello from /openai/deployments/gpt-4.1/chat/completions west 2
}
