//go:build linux && !race

package simulator

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/unit"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/filter"
	"foundrylab/simulator/fixture"
)

// anExchange is what a whole exchange over HTTP allocates at most with everything on: a prompt of 1 KB that was never sent
// before, the right key, limits, a prompt cache, a filter, a fault that does not strike, a fixture that does not fit (which
// is 17 of it, and 12 for each further one), ledger, metrics and the access log. beside is what it may have above a bare
// handler of the same answer and headers, whose 32 are net/http's own. It is the same in every run but for a tenth or two.
const anExchange, beside = 86, 54

func TestAllocationsOfAnExchange(t *testing.T) {
	d, seldom := fastest()[0], unit.Ratio(1)
	d.ContentFilter = &filter.Config{Markers: []filter.Marker{{Text: "never said", Category: "violence"}}}
	d.DynamicQuota = &deployment.DynamicQuota{}
	unfit := "Never asked"
	rules := []fixture.Rule{{Match: fixture.Match{User: fixture.Text{Is: &unfit}}, Answer: saying("a")}}
	down := fault.Config{Name: "down", Backend: "a", For: unit.Duration(time.Hour), Probability: &seldom, Status: &fault.Status{Code: 503}}
	s, err := New(Config{Deployments: []deployment.Config{d}, Auth: access.Config{Strict: true}, Logger: zerolog.New(discard{}),
		Faults: []fault.Config{down}, Fixtures: fixture.Config{Rules: rules}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	requests := speedRequests("a", false)
	ours := allocationsOf(t, s, requests)
	answer := recorded(s, "a", false)
	bare := allocationsOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		answer.head(w)
		w.Write(answer.events[0])
	}), requests)
	t.Logf("an exchange allocates %.1f times, one with a bare handler %.1f", ours, bare)
	if ours > anExchange || ours-bare > beside {
		t.Errorf("an exchange allocates %.1f times, a bare one %.1f: the bounds are %d, and %d more than a bare one", ours, bare, anExchange, beside)
	}
}

// discard is a writer that zerolog does not know.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// allocationsOf returns how often an exchange on one connection allocates; its client does not.
func allocationsOf(t *testing.T, h http.Handler, requests [][]byte) float64 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(listener)
	defer server.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 32<<10)
	var before, after runtime.MemStats
	for i, request := range requests[:1500] {
		if i == 500 { // all is warm
			runtime.ReadMemStats(&before)
		}
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := speedAnswer(r); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / 1000
}
