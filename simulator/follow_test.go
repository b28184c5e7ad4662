package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

// tail follows a ledger over HTTP in a bubble.
func tail(t *testing.T, c *Control, query string) (lines *bufio.Scanner, stop func()) {
	t.Helper()
	listener := pipenet.Listen()
	server := &http.Server{Handler: c.Handler()}
	go server.Serve(listener)
	transport := &http.Transport{DialContext: listener.Dial, DisableCompression: true}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://admin/ledger?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %+v", err, resp)
	}
	return bufio.NewScanner(resp.Body), func() {
		cancel()
		resp.Body.Close()
		transport.CloseIdleConnections()
		server.Close()
		synctest.Wait()
	}
}

func line(t *testing.T, lines *bufio.Scanner) (e entry) {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the stream ended: %v", lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Number == 0 {
		t.Fatalf("%v %s", err, lines.Bytes())
	}
	return e
}

// TestFollow: entries come when the attempts end, those before first, each once, and the filters hold for both.
func TestFollow(t *testing.T) {
	inLab(t, busyResource(), func(l *lab) {
		l.post("a", marked(1, 3, ""))
		l.post("broken", marked(2, 3, ""))
		all, stopAll := tail(l.T, l.control, "follow=true")
		defer stopAll()
		fresh, stopFresh := tail(l.T, l.control, "follow=1&limit=0&outcome=failed")
		defer stopFresh()
		for n, want := range []string{"a", "broken"} {
			if e := line(l.T, all); e.Number != int64(n+1) || e.Deployment != want {
				t.Errorf("%+v", e)
			}
		}
		for n := range int64(3) {
			l.post("a", marked(3, 3, ""))
			l.post("broken", marked(4, 3, ""))
			if e := line(l.T, all); e.Number != 2*n+3 || e.Status != 200 {
				t.Errorf("%+v", e)
			}
			if e := line(l.T, all); e.Number != 2*n+4 || e.Status != 503 {
				t.Errorf("%+v", e)
			}
			if e := line(l.T, fresh); e.Number != 2*n+4 || e.Reason != "status-fault" {
				t.Errorf("%+v", e)
			}
		}
		stopFresh()
		if n := len(l.control.ledger.followers); n != 1 {
			t.Errorf("%d followers", n)
		}
	})
}

// TestFollowSlowly: nobody waits for a follower that does not read, and afterwards it is told what it missed.
func TestFollowSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Deployments: []deployment.Config{standard("a")}, LedgerSize: 100})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		lines, stop := tail(t, s.control, "follow=true")
		defer stop()
		const attempts = 50_000
		for n := range attempts {
			s.control.ledger.add(&item{Attempt: record.Attempt{Key: uint64(n), Status: 200}})
		}
		seen, lost, last := int64(0), int64(0), int64(0)
		for last < attempts && lines.Scan() {
			var e struct {
				entry
				missed
			}
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			lost += e.Missed
			if e.Missed == 0 {
				seen, last = seen+1, e.Number
				if last != seen+lost {
					t.Fatalf("entry %d after %d entries and %d missed", last, seen, lost)
				}
			}
		}
		if seen+lost != attempts || lost == 0 {
			t.Errorf("%d seen, %d missed", seen, lost)
		}
	})
}

// TestFollowersAreBounded reaches the bound.
func TestFollowersAreBounded(t *testing.T) {
	s, _ := live(t, busyResource())
	for range maxFollowers {
		if s.control.ledger.follow() == nil {
			t.Fatal("refused")
		}
	}
	w := ask(s, "GET", "/ledger?follow=true", "")
	if body, _ := io.ReadAll(w.Body); w.Code != 503 || !strings.Contains(string(body), "64 followers") {
		t.Errorf("%d %s", w.Code, body)
	}
}

// TestEntryViews: what the limiter charged, what a bill would say, and where the limits stood, as headers told the client.
func TestEntryViews(t *testing.T) {
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50}
	inLab(t, Config{Deployments: []deployment.Config{standard("a"), ptu}}, func(l *lab) {
		resp, _ := l.post("a", marked(1, 50, `,"max_tokens":2970,"n":2`))
		refused, _ := l.post("a", marked(2, 50, `,"max_tokens":297000`))
		l.do(l.Context(), "POST", "/openai/deployments/a/chat/completions?api-version=2024-10-21", marked(3, 5, ""), "Api-Key", "foundrylab-key", "x-foundrylab-fault", "status=500")
		l.post("ptu", marked(4, 50, `,"max_tokens":1000`))
		w := ask(l.Server, "GET", "/ledger", "")
		var got []struct {
			entry
			Limiter map[string]float64 `json:"limiter"`
		}
		for _, text := range strings.Split(strings.TrimSpace(w.Body.String()), "\n") {
			got = append(got, struct {
				entry
				Limiter map[string]float64 `json:"limiter"`
			}{})
			if err := json.Unmarshal([]byte(text), &got[len(got)-1]); err != nil {
				t.Fatal(err)
			}
		}
		for n, h := range []http.Header{resp.Header, refused.Header} {
			for name, header := range map[string]string{"remaining_tokens": "X-Ratelimit-Remaining-Tokens", "remaining_requests": "X-Ratelimit-Remaining-Requests"} {
				if text, _ := json.Marshal(got[n].Limiter[name]); string(text) != h.Get(header) {
					t.Errorf("entry %d: %s is %s, the header says %s", n, name, text, h.Get(header))
				}
			}
		}
		if e := got[0]; e.BilledPromptTokens != 100 || e.BilledCompletionTokens != 100 || e.Choices != 2 || e.CompletionTokens != 50 || e.EstimatedTokens != e.ChargedTokens || e.FirstTokenUS == 0 {
			t.Errorf("%+v", e)
		}
		if e := got[1]; e.Status != 429 || e.BilledPromptTokens != 0 || e.BilledCompletionTokens != 0 || e.EstimatedTokens != 0 || e.FirstTokenUS != 0 {
			t.Errorf("%+v", e)
		}
		if e := got[2]; e.Status != 500 || e.Limiter != nil || e.BilledPromptTokens != 0 {
			t.Errorf("%+v", e)
		}
		if e := got[3]; e.EstimatedTokens != int64(l.plan(1, 0).Charged) || e.ChargedTokens >= e.EstimatedTokens || e.BilledCompletionTokens != 50 || e.Limiter["utilization_percent"] <= 0 || len(e.Limiter) != 1 {
			t.Errorf("%+v", e)
		}
	})
}

// TestLedgerSinceAndAfter: both bounds, by themselves and together with a limit.
func TestLedgerSinceAndAfter(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		for key := range uint64(6) {
			l.post("a", marked(key, 3, ""))
		}
		all := entries(t, ask(l.Server, "GET", "/ledger", ""))
		for query, want := range map[string][]entry{
			"after=4": all[4:], "after=6": nil, "after=0&limit=1": all[5:],
			"since=" + all[2].Time.Format("2006-01-02T15:04:05.999999999Z07:00"):                     all[2:],
			"since=" + all[2].Time.Add(1).Format("2006-01-02T15:04:05.999999999Z07:00") + "&after=4": all[4:],
		} {
			got := entries(t, ask(l.Server, "GET", "/ledger?"+query, ""))
			if len(got) != len(want) || len(got) > 0 && got[0].Number != want[0].Number {
				t.Errorf("%s: %d entries, want %d: %+v", query, len(got), len(want), got)
			}
		}
	})
}

// TestControlOfSeveral: one control plane has the deployments of several Servers, each under its name, and no name twice.
func TestControlOfSeveral(t *testing.T) {
	control := NewControl(0)
	var servers []*Server
	for _, names := range [][]string{{"a", "b"}, {"c"}} {
		cfg := Config{Control: control}
		for _, n := range names {
			cfg.Deployments = append(cfg.Deployments, swift(n))
		}
		s, server := live(t, cfg)
		servers = append(servers, s)
		resp, err := request(t.Context(), server, names[len(names)-1], marked(1, 3, ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if got := entries(t, ask(servers[0], "GET", "/ledger", "")); len(got) != 2 || got[0].Deployment != "b" || got[1].Deployment != "c" || got[1].Number != 2 {
		t.Errorf("%+v", got)
	}
	if got := entries(t, ask(servers[0], "GET", "/ledger?deployment=c", "")); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if w := ask(servers[0], "PATCH", "/deployments/c", `{"tpm":7000}`); w.Code != 200 || servers[1].backends[0].setting.Load().cfg.TPM != 7000 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if m := scrape(t, servers[1].Admin()); m["foundrylab_requests_total b none 200"] != 1 || m["foundrylab_requests_total c none 200"] != 1 {
		t.Errorf("%v", m)
	}
	if _, err := New(Config{Control: control, Deployments: []deployment.Config{swift("x"), swift("c")}}); err == nil || !strings.Contains(err.Error(), `deployments[1].name: "c" is taken`) {
		t.Errorf("%v", err)
	}
	if n := len(control.all()); n != 3 {
		t.Errorf("%d deployments", n)
	}
}
