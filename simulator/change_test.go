package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/simulator/deployment"
)

// TestChangeKeepsWhatIsUsed: a change bounds what comes next, counts what was, and shows in the headers; the lab's audit
// replays it.
func TestChangeKeepsWhatIsUsed(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("a", prompt(1, 50, `,"max_tokens":2970`))
		}()
		synctest.Wait()
		used := int64(l.plan(0, 0).Charged)
		w := ask(l.Server, "PATCH", "/deployments/a", `{"tpm":6000,"rpm":120}`)
		var got standing
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.TPM != 6000 || got.RPM != 120 || got.UsedTokens != used || got.InFlight != 1 {
			t.Errorf("%v %d %+v", err, w.Code, got)
		}
		resp, _ := l.post("a", prompt(2, 1, `,"max_tokens":10`))
		left, _ := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Remaining-Tokens"), 10, 64)
		if h := resp.Header; h.Get("X-Ratelimit-Limit-Tokens") != "6000" || h.Get("X-Ratelimit-Limit-Requests") != "120" || left != 6000-used-int64(l.plan(0, 1).Charged) {
			t.Errorf("%v", h)
		}
		if resp, _ := l.post("a", prompt(3, 1, `,"max_tokens":4000`)); resp.StatusCode != 429 {
			t.Errorf("%d, want 429: what was used before the change counts", resp.StatusCode)
		}
		<-done
		if m := scrape(t, l.Admin()); m["foundrylab_limit_tokens a"] != 6000 {
			t.Errorf("metric: %v", m["foundrylab_limit_tokens a"])
		}
	})
}

// TestChangeProvisioned: other units, and the reserve is larger at once.
func TestChangeProvisioned(t *testing.T) {
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50}
	inLab(t, Config{Deployments: []deployment.Config{ptu}}, func(l *lab) {
		if w := ask(l.Server, "PATCH", "/deployments/ptu", `{"ptu":100}`); w.Code != 200 || !strings.Contains(w.Body.String(), `"ptu":100`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if resp, _ := l.post("ptu", prompt(1, 5, "")); resp.StatusCode != 200 {
			t.Errorf("%d", resp.StatusCode)
		}
	})
}

// TestChangeMistakes: all of them at once, and nothing is changed.
func TestChangeMistakes(t *testing.T) {
	ptu := deployment.Config{Name: "ptu", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 50}
	s, _ := live(t, Config{Deployments: []deployment.Config{standard("a"), ptu}})
	before := ask(s, "GET", "/deployments", "").Body.String()
	for _, tt := range []struct {
		name, body string
		status     int
		want       []string
	}{
		{"b", `{}`, 404, []string{`there is no deployment \"b\"`}},
		{"a", `[]`, 400, []string{"send a JSON object"}},
		{"a", `{"tpm":500000,"rpm":-1,"sku":"Standard"}`, 400, []string{"rpm: -1", "sku: cannot be changed"}},
		{"a", `{"tpm":null}`, 400, []string{"tpm: null"}},
		{"a", `{"tpm":"300k"}`, 400, []string{`tpm: \"300k\"`}},
		{"a", `{"tpm":0}`, 400, []string{`"tpm: a GlobalStandard deployment needs tpm`}},
		{"a", `{"ptu":50,"rpm":1.5}`, 400, []string{`"ptu: a GlobalStandard deployment`, "rpm: 1.5"}},
		{"ptu", `{"ptu":53}`, 400, []string{`"ptu: `, "steps of"}},
		{"ptu", `{"ptu":100,"tpm":1000}`, 400, []string{`"tpm: `}},
	} {
		w := ask(s, "PATCH", "/deployments/"+tt.name, tt.body)
		if w.Code != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.name, tt.body, w.Code, tt.status)
		}
		for _, want := range tt.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %s: %s has no %q", tt.name, tt.body, w.Body, want)
			}
		}
	}
	if after := ask(s, "GET", "/deployments", "").Body.String(); after != before {
		t.Errorf("changed to %s", after)
	}
}

// TestChangesAreBounded reaches the bound.
func TestChangesAreBounded(t *testing.T) {
	s, _ := live(t, Config{Deployments: []deployment.Config{standard("a")}})
	for n := range maxChanges + 1 {
		want := 200
		if n == maxChanges {
			want = 409
		}
		if w := ask(s, "PATCH", "/deployments/a", `{"tpm":1000}`); w.Code != want {
			t.Fatalf("change %d: %d %s", n+1, w.Code, w.Body)
		}
	}
}
