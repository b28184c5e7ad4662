package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// faultsOf reads what the control plane says of faults, as NAME STATE.
func faultsOf(t *testing.T, s *Server) (list []string) {
	t.Helper()
	var shown []shownFault
	if err := json.Unmarshal(ask(s, "GET", "/faults", "").Body.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	for _, f := range shown {
		list = append(list, f.Name+" "+f.State)
	}
	return list
}

// TestFaultsWhileItRuns: added, seen, ended, called off, replaced; each holds from the answer on, and the configured ones go
// on. The lab's audit replays it.
func TestFaultsWhileItRuns(t *testing.T) {
	west := standard("b")
	west.Region = "West US"
	cfg := Config{Deployments: []deployment.Config{standard("a"), west},
		Faults: []fault.Config{{Name: "later", Backend: "b", At: ms(60_000), For: ms(60_000), Status: &fault.Status{Code: 500}}}}
	inLab(t, cfg, func(l *lab) {
		status := func(name string) int {
			t.Helper()
			resp, _ := l.post(name, marked(1, 1, ""))
			return resp.StatusCode
		}
		do := func(method, path, body string, want int) {
			t.Helper()
			if w := ask(l.Server, method, path, body); w.Code != want {
				t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
		do("PUT", "/faults/down", `{"backend":"a","for":"30s","status":{"code":503}}`, 201)
		do("PUT", "/faults/soon", `{"region":"West US","at":"20s","for":"5s","status":{"code":502}}`, 201)
		if got := faultsOf(t, l.Server); !slices.Equal(got, []string{"later pending", "down active", "soon pending"}) {
			t.Errorf("%v", got)
		}
		if a, b := status("a"), status("b"); a != 503 || b != 200 {
			t.Errorf("%d %d", a, b)
		}
		do("PUT", "/faults/down", `{"backend":"a","for":"30s","status":{"code":504}}`, 200)
		if a := status("a"); a != 504 {
			t.Errorf("replaced: %d", a)
		}
		do("DELETE", "/faults/down", "", 200)
		do("DELETE", "/faults/down", "", 200)
		if a := status("a"); a != 200 {
			t.Errorf("ended: %d", a)
		}
		time.Sleep(epoch.Add(21 * time.Second).Sub(l.clock.Now()))
		if a, b := status("a"), status("b"); a != 200 || b != 502 {
			t.Errorf("after 21s: %d %d", a, b)
		}
		do("DELETE", "/faults/later", "", 200)
		time.Sleep(epoch.Add(61 * time.Second).Sub(l.clock.Now()))
		if b := status("b"); b != 200 {
			t.Errorf("called off: %d", b)
		}
		if got := faultsOf(t, l.Server); !slices.Equal(got, []string{"soon ended", "down ended", "later ended"}) && !slices.Equal(got, []string{"later ended", "soon ended", "down ended"}) {
			t.Errorf("%v", got)
		}
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		var edges []string
		for _, e := range l.samples {
			if e.Kind == deployment.FaultEdge {
				edges = append(edges, fmt.Sprint(e.Ref.Slot, " ", e.Ref.Gen))
			}
		}
		if want := []string{"1048577 0", "1048577 1", "1048579 0", "1048579 1", "1048578 0", "1048578 1"}; !slices.Equal(edges, want) {
			t.Errorf("observed %v, want %v", edges, want)
		}
	})
}

// TestFaultsStrikeWhatRuns: an outage cuts the streams there are, as one that was planned does.
func TestFaultsStrikeWhatRuns(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		resp, err := l.send(l.Context(), "a", marked(1, 2000, streamed))
		if err != nil {
			l.Fatal(err)
		}
		if w := ask(l.Server, "PUT", "/faults/down", `{"backend":"a","for":"1s","outage":{}}`); w.Code != 201 {
			l.Fatal(w.Body)
		}
		if _, err := l.chunks(resp.Body); err == nil {
			l.Error("the stream went on")
		}
		time.Sleep(time.Second)
		if resp, _ := l.post("a", marked(2, 1, "")); resp.StatusCode != 200 {
			l.Errorf("%d afterwards", resp.StatusCode)
		}
	})
}

func TestFaultMistakes(t *testing.T) {
	s, _ := live(t, busyResource())
	before := ask(s, "GET", "/faults", "").Body.String() + ask(s, "GET", "/deployments", "").Body.String()
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               []string
	}{
		{"PUT", "/faults/x", `[]`, 400, []string{"send a JSON object"}},
		{"PUT", "/faults/x", `{}`, 400, []string{`for: is required`}},
		{"PUT", "/faults/x", `{"for":"0s"}`, 400, []string{"for: must be longer", "exactly one kind", "exactly one of backend"}},
		{"PUT", "/faults/x", `{"for":"0s","backend":"a","status":{"code":200},"outage":{},"colour":1}`, 400, []string{"status.code: ", "colour: "}},
		{"PUT", "/faults/x", `{"name":"y","for":"1s","backend":"a","outage":{}}`, 400, []string{"name: "}},
		{"PUT", "/faults/x", `{"for":"1s","backend":"nobody","outage":{}}`, 400, []string{"backend: "}},
		{"GET", "/faults/x", ``, 404, []string{`no fault \"x\"`}},
		{"DELETE", "/faults/x", ``, 404, []string{`no fault \"x\"`}},
		{"POST", "/reset?deployment=nobody", ``, 400, []string{"deployment: "}},
	} {
		w := ask(s, tt.method, tt.path, tt.body)
		if w.Code != tt.status {
			t.Errorf("%s %s %s: %d", tt.method, tt.path, tt.body, w.Code)
		}
		for _, want := range tt.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s %s: %s has no %q", tt.method, tt.path, tt.body, w.Body, want)
			}
		}
	}
	if after := ask(s, "GET", "/faults", "").Body.String() + ask(s, "GET", "/deployments", "").Body.String(); after != before {
		t.Errorf("changed from %s to %s", before, after)
	}
}

// TestFaultsAreBounded reaches the bound; what is over makes room.
func TestFaultsAreBounded(t *testing.T) {
	s, _ := live(t, Config{Deployments: []deployment.Config{swift("a")}})
	put := func(name string) int {
		return ask(s, "PUT", "/faults/"+name, `{"backend":"a","for":"1h","at":"1h","outage":{}}`).Code
	}
	for n := range maxFaults {
		if code := put(fmt.Sprint("f", n)); code != 201 {
			t.Fatalf("%d: %d", n, code)
		}
	}
	if a, b := put("more"), put("f7"); a != 409 || b != 200 {
		t.Errorf("%d %d", a, b)
	}
	ask(s, "DELETE", "/faults/f3", "")
	if code := put("more"); code != 201 || len(faultsOf(t, s)) != maxFaults {
		t.Errorf("%d, %d faults", code, len(faultsOf(t, s)))
	}
}

// TestReset: limits, settings, ledger, counters and faults are as at the start, and what is in flight is charged in its own
// end only.
func TestReset(t *testing.T) {
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50}
	cfg := Config{Deployments: []deployment.Config{standard("a"), ptu},
		Faults: []fault.Config{{Name: "f", Backend: "a", At: ms(30_000), For: ms(10_000), Status: &fault.Status{Code: 500}}}}
	inLab(t, cfg, func(l *lab) {
		first, _ := l.post("a", marked(7, 20, ""))
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("ptu", marked(2, 2000, `,"max_tokens":3000`))
		}()
		synctest.Wait()
		ask(l.Server, "PATCH", "/deployments/a", `{"tpm":1000}`)
		ask(l.Server, "PUT", "/faults/added", `{"backend":"a","for":"1h","status":{"code":502}}`)
		if resp, _ := l.post("a", marked(3, 1, "")); resp.StatusCode != 502 {
			t.Fatalf("%d", resp.StatusCode)
		}
		time.Sleep(5 * time.Second)
		started := l.clock.Now()
		l.reset = true
		w := ask(l.Server, "POST", "/reset", "")
		var list []standing
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != 200 || len(list) != 2 {
			t.Fatalf("%v %d %s", err, w.Code, w.Body)
		}
		if a, p := list[0], list[1]; a.TPM != 300_000 || a.UsedTokens != 0 || p.UsedTokens != 0 || p.InFlight != 1 {
			t.Errorf("%+v", list)
		}
		if total := ask(l.Server, "GET", "/ledger", "").Header().Get("Ledger-Total"); total != "0" || len(entries(t, ask(l.Server, "GET", "/ledger", ""))) != 0 {
			t.Errorf("%s entries", total)
		}
		if m := scrape(t, l.Admin()); m["foundrylab_requests_total a none 200"] != 0 || m["foundrylab_ledger_entries"] != 0 {
			t.Errorf("%v", m)
		}
		if got := faultsOf(t, l.Server); !slices.Equal(got, []string{"f pending"}) {
			t.Errorf("%v", got)
		}
		again, _ := l.post("a", marked(7, 20, ""))
		for _, h := range []string{"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Limit-Tokens"} {
			if first.Header.Get(h) != again.Header.Get(h) {
				t.Errorf("%s: first %s, after the reset %s", h, first.Header.Get(h), again.Header.Get(h))
			}
		}
		time.Sleep(started.Add(31 * time.Second).Sub(l.clock.Now()))
		if resp, _ := l.post("a", marked(8, 1, "")); resp.StatusCode != 500 {
			t.Errorf("the configured fault counts from the reset: %d", resp.StatusCode)
		}
		<-done
		all := entries(t, ask(l.Server, "GET", "/ledger", ""))
		if len(all) != 3 || all[0].Number != 3 {
			t.Fatalf("%d entries: %+v", len(all), all)
		}
		for _, e := range all {
			if e.Deployment == "ptu" && e.ChargedTokens != 100+4*2000 {
				t.Errorf("what was in flight is charged %d", e.ChargedTokens)
			}
		}
		if err := json.Unmarshal(ask(l.Server, "GET", "/deployments", "").Body.Bytes(), &list); err != nil || list[1].UsedTokens != 0 {
			t.Errorf("and not to the new bucket: %v %+v", err, list[1])
		}
	})
}

// TestResetOfOne: the other deployments' entries, settings and faults stay.
func TestResetOfOne(t *testing.T) {
	s, server := live(t, Config{Deployments: []deployment.Config{swift("a"), swift("b")}})
	for n := range uint64(3) {
		for _, name := range []string{"a", "b"} {
			resp, err := request(t.Context(), server, name, marked(n, 1, ""))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	for _, name := range []string{"a", "b"} {
		ask(s, "PATCH", "/deployments/"+name, `{"tpm":1000}`)
		ask(s, "PUT", "/faults/"+name, `{"backend":"`+name+`","for":"1h","at":"1h","outage":{}}`)
	}
	if w := ask(s, "POST", "/reset?deployment=a", ""); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	w := ask(s, "GET", "/ledger", "")
	if all := entries(t, w); len(all) != 3 || all[0].Deployment != "b" || w.Header().Get("Ledger-Total") != "3" || w.Header().Get("Ledger-Pushed-Out") != "0" {
		t.Errorf("%+v %v", all, w.Header())
	}
	if got := faultsOf(t, s); !slices.Equal(got, []string{"b pending"}) {
		t.Errorf("%v", got)
	}
	if a, b := s.backends[0].setting.Load().cfg.TPM, s.backends[1].setting.Load().cfg.TPM; a != 1_000_000_000 || b != 1000 {
		t.Errorf("%d %d", a, b)
	}
}
