package simulator

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// ask sends a request to the control plane.
func ask(s *Server, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Admin().ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

// entries reads JSON lines.
func entries(t *testing.T, w *httptest.ResponseRecorder) (all []entry) {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for lines := bufio.NewScanner(w.Body); lines.Scan(); {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// busyResource has a deployment that answers, one that soon refuses, and one that fails by a fault.
func busyResource() Config {
	tight := swift("tight")
	tight.TPM, tight.RPM = 100_000, 60
	return Config{Deployments: []deployment.Config{swift("a"), tight, swift("broken")},
		Faults: []fault.Config{{Name: "f", Backend: "broken", At: 0, For: ms(3_600_000), Status: &fault.Status{Code: 503}}}}
}

// TestAdminLedger: every attempt is there once, and each filter keeps what it says.
func TestAdminLedger(t *testing.T) {
	inLab(t, busyResource(), func(l *lab) {
		for key := range uint64(5) {
			l.post("a", marked(key, 3, ""))
			l.post("tight", marked(key, 3, ""))
			l.post("broken", marked(key, 3, ""))
		}
		all := entries(t, ask(l.Server, "GET", "/ledger", ""))
		if len(all) != 15 {
			t.Fatalf("%d entries of 15", len(all))
		}
		for i, a := range l.ledger() {
			want := l.control.entry(&kept{int64(i + 1), item{Attempt: a}})
			got := all[i]
			want.Choices, want.EstimatedTokens, want.FirstTokenUS = got.Choices, got.EstimatedTokens, got.FirstTokenUS
			want.BilledPromptTokens, want.BilledCompletionTokens, want.Limiter = got.BilledPromptTokens, got.BilledCompletionTokens, got.Limiter
			if got != want {
				t.Errorf("%d: %+v, want %+v", i, got, want)
			}
		}
		for _, tt := range []struct {
			query string
			match func(*entry) bool
			limit int
		}{
			{"?deployment=tight", func(e *entry) bool { return e.Deployment == "tight" }, 5},
			{"?reason=status-fault", func(e *entry) bool { return e.Status == 503 && e.Deployment == "broken" }, 5},
			{"?reason=request-limit&outcome=throttled", func(e *entry) bool { return e.Status == 429 }, 4},
			{"?outcome=succeeded", func(e *entry) bool { return e.Status == 200 && e.CompletionTokens == 3 && e.PromptTokens == 100 }, 6},
			{"?outcome=succeeded&deployment=a&limit=2", func(e *entry) bool { return e.Deployment == "a" }, 2},
			{"?outcome=failed&deployment=a", nil, 0},
		} {
			var want []entry
			for i := range all {
				if tt.match != nil && tt.match(&all[i]) {
					want = append(want, all[i])
				}
			}
			want = want[max(len(want)-tt.limit, 0):]
			if got := entries(t, ask(l.Server, "GET", "/ledger"+tt.query, "")); !slices.Equal(got, want) || len(got) != tt.limit {
				t.Errorf("%s: %+v, want %d: %+v", tt.query, got, tt.limit, want)
			}
		}
		var list []entry
		if err := json.Unmarshal(ask(l.Server, "GET", "/requests?limit=4", "").Body.Bytes(), &list); err != nil || !slices.Equal(list, all[11:]) {
			t.Errorf("%v %+v", err, list)
		}
	})
}

// TestAdminLedgerIsBounded: the oldest attempts make room, and the reader is told.
func TestAdminLedgerIsBounded(t *testing.T) {
	cfg := busyResource()
	cfg.LedgerSize = 4
	s, server := live(t, cfg)
	for key := range uint64(7) {
		resp, err := request(t.Context(), server, "a", marked(key, 1, ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	w := ask(s, "GET", "/ledger", "")
	if total, out := w.Header().Get("Ledger-Total"), w.Header().Get("Ledger-Pushed-Out"); total != "7" || out != "3" {
		t.Errorf("total %q, pushed out %q", total, out)
	}
	all := entries(t, w)
	if len(all) != 4 || all[0].Number != 4 || all[3].Number != 7 {
		t.Errorf("%+v", all)
	}
}

// TestAdminLedgerUnderLoad: a whole answer is in the ledger before its client has it. What clients saw at once, and no other attempt, is in the ledger.
func TestAdminLedgerUnderLoad(t *testing.T) {
	s, server := live(t, busyResource())
	const clients, each = 16, 12
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for c := range uint64(clients) {
		wg.Go(func() {
			for i := range uint64(each) {
				name := s.backends[i%3].cfg.Name
				resp, err := request(t.Context(), server, name, marked(c*100+i, 2, ""))
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				mu.Lock()
				seen[name+" "+strconv.Itoa(resp.StatusCode)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, e := range entries(t, ask(s, "GET", "/ledger", "")) {
		seen[e.Deployment+" "+strconv.Itoa(int(e.Status))]--
	}
	for what, n := range seen {
		if n != 0 {
			t.Errorf("%s: %d more seen by clients than in the ledger", what, n)
		}
	}
}

func TestAdminMistakes(t *testing.T) {
	s, _ := live(t, busyResource())
	for _, tt := range []struct {
		method, target string
		status         int
		want           []string
	}{
		{"GET", "/ledger?deployment=b&reason=bad&outcome=pending&limit=0&colour=red", 400,
			[]string{`colour: `, `deployment: there is no \"b\"`, `reason: there is no \"bad\"`, `outcome: there is no \"pending\"`, `limit: \"0\"`}},
		{"GET", "/ledger?since=yesterday&after=-1&follow=maybe&limit=-1", 400, []string{`since: \"yesterday\"`, `after: \"-1\"`, `follow: \"maybe\"`, `limit: \"-1\"`}},
		{"GET", "/requests?limit=many", 400, []string{`limit: \"many\"`}},
		{"GET", "/requests?reason=none", 400, []string{"reason: there is no such parameter"}},
		{"GET", "/deployments?limit=3", 400, []string{"limit: there is no such parameter"}},
		{"GET", "/openai/v1/models", 404, []string{"/ledger"}},
		{"POST", "/ledger", 405, []string{"method"}},
	} {
		w := ask(s, tt.method, tt.target, "")
		if w.Code != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.target, w.Code, tt.status)
		}
		for _, want := range tt.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: %s has no %q", tt.method, tt.target, w.Body, want)
			}
		}
	}
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, httptest.NewRequest("GET", "/ledger", nil)); w.Code != http.StatusNotFound {
		t.Errorf("the data plane answers /ledger with %d", w.Code)
	}
}

func TestAdminDeployments(t *testing.T) {
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50}
	inLab(t, Config{Deployments: []deployment.Config{standard("a"), ptu}}, func(l *lab) {
		read := func() (list []standing) {
			if err := json.Unmarshal(ask(l.Server, "GET", "/deployments", "").Body.Bytes(), &list); err != nil {
				t.Fatal(err)
			}
			return list
		}
		idle := []standing{{Name: "a", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 300_000, RPM: 300, Settings: settingsOf(&l.backends[0].cfg)},
			{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50, Settings: settingsOf(&l.backends[1].cfg)}}
		if got := read(); !slices.Equal(got, idle) {
			t.Errorf("idle: %+v", got)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("a", marked(1, 50, `,"max_tokens":2970`))
		}()
		synctest.Wait()
		charged := int64(l.plan(0, 0).Charged)
		want := idle[0]
		want.InFlight, want.UsedTokens, want.UtilizationPercent = 1, charged, float64(charged*1_000_000/300_000)/10_000
		if got := read(); got[0] != want || got[1] != idle[1] || charged < 2970 {
			t.Errorf("in flight: %+v, want %+v", got[0], want)
		}
		<-done
		want.InFlight = 0
		if got := read(); got[0] != want {
			t.Errorf("afterwards: %+v, want %+v", got[0], want)
		}
		done = make(chan struct{})
		go func() {
			defer close(done)
			l.post("ptu", marked(1, 50, ""))
		}()
		synctest.Wait()
		if got := read()[1]; got.InFlight != 1 || got.UsedTokens != int64(l.plan(1, 0).Charged) || got.UtilizationPercent <= 0 {
			t.Errorf("provisioned: %+v", got)
		}
		<-done
	})
}
