package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

// siege is a Server whose clients and whose control plane are busy at the same time.
type siege struct {
	*testing.T
	*Server
	plane   http.Handler
	first   map[string]json.RawMessage // settings of a at the start
	url     string
	client  *http.Client
	server  *httptest.Server
	logged  syncBuffer // by net/http: panics
	arrived atomic.Int64
	stop    atomic.Bool
	next    atomic.Uint64 // key

	mu    sync.Mutex
	fates []fate // by key
	wrong int
}

// fate is what became of one request.
type fate struct {
	arrived, entries uint8  // at the handler, in the ledger
	entry, seen      uint16 // status in the ledger, and seen by the client
	done             bool   // the client has read a whole answer
	outcome          record.Outcome
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (s *siege) fate(key uint64, note func(*fate)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for uint64(len(s.fates)) <= key {
		s.fates = append(s.fates, fate{})
	}
	note(&s.fates[key])
}

// complain fails the test, a few times.
func (s *siege) complain(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong++; s.wrong <= 10 {
		s.Errorf(format, args...)
	}
}

func besiege(t *testing.T) *siege {
	s := &siege{T: t}
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50, Latency: swift("x").Latency}
	cfg := Config{Deployments: []deployment.Config{swift("a"), swift("b"), swift("c"), ptu}, LedgerSize: 2000}
	cfg.Ledger = func(_ int, a record.Attempt) {
		s.fate(a.Key, func(f *fate) { f.entries, f.entry, f.outcome = f.entries+1, a.Status, a.Outcome })
	}
	var err error
	if s.Server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	s.plane = s.Admin()
	_, s.first = s.settings("a")
	// what comes to the handler whole is an attempt: a client that leaves while it sends has made none
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		peeked, err := ops.All[0].Peek(new(ops.Peeker), body)
		m, ok := peeked.Marker()
		if err != nil || !ok {
			s.complain("a request without a key: %v", err)
		}
		s.arrived.Add(1)
		s.fate(m.Key, func(f *fate) { f.arrived++ })
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.ServeHTTP(w, r)
	})
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(&s.logged, "", 0)
	server.Start()
	s.server = server
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	s.client, s.url = &http.Client{Transport: transport}, server.URL
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		s.Close()
	})
	return s
}

// clients send until they are stopped: streamed and whole requests, of which some leave early.
func (s *siege) clients(n int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			dice := rand.New(rand.NewSource(int64(i)))
			for !s.stop.Load() {
				s.ask(dice)
			}
		})
	}
	return &wg
}

func (s *siege) ask(dice *rand.Rand) {
	key := s.next.Add(1)
	more := fmt.Sprintf(`,"max_tokens":%d`, 1+dice.Intn(60))
	if dice.Intn(2) == 0 {
		more += streamed
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	if dice.Intn(4) == 0 {
		leaves := time.AfterFunc(time.Duration(dice.Intn(4000))*time.Microsecond, cancel)
		defer leaves.Stop()
	}
	name := []string{"a", "b", "c", "ptu"}[dice.Intn(4)]
	r, err := http.NewRequestWithContext(ctx, "POST", s.url+"/openai/deployments/"+name+"/chat/completions?api-version=2024-10-21",
		strings.NewReader(marked(key, 1+dice.Intn(50), more)))
	if err != nil {
		s.complain("%v", err)
		return
	}
	r.Header.Set("Api-Key", "foundrylab-key")
	resp, err := s.client.Do(r)
	if err != nil {
		return // it left, or a fault has closed the connection
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	whole := err == nil && (!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") || bytes.HasSuffix(body, []byte("data: [DONE]\n\n")))
	s.fate(key, func(f *fate) { f.seen, f.done = uint16(resp.StatusCode), whole })
}

// admin asks the control plane.
func (s *siege) admin(method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.plane.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// settings reads what is in force at a deployment.
func (s *siege) settings(name string) (version uint32, of map[string]json.RawMessage) {
	var got standing
	if err := json.Unmarshal(s.admin("GET", "/deployments/"+name, "").Body.Bytes(), &got); err != nil {
		s.complain("%v", err)
		return 0, nil
	}
	if err := json.Unmarshal([]byte(got.Settings), &of); err != nil {
		s.complain("%v", err)
	}
	return got.Version, of
}

// valid values by setting, in the notation in which they are shown.
func valid(dice *rand.Rand, name string) string {
	switch name {
	case "tpm":
		return strconv.Itoa(10*dice.Intn(1<<dice.Intn(30)) + 7)
	case "rpm":
		return strconv.Itoa(10*dice.Intn(1<<dice.Intn(20)) + 3)
	case "latency":
		ms := 1 + dice.Intn(3)
		return fmt.Sprintf(`{"ttft":{"p50":"%dms","p95":"%dms"},"tokens_per_s":%d,"spread":"0.0001%%"}`, ms, ms+dice.Intn(3), 100_003+10*dice.Intn(1000))
	case "profile":
		return []string{`"azure-2024"`, `"azure-2025"`, `"azure-2026"`}[dice.Intn(3)]
	case "window":
		return []string{`"fixed"`, `"sliding"`}[dice.Intn(2)]
	case "max_in_flight":
		return strconv.Itoa(1 + dice.Intn(200))
	}
	return strconv.FormatBool(dice.Intn(2) == 0) // count_rejected
}

var patchable = []string{"tpm", "rpm", "latency", "profile", "window", "max_in_flight", "count_rejected"}

// spoilers are each refused, whatever stands beside them.
var spoilers = []string{`"sku":"Standard"`, `"tpm":0`, `"ptu":50`, `"rpm":-1`, `"latency":{"ttft":{"p50":"9ms","p95":"1ms"}}`, `"latency":7`, `"colour":"red"`,
	`"max_in_flight":1e3`, `"profile":"azure-1999"`, `"count_rejected":null,"window":"round"`, `"tpm":"` + strings.Repeat("9", 40) + `"`, `"key":null`, `"tpm":7`}

// patchAlone patches one deployment that nobody else patches: what is accepted is all there, what is refused has changed
// nothing.
func (s *siege) patchAlone(name string, patches int) {
	dice := rand.New(rand.NewSource(1))
	first := s.first
	version, now := s.settings(name)
	for range patches {
		if dice.Intn(200) == 0 {
			if w := s.admin("POST", "/reset?deployment="+name, ""); w.Code != 200 {
				s.complain("reset: %d %s", w.Code, w.Body)
			}
			if version, now = s.settings(name); !sameMembers(now, first) {
				s.complain("after a reset: %s, want %s", now, first)
			}
			continue
		}
		want, named := map[string]json.RawMessage{}, map[string]bool{}
		for member, value := range now {
			want[member] = value
		}
		body := "{"
		for range 1 + dice.Intn(4) {
			member := patchable[dice.Intn(len(patchable))]
			if named[member] {
				continue
			}
			named[member] = true
			value := valid(dice, member)
			if len(body) > 1 {
				body += ","
			}
			body += `"` + member + `":` + value
			want[member] = json.RawMessage(value)
		}
		refused := dice.Intn(2) == 0
		if refused {
			last := len(spoilers) - 1
			body += "," + spoilers[dice.Intn(last)]
		}
		body += "}"
		if !refused && dice.Intn(10) == 0 {
			refused, body = true, body[:1+dice.Intn(len(body)-1)]
		}
		r := httptest.NewRequest("PATCH", "/deployments/"+name, strings.NewReader(body))
		stale := !refused && dice.Intn(10) == 0
		if stale {
			r.Header.Set("If-Match", `"4294967295"`)
		}
		w := httptest.NewRecorder()
		s.plane.ServeHTTP(w, r)
		after, got := s.settings(name)
		switch {
		case (refused || stale) && (w.Code < 400 || after != version || !sameMembers(got, now)):
			s.complain("%s: %d %s, and %s became %s", body, w.Code, w.Body, now, got)
		case !refused && !stale && (w.Code != 200 || after == version || !sameMembers(got, want)):
			s.complain("%s: %d %s, and there is %s, want %s", body, w.Code, w.Body, got, want)
		}
		version, now = after, got
	}
}

func sameMembers(a, b map[string]json.RawMessage) bool {
	for member, value := range a {
		if string(b[member]) != string(value) {
			return false
		}
	}
	return len(a) == len(b)
}

// patchTogether patches one member of a deployment whose other members others patch: it stays what it was made.
func (s *siege) patchTogether(name, member string, patches int) {
	dice := rand.New(rand.NewSource(int64(len(member))))
	set := ""
	for n := range patches {
		value := valid(dice, member)
		body, want := `{"`+member+`":`+value+`}`, 200
		if n%2 == 1 {
			body, want = `{"`+member+`":`+value+`,"sku":"x"}`, 400
		}
		if w := s.admin("PATCH", "/deployments/"+name, body); w.Code != want {
			s.complain("%s: %d %s", body, w.Code, w.Body)
		}
		if want == 200 {
			set = value
		}
		if _, got := s.settings(name); string(got[member]) != set {
			s.complain("%s is %s, and was made %s", member, got[member], set)
		}
	}
}

// changeFaults adds and ends faults of deployment c and of all, valid and not.
func (s *siege) changeFaults(changes int) {
	dice := rand.New(rand.NewSource(9))
	for range changes {
		name := fmt.Sprint("f", dice.Intn(20))
		before := faultNames(s)
		target := []string{`"backend":"c"`, `"backend":"ptu"`, `"region":"East US 2"`}[dice.Intn(3)]
		kind := []string{`"status":{"code":503}`, `"outage":{}`, `"latency":{"add":"2ms"}`, `"abort":{"after":3}`, `"capacity":{"to":"50%"}`, `"throttle":{}`, `"deleted":{}`}[dice.Intn(7)]
		switch dice.Intn(4) {
		case 0:
			if w := s.admin("PUT", "/faults/"+name, `{`+target+`,`+kind+`,"for":"`+strconv.Itoa(1+dice.Intn(30))+`ms"}`); w.Code != 200 && w.Code != 201 && w.Code != 400 {
				s.complain("%d %s", w.Code, w.Body)
			} else if w.Code != 400 && !faultNames(s)[name] {
				s.complain("fault %s was added and is not there", name)
			}
		case 1:
			if w := s.admin("PUT", "/faults/"+name, `{`+target+`,`+kind+`,"for":"-1ms"}`); w.Code != 400 {
				s.complain("%d %s", w.Code, w.Body)
			}
			if after := faultNames(s); len(after) != len(before) {
				s.complain("refused, and %v became %v", before, after)
			}
		case 2:
			want := 404
			if before[name] {
				want = 200
			}
			if w := s.admin("DELETE", "/faults/"+name, ""); w.Code != want {
				s.complain("%d %s", w.Code, w.Body)
			}
		default:
			if w := s.admin("POST", "/reset?deployment=c", ""); w.Code != 200 {
				s.complain("%d %s", w.Code, w.Body)
			}
		}
	}
	for name := range faultNames(s) {
		s.admin("DELETE", "/faults/"+name, "")
	}
}

func faultNames(s *siege) map[string]bool {
	var shown []shownFault
	if err := json.Unmarshal(s.admin("GET", "/faults", "").Body.Bytes(), &shown); err != nil {
		s.complain("%v", err)
	}
	names := map[string]bool{}
	for _, f := range shown {
		names[f.Name] = true
	}
	return names
}

// watch reads what the control plane shows, all the time.
func (s *siege) watch(wg *sync.WaitGroup) {
	for _, path := range []string{"/metrics", "/ledger?limit=50", "/requests", "/deployments", "/openapi.json"} {
		wg.Go(func() {
			more := s.control.ledger.follow()
			defer s.control.ledger.unfollow(more)
			for !s.stop.Load() {
				if w := s.admin("GET", path, ""); w.Code != 200 {
					s.complain("%s: %d %s", path, w.Code, w.Body)
				}
				for range 20 { // attempts
					select {
					case <-more.more:
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
		})
	}
}

// TestPatchesUnderLoad: while clients are served, the control plane takes patches, faults and resets, valid and not. What is
// accepted is in force as a whole, what is refused has changed nothing, every attempt is in the ledger once, with the
// status that its client saw, and nothing is left behind. 100,000 of them where FOUNDRYLAB_SOAK is 1.
func TestPatchesUnderLoad(t *testing.T) {
	total := 1000
	if os.Getenv("FOUNDRYLAB_SOAK") == "1" {
		total = 100_000
	}
	goroutines := runtime.NumGoroutine()
	s := besiege(t)
	load := s.clients(12)
	s.watch(load)
	began := time.Now()
	heap := s.patch(total)
	took := time.Since(began)
	s.stop.Store(true)
	load.Wait()
	s.client.CloseIdleConnections()
	s.server.Close() // when the last request has been answered
	s.judge(total, took)
	after := heapInUse()
	for n := 0; n < 200 && runtime.NumGoroutine() > goroutines+6; n++ {
		after = heapInUse() // takes its time
	}
	if n := runtime.NumGoroutine(); n > goroutines+6 || after > heap+(24<<20) {
		t.Errorf("%d goroutines of %d are left, %d bytes of %d", n, goroutines, after, heap)
	}
}

// patch lets all that change something do so at once, and returns the heap after a tenth of it.
func (s *siege) patch(total int) (heap uint64) {
	for _, part := range []int{total / 10, total - total/10} {
		var wg sync.WaitGroup
		wg.Go(func() { s.patchAlone("a", part/2) })
		for _, member := range []string{"tpm", "latency", "max_in_flight"} {
			wg.Go(func() { s.patchTogether("b", member, part/8) })
		}
		wg.Go(func() { s.changeFaults(part - part/2 - 3*(part/8)) })
		wg.Wait()
		if heap == 0 {
			heap = heapInUse()
		}
	}
	return heap
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (s *siege) judge(total int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control.ledger.mu.Lock()
	entries := s.control.ledger.total
	s.control.ledger.mu.Unlock()
	attempts, seen, statuses := int64(0), 0, map[uint16]int{}
	for key, f := range s.fates {
		attempts += int64(f.arrived)
		switch {
		case f.entries != f.arrived || f.arrived > 1:
			s.Errorf("request %d arrived %d times and has %d entries", key, f.arrived, f.entries)
		case f.seen != 0 && f.seen != f.entry:
			s.Errorf("request %d: the client saw %d, the ledger has %d", key, f.seen, f.entry)
		case f.done && f.seen == 200 && f.outcome != record.Succeeded:
			s.Errorf("request %d: the client has a whole answer, the ledger says %v", key, f.outcome)
		}
		if f.seen != 0 {
			seen++
			statuses[f.seen]++
		}
	}
	if attempts != entries || attempts != s.arrived.Load() {
		s.Errorf("%d attempts, %d entries", attempts, entries)
	}
	if seen < total/10 || statuses[200] == 0 || statuses[429] == 0 || statuses[503] == 0 {
		s.Errorf("too little was seen of it: %v", statuses)
	}
	s.logged.mu.Lock()
	defer s.logged.mu.Unlock()
	if s.logged.Len() > 0 {
		s.Errorf("the server logged: %.2000s", s.logged.String())
	}
	s.Logf("%d changes in %v; %d attempts, %d entries; clients saw %v", total, took.Round(time.Millisecond), attempts, entries, statuses)
}
