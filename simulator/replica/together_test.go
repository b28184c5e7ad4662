package replica_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
	"foundrylab/simulator/lease"
	"foundrylab/simulator/replica"
	"foundrylab/simulator/replica/redistest"
)

// quick is a deployment that answers within a few milliseconds.
func quick(name string) deployment.Config {
	ms := unit.Duration(time.Millisecond)
	return deployment.Config{Name: name, Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 24_000, RPM: 600_000,
		Latency: latency.Config{TTFT: &latency.Quantiles{P50: ms, P95: ms}, TokensPerS: 100_000, Spread: 1}}
}

// node is one simulator of several, with its own way to Redis.
type node struct {
	*simulator.Server
	url      string
	log      lines
	mu       sync.Mutex
	admitted []record.Attempt
}

// lines is what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newNode(t *testing.T, address string, away lease.Away, deployments ...deployment.Config) *node {
	t.Helper()
	store, err := replica.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{}
	cfg := simulator.Config{Deployments: deployments, Logger: zerolog.New(&n.log), Sharing: simulator.Sharing{State: store, Away: away}}
	cfg.Ledger = func(_ int, a record.Attempt) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if a.Status == http.StatusOK {
			n.admitted = append(n.admitted, a)
		}
	}
	if n.Server, err = simulator.New(cfg); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(n.Server)
	n.url = front.URL
	t.Cleanup(func() {
		front.Close()
		n.Close()
		store.Close()
	})
	return n
}

// charges sums what a node charged at one deployment between two instants of the wall clock, by when answers ended: all
// end within milliseconds of their admission.
func (n *node) charges(backend uint16, from, to time.Time) (tokens, requests int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.admitted {
		if a.Backend == backend && a.End >= tick.Instant(from.UnixNano()) && a.End < tick.Instant(to.UnixNano()) {
			tokens, requests = tokens+a.Charged, requests+1
		}
	}
	return tokens, requests
}

// overload lets users ask both nodes for all deployments again and again, and returns how often each status came. Every
// request must have an answer.
func overload(t *testing.T, nodes []*node, names []string, users int, span time.Duration) map[int]int {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * users}}
	defer client.CloseIdleConnections()
	end := time.Now().Add(span)
	for u := range users {
		all.Go(func() {
			body := fmt.Sprintf(`{"model":%q,"max_tokens":%d,"messages":[{"role":"user","content":"Hello"}]}`, names[u%len(names)], 40+u%5*20)
			for i := 0; time.Now().Before(end); i++ {
				r, _ := http.NewRequest("POST", nodes[(u/len(names)+i)%len(nodes)].url+"/openai/v1/chat/completions", strings.NewReader(body))
				r.Header.Set("Api-Key", "foundrylab-key")
				resp, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				mu.Lock()
				statuses[resp.StatusCode]++
				mu.Unlock()
				if resp.StatusCode != http.StatusOK {
					<-time.After(20 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	return statuses
}

// metric reads a value of /metrics.
func (n *node) metric(t *testing.T, name string) float64 {
	t.Helper()
	w := httptest.NewRecorder()
	n.Admin().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	m := regexp.MustCompile(`(?m)^` + name + `\{deployment="tokens"\} (\S+)$`).FindStringSubmatch(w.Body.String())
	if m == nil {
		t.Fatalf("no %s in\n%s", name, w.Body)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// until waits until a value of /metrics is as it should be.
func (n *node) until(t *testing.T, name string, good func(float64) bool) {
	t.Helper()
	late := time.After(10 * time.Second)
	for !good(n.metric(t, name)) {
		select {
		case <-late:
			t.Fatalf("%s stays %v", name, n.metric(t, name))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// soak reports whether the long forms run.
func soak() bool { return os.Getenv("FOUNDRYLAB_SOAK") != "" }

// Two simulators on one real Redis, under overload: of tokens a minute, of requests a second and of a provisioned
// deployment they admit one limit together, at least 95 % of it and no more.
func TestTwoSimulatorsOnOneRedis(t *testing.T) {
	server := redistest.Start(t)
	counted := quick("requests")
	counted.TPM, counted.RPM = 1_000_000_000, 1800 // 30 a second
	uncounted := false
	counted.CountRejected = &uncounted
	slides := quick("slides")
	slides.Window = "sliding"
	reserved := quick("reserved")
	reserved.SKU, reserved.TPM, reserved.RPM, reserved.PTU = "GlobalProvisionedManaged", 0, 0, 15
	deployments := []deployment.Config{quick("tokens"), counted, slides, reserved}
	nodes := []*node{newNode(t, server.URL(), lease.Closed, deployments...), newNode(t, server.URL(), lease.Closed, deployments...)}
	span := 4 * time.Second
	if soak() {
		span = 150 * time.Second
	}
	if left := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); left < 5*time.Second { // the run has at least one minute's first seconds whole
		<-time.After(left)
	}
	began := time.Now()
	statuses := overload(t, nodes, []string{"tokens", "requests", "slides", "reserved"}, 32, span)
	ended := time.Now()
	t.Logf("%d admitted, %d refused in %v", statuses[200], statuses[429], ended.Sub(began))
	sum := func(backend uint16, from, to time.Time) (tokens, requests int64) {
		for _, n := range nodes {
			a, b := n.charges(backend, from, to)
			tokens, requests = tokens+a, requests+b
		}
		return tokens, requests
	}
	for _, n := range nodes {
		if n.metric(t, "foundrylab_state_connected") != 1 || n.metric(t, "foundrylab_state_replicas") != 2 || n.metric(t, "foundrylab_state_failures_total") != 0 {
			t.Errorf("not connected, or not throughout:\n%s", &n.log)
		}
	}
	for minute := began.Truncate(time.Minute); minute.Before(ended); minute = minute.Add(time.Minute) {
		if tokens, _ := sum(0, minute, minute.Add(time.Minute)); tokens > 24_000 || tokens < 22_800 {
			t.Errorf("the minute of %v: %d tokens of 24,000", minute, tokens)
		} else {
			t.Logf("fixed: %d tokens of 24,000", tokens)
		}
	}
	for second := began.Truncate(time.Second).Add(time.Second); second.Add(time.Second).Before(ended); second = second.Add(time.Second) {
		// Ends lag admissions by some milliseconds, so two neighbours are taken together to judge what is used.
		if _, n := sum(1, second, second.Add(time.Second)); n > 33 || n < 27 {
			t.Errorf("second %v: %d requests of 30", second, n)
		}
	}
	if _, n := sum(1, began, ended); float64(n) > 30*(span.Seconds()+1) || float64(n) < 28.5*(span.Seconds()-1) {
		t.Errorf("%d requests in %v at 30 a second", n, span)
	} else {
		t.Logf("requests: %d in %v at 30 a second", n, span)
	}
	if tokens, _ := sum(2, began, began.Add(min(span, time.Minute))); tokens > 24_000 || tokens < 22_800 {
		t.Errorf("sliding: %d tokens of 24,000", tokens)
	} else {
		t.Logf("sliding: %d tokens of 24,000", tokens)
	}
	tokens, _ := sum(3, began, ended)
	if whole := 750 * (10 + ended.Sub(began).Seconds()); float64(tokens) > whole+750*lease.Life.Seconds()+2*500 || float64(tokens) < 0.95*whole {
		t.Errorf("provisioned: %d tokens of %.0f", tokens, whole)
	} else {
		t.Logf("provisioned: %d tokens of %.0f", tokens, whole)
	}
}

// Redis is killed in mid-run and comes back empty: every request has an answer, as configured; the metrics show it, the
// log says it once; and then limits are shared again.
func TestRedisIsKilled(t *testing.T) {
	for name, away := range map[string]lease.Away{"local share": lease.LocalShare, "closed": lease.Closed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kill(t, away)
		})
	}
}

func kill(t *testing.T, away lease.Away) {
	server := redistest.Start(t)
	d := quick("tokens")
	d.TPM = 600_000
	nodes := []*node{newNode(t, server.URL(), away, d), newNode(t, server.URL(), away, d)}
	before := overload(t, nodes, []string{"tokens"}, 8, 500*time.Millisecond)
	var during map[int]int
	var all sync.WaitGroup
	all.Go(func() { during = overload(t, nodes, []string{"tokens"}, 8, 3*time.Second) })
	<-time.After(300 * time.Millisecond)
	server.Kill()
	for _, n := range nodes {
		n.until(t, "foundrylab_state_connected", func(v float64) bool { return v == 0 })
		n.until(t, "foundrylab_state_degraded_seconds_total", func(v float64) bool { return v > 0.5 })
		n.until(t, "foundrylab_state_failures_total", func(v float64) bool { return v > 1 })
	}
	server.Restart()
	all.Wait()
	for _, n := range nodes {
		n.until(t, "foundrylab_state_connected", func(v float64) bool { return v == 1 })
		n.until(t, "foundrylab_state_replicas", func(v float64) bool { return v == 2 })
	}
	after := overload(t, nodes, []string{"tokens"}, 8, 300*time.Millisecond)
	t.Logf("before %v, meanwhile %v, after %v", before, during, after)
	refused := map[lease.Away]int{lease.LocalShare: 429, lease.Closed: 503}[away]
	for status := range during {
		if status != 200 && status != 429 && status != refused {
			t.Errorf("%d meanwhile", status)
		}
	}
	if away == lease.Closed && during[503] == 0 || before[503]+after[503] > 0 {
		t.Errorf("before %v, meanwhile %v, after %v", before, during, after)
	}
	for i, n := range nodes {
		log := n.log.String()
		if gone, back := strings.Count(log, "state is away"), strings.Count(log, "state is back"); gone != 1 || back != 1 {
			t.Errorf("simulator %d says %d times that it is away and %d that it is back", i, gone, back)
		}
	}
}
