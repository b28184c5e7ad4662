package simulator

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/simulator/deployment"
)

// TestChangeKeepsWhatIsUsed: a change bounds what comes next, counts what was, and shows in the headers; the lab's audit
// replays it.
func TestChangeKeepsWhatIsUsed(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("a", marked(1, 50, `,"max_tokens":2970`))
		}()
		synctest.Wait()
		used := int64(l.plan(0, 0).Charged)
		w := ask(l.Server, "PATCH", "/deployments/a", `{"tpm":6000,"rpm":120}`)
		var got standing
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.TPM != 6000 || got.RPM != 120 || got.UsedTokens != used || got.InFlight != 1 {
			t.Errorf("%v %d %+v", err, w.Code, got)
		}
		resp, _ := l.post("a", marked(2, 1, `,"max_tokens":10`))
		left, _ := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Remaining-Tokens"), 10, 64)
		if h := resp.Header; h.Get("X-Ratelimit-Limit-Tokens") != "6000" || h.Get("X-Ratelimit-Limit-Requests") != "120" || left != 6000-used-int64(l.plan(0, 1).Charged) {
			t.Errorf("%v", h)
		}
		if resp, _ := l.post("a", marked(3, 1, `,"max_tokens":4000`)); resp.StatusCode != 429 {
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
		if resp, _ := l.post("ptu", marked(1, 5, "")); resp.StatusCode != 200 {
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
		{"a", `null`, 400, []string{"send a JSON object", "found null"}},
		{"a", `{"tpm":1} {}`, 400, []string{"found more"}},
		{"a", `{"tpm":500000,"rpm":-1,"sku":"Standard","key":"x"}`, 400, []string{`"rpm: `, `"sku: cannot be changed`, `"key: cannot be changed`}},
		{"a", `{"tpm":null}`, 400, []string{`"tpm: a GlobalStandard deployment needs tpm`}},
		{"a", `{"tpm":true}`, 400, []string{`"tpm: `}},
		{"a", `{"tpm":0}`, 400, []string{`"tpm: a GlobalStandard deployment needs tpm`}},
		{"a", `{"ptu":50}`, 400, []string{`"ptu: a GlobalStandard deployment`}},
		{"a", `{"rpm":1.5,"latency":{"ttft":{"p50":"2s"},"spread":"high","colour":"red"},"profile":"azure-1999"}`, 400,
			[]string{`"rpm: `, `"latency.ttft.p95: `, `"latency.spread: `, `"latency.colour: `, `"profile: `}},
		{"a", `{"latency":{"ttft":{"p50":"2s","p95":"1s"}}}`, 400, []string{`"latency.ttft.p95: must not be below`}},
		{"a", `{"latency":7,"output":{"lognormal":{"p50":1,"p95":2},"uniform":{}}}`, 400, []string{`"latency: `, `"output`}},
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

// TestChangeEverything: a patch can name every setting that changes, at any depth, and what it does not name stays; null
// is the default. What is shown can be sent back, and changes nothing.
func TestChangeEverything(t *testing.T) {
	s, _ := live(t, Config{Deployments: []deployment.Config{standard("a")}})
	patch := func(body string) standing {
		t.Helper()
		w := ask(s, "PATCH", "/deployments/a", body)
		var got standing
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %v %d %s", body, err, w.Code, w.Body)
		}
		if v := strconv.Quote(strconv.Itoa(int(got.Version))); w.Header().Get("ETag") != v {
			t.Errorf("entity tag %s of version %s", w.Header().Get("ETag"), v)
		}
		if again := ask(s, "GET", "/deployments/a", ""); again.Body.String() != w.Body.String() || again.Header().Get("ETag") != w.Header().Get("ETag") {
			t.Errorf("the patch answers %s\nthe get    %s", w.Body, again.Body)
		}
		return got
	}
	first := members(t, patch(`{}`).Settings)
	for n, tt := range []struct{ body, differs string }{
		{`{"tpm":"120k","rpm":600,"latency":{"ttft":{"p50":"200ms","p95":"1.5s"},"spread":"10%"}}`,
			`{"latency":{"spread":"10%","ttft":{"p50":"200ms","p95":"1.5s"}},"rpm":600,"tpm":"120k"}`},
		{`{"latency":{"ttft":{"p95":"2s"},"spread":null,"tail":{"share":"1%"}},"output":{"lognormal":{"p50":10,"p95":20}}}`,
			`{"latency":{"tail":{"factor":10,"share":"1%"},"ttft":{"p50":"200ms","p95":"2s"}},"output":{"lognormal":{"p50":10,"p95":20}},"rpm":600,"tpm":"120k"}`},
		{`{"output":50,"latency":null,"rpm":null}`, `{"output":50,"tpm":"120k"}`},
		{`{"utilization_window":"20s","max_tokens_guess":1000,"max_tokens_weight":"50%","disconnect":"planned","spillover_error":"target","profile":"azure-2024","window":"fixed","count_rejected":false,"max_in_flight":7,"output":null,"prompt_cache":{"prefixes":9}}`,
			`{"count_rejected":false,"disconnect":"planned","max_in_flight":7,"max_tokens_guess":"1k","max_tokens_weight":"50%","profile":"azure-2024","prompt_cache":{"overflow":15,"prefixes":9,"retention":"5m"},"spillover_error":"target","tpm":"120k","utilization_window":"20s","window":"fixed"}`},
	} {
		got := patch(tt.body)
		if differs := differences(t, first, members(t, got.Settings)); differs != tt.differs || got.Version != uint32(2*n+2) {
			t.Errorf("%s: version %d\n%s, want\n%s", tt.body, got.Version, differs, tt.differs)
		}
		if again := patch(string(got.Settings)); again.Settings != got.Settings {
			t.Errorf("sent back: %s", again.Settings)
		}
	}
}

func members(t *testing.T, s settings) (of map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &of); err != nil {
		t.Fatal(err)
	}
	return of
}

// differences returns the members of got that are not in first, keys in order.
func differences(t *testing.T, first, got map[string]json.RawMessage) string {
	t.Helper()
	differs := map[string]any{}
	for name, value := range got {
		if string(first[name]) != string(value) {
			var v any
			if err := json.Unmarshal(value, &v); err != nil {
				t.Fatal(err)
			}
			differs[name] = v
		}
	}
	text, _ := json.Marshal(differs)
	return string(text)
}

// TestChangeNamesRealSettings: each of them is a key of the file format.
func TestChangeNamesRealSettings(t *testing.T) {
	known := map[string]bool{}
	for f := range reflect.TypeOf(deployment.Config{}).Fields() {
		known[f.Tag.Get("yaml")] = true
	}
	for _, name := range changeable {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
}

// TestChangeOfAVersion: who names the version it knows does not undo what another one did.
func TestChangeOfAVersion(t *testing.T) {
	s, _ := live(t, Config{Deployments: []deployment.Config{standard("a")}})
	for _, tt := range []struct {
		version, body string
		status        int
	}{{`"0"`, `{"tpm":1000}`, 200}, {`"0"`, `{"tpm":2000}`, 412}, {`"1"`, `{"tpm":-1}`, 400}, {`"1"`, `{"tpm":2000}`, 200}, {`*`, `{"tpm":3000}`, 200}, {``, `{}`, 200}} {
		r := httptest.NewRequest("PATCH", "/deployments/a", strings.NewReader(tt.body))
		r.Header.Set("If-Match", tt.version)
		w := httptest.NewRecorder()
		s.Admin().ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%+v: %d %s", tt, w.Code, w.Body)
		}
	}
}

// TestChangePaceAndProfile: latency holds for what comes next, and headers are those of the new profile, with its windows.
func TestChangePaceAndProfile(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		if w := ask(l.Server, "PATCH", "/deployments/a", `{"latency":{"ttft":{"p50":"5s","p95":"5s"}},"profile":"azure-2025"}`); w.Code != 200 {
			t.Fatal(w.Body)
		}
		began := l.clock.Now()
		resp, _ := l.post("a", marked(1, 1, ""))
		if took := l.clock.Now().Sub(began); took < 5*time.Second || took > 5100*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		fresh := standard("a")
		fresh.Profile = "azure-2025"
		other, err := New(Config{Deployments: []deployment.Config{fresh}})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		w, want := httptest.NewRecorder(), map[string]bool{}
		other.backends[0].limits.Load().set(&call{w: w}, &deployment.Effect{})
		for name := range w.Header() {
			want[name] = true
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "X-Ratelimit") && !want[name] {
				t.Errorf("%s is not of the profile", name)
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("missing %v", want)
		}
	})
}

// FuzzChange: whatever a body is, it is applied or refused as a whole.
func FuzzChange(f *testing.F) {
	for _, seed := range []string{`{"tpm":1}`, `{"latency":{"ttft":{"p50":"1s","p95":"2s"},"tail":null}}`, `{"output":{"lognormal":{"p50":1,"p95":1e3}}}`, `{"<<":{"a":1},"tpm":"\u0000"}`, `{"tpm":-0,"rpm":1e999,"ptu":[1,{"a":null}]}`, `{"latency":"&a [*a]"}`} {
		f.Add(seed)
	}
	s, err := New(Config{Deployments: []deployment.Config{standard("a")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, body string) {
		before := ask(s, "GET", "/deployments/a", "").Body.String()
		w := ask(s, "PATCH", "/deployments/a", body)
		after := ask(s, "GET", "/deployments/a", "").Body.String()
		switch w.Code {
		case 200:
			if w.Body.String() != after {
				t.Errorf("answers %s, shows %s", w.Body, after)
			}
		case 400:
			if before != after {
				t.Errorf("refused, and changed from %s to %s", before, after)
			}
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
