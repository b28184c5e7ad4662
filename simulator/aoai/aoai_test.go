package aoai

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

func environment(pairs ...string) func(string) string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return all[name] }
}

func TestFromEnvironment(t *testing.T) {
	s, notes, err := FromEnvironment(environment())
	if err != nil || len(notes) > 0 || s != defaults() {
		t.Errorf("nothing set: %+v %q %v", s, notes, err)
	}
	s, notes, err = FromEnvironment(environment("SIMULATOR_API_KEY", "k", "OPENAI_DEPLOYMENT_CONFIG_PATH", "d.json", "ALLOW_UNDEFINED_OPENAI_DEPLOYMENTS", "False",
		"SIMULATOR_MODE", "generate", "LATENCY_OPENAI_EMBEDDINGS_MEAN", "0", "LATENCY_OPENAI_CHAT_COMPLETIONS_STD_DEV", "0.5", "RECORDING_DIR", "x"))
	want := defaults()
	want.Key, want.DeploymentFile, want.AllowUndefined, want.Latency.Embeddings.Mean, want.Latency.ChatCompletions.StdDev = "k", "d.json", false, 0, 0.5
	if err != nil || s != want || !slices.Equal(notes, []string{"RECORDING_DIR has no effect here"}) {
		t.Errorf("%+v %q %v", s, notes, err)
	}
	_, _, err = FromEnvironment(environment("SIMULATOR_MODE", "replay", "EXTENSION_PATH", "x.py", "ALLOW_UNDEFINED_OPENAI_DEPLOYMENTS", "perhaps",
		"LATENCY_OPENAI_EMBEDDINGS_MEAN", "fast", "LATENCY_OPENAI_COMPLETIONS_MEAN", "-1", "LATENCY_OPENAI_CHAT_COMPLETIONS_MEAN", "NaN"))
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, part := range []string{"SIMULATOR_MODE", "EXTENSION_PATH", "ALLOW_UNDEFINED", `LATENCY_OPENAI_EMBEDDINGS_MEAN: "fast"`, "LATENCY_OPENAI_COMPLETIONS: a mean of -1", "LATENCY_OPENAI_CHAT_COMPLETIONS: a mean of NaN"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %v", part, err)
		}
	}
}

func TestDeployments(t *testing.T) {
	all, notes, err := Deployments([]byte(`{"chat": {"model": "gpt-3.5-turbo-0613", "tokensPerMinute": 10000}, "new": {"model": "gpt-4o"},
		"emb": {"model": "text-embedding-3-small", "tokensPerMinute": 1000, "embeddingSize": 256}, "speech": {"model": "whisper", "requestsPerMinute": 3}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		got = append(got, fmt.Sprint(d.Name, " ", d.Model, " ", d.Version, " ", int64(d.TPM), " ", int64(d.RPM)))
	}
	if want := []string{"chat gpt-3.5-turbo 0125 10000 0", "emb text-embedding-3-small 1 1000 0", "new gpt-4o 2024-11-20 1000000000 1000000000"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "emb: embeddings have the 1536 dimensions") || !strings.Contains(notes[1], "speech: left out") {
		t.Errorf("%q", notes)
	}
	for text, want := range map[string]string{
		`[]`: "is no JSON object", `{`: "is no JSON object", `{} {}`: "is no JSON object", `{}`: "no deployment that can be served",
		`{"a": {"model": "llama"}}`:                             `a.model: "llama" is not known`,
		`{"a": {}}`:                                             "a.model: is missing",
		`{"a b": {"model": "gpt-4o"}}`:                          "a b: is no deployment name",
		`{"a": {"model": "gpt-4o", "tokensPerMinute": -1}}`:     "a: limits are not below 0",
		`{"a": {"model": "gpt-4o", "colour": "red"}}`:           `a: json: unknown field "colour"`,
		`{"a": {"model": 1}, "b": {"model": "x"}}`:              `b.model: "x"`,
		`{` + strings.Repeat(`"a": {},`, 1) + `"b": "nothing"}`: "b: json",
	} {
		if _, _, err := Deployments([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestLatencyOf(t *testing.T) {
	l := defaults().Latency
	ms := unit.Duration(time.Millisecond)
	if got := l.Of("text-embedding-ada-002"); got.TTFT.P50 != 100*ms || got.TTFT.P95 < 149*ms || got.TTFT.P95 > 150*ms {
		t.Errorf("embeddings: %+v", got.TTFT)
	}
	if got := l.Of("gpt-4o"); got.TTFT.P50 != 19*ms || got.TokensPerS != 53 || got.Spread != 315_789 {
		t.Errorf("chat: %+v %+v", got, got.TTFT)
	}
	if got := l.Of("gpt-35-turbo-instruct"); got.TokensPerS != 67 {
		t.Errorf("completions: %+v", got)
	}
	l.ChatCompletions = Normal{0, 0.1}
	if got := l.Of("gpt-4o"); got.TokensPerS != fastest || got.TTFT.P50 != unit.Duration(shortest) {
		t.Errorf("no time: %+v %+v", got, got.TTFT)
	}
	l.ChatCompletions = Normal{math.SmallestNonzeroFloat64, 1e4}
	if got := l.Of("gpt-4o"); got.TokensPerS != fastest || got.Spread > unit.One || got.Spread < 0 {
		t.Errorf("hardly any: %+v", got)
	}
}

// served is a Plane as the command makes it.
func served(t *testing.T, settings Settings, all []deployment.Config) *Plane {
	t.Helper()
	cfg := simulator.Config{Deployments: all}
	p := New(settings)
	p.Configure(&cfg)
	server, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return p.Front(server)
}

func do(p *Plane, method, path, key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Api-Key", key)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestPlane(t *testing.T) {
	settings := defaults()
	settings.Key, settings.AllowUndefined = "k", false
	settings.Latency.ChatCompletions = Normal{0, 0}
	p := served(t, settings, BuiltIn())
	const chat = `{"messages":[{"role":"user","content":"Hello"}],"max_tokens":3}`
	const path = "/openai/deployments/%s/chat/completions?api-version=2023-12-01-preview"
	for _, tt := range []struct {
		method, path, key, body string
		status                  int
		want                    string
	}{
		{"GET", "/", "", "", 200, "message"},
		{"GET", "/++/config", "wrong", "", 401, `{"detail":"Missing or incorrect API Key"}`},
		{"GET", "/++/config", "k", "", 200, `"open_ai_embeddings":{"mean":100,"std_dev":30}`},
		{"GET", "/++/config", "k", "", 200, `"gpt-35-turbo-10k-token":{"tokens_per_minute":10000,"model":{"name":"gpt-35-turbo"}}`},
		{"POST", "/++/save-recordings", "k", "", 400, "recordings"},
		{"DELETE", "/++/config", "k", "", 405, "detail"},
		{"POST", fmt.Sprintf(path, "gpt-35-turbo-100m-token"), "k", chat, 200, `"choices"`},
		{"POST", "//openai//deployments/gpt-35-turbo-100m-token/chat/completions?api-version=2023-12-01-preview", "k", chat, 200, `"choices"`},
		{"POST", fmt.Sprintf(path, "mine"), "k", chat, 404, "DeploymentNotFound"},
		{"PATCH", "/++/config", "k", `{"allow_undefined_openai_deployments": true}`, 200, `"allow_undefined_openai_deployments":true`},
		{"POST", fmt.Sprintf(path, "mine"), "k", chat, 200, `"choices"`},
		{"PATCH", "/++/config", "k", `{"latency": {"open_ai_completions": {"mean": 0.5}}}`, 200, `"open_ai_completions":{"mean":0.5,"std_dev":2}`},
		{"PATCH", "/++/config", "k", `{"simulator_mode": "record"}`, 422, "only generate is"},
		{"PATCH", "/++/config", "k", `{"latency": {"open_ai_completions": {"mean": -1}, "open_ai_embeddings": {"mean": 1}}}`, 422, "a mean of -1"},
		{"PATCH", "/++/config", "k", `{"latency": {"speed": 1}}`, 422, "unknown field"},
		{"PATCH", "/++/config", "k", `nonsense`, 422, "detail"},
		{"PATCH", "/++/config", "k", strings.Repeat(" ", maxPatch+1), 422, "too large"},
		{"GET", "/++/config", "k", "", 200, `"open_ai_embeddings":{"mean":100,"std_dev":30}`}, // nothing of the refused ones
	} {
		if w := do(p, tt.method, tt.path, tt.key, tt.body); w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %.60s: %d %s", tt.method, tt.path, tt.body, w.Code, w.Body)
		}
	}
}

// A change of latency holds for what is deployed and for what appears later.
func TestPlanePace(t *testing.T) {
	p := served(t, defaults(), BuiltIn())
	pace := func(name string) (l latency.Config) {
		for _, d := range p.server.Deployments() {
			if d.Name == name {
				l = d.Latency
			}
		}
		return l
	}
	if w := do(p, http.MethodPatch, "/++/config", "foundrylab-key", `{"latency": {"open_ai_chat_completions": {"mean": 0, "std_dev": 0}}}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := pace("gpt-35-turbo-10k-token").TokensPerS; got != fastest {
		t.Errorf("what is there: %d tokens/s", got)
	}
	if w := do(p, http.MethodPost, "/openai/v1/chat/completions", "foundrylab-key", `{"model":"gpt-4o-x","messages":[{"role":"user","content":"Hello"}],"max_tokens":3}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := pace("gpt-4o-x").TokensPerS; got != fastest {
		t.Errorf("what appears: %d tokens/s", got)
	}
}

// The shape of GET is what scripts read.
func TestPlaneShape(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal(do(served(t, defaults(), BuiltIn()), http.MethodGet, "/++/config", "foundrylab-key", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["simulator_mode"] != "generate" || len(got["latency"].(map[string]any)) != 4 || len(got["openai_deployments"].(map[string]any)) != len(BuiltIn()) {
		t.Errorf("%v", got)
	}
}

func FuzzDeployments(f *testing.F) {
	f.Add([]byte(`{"chat": {"model": "gpt-4o", "tokensPerMinute": 1}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		all, _, err := Deployments(src)
		if err != nil {
			return
		}
		server, err := simulator.New(simulator.Config{Deployments: all})
		if err != nil {
			t.Fatalf("%s: what was read is refused: %v", src, err)
		}
		server.Close()
	})
}
