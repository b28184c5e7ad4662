package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/affinity"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

const responsesPath = "/openai/v1/responses"

// tagOf is what the gateway puts on the ids of a backend.
func tagOf(backend string) string {
	t := affinity.TagOf(backend)
	return string(t[:])
}

// answers gives every answer of a resource of that name, with its Content-Length.
func answers(body string) *fake {
	return always(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	})
}

func (lb *lab) do(method, path, body string, header ...string) reply {
	lb.t.Helper()
	req, _ := http.NewRequest(method, "http://gateway.test"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := lb.client.Do(req)
	if err != nil {
		lb.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err, time.Since(lb.began)}
}

// What is asked about a response goes to the backend that its id names, which
// sees its own ids; an id without a tag goes where requests go.
func TestRoutesOfResponses(t *testing.T) {
	const shown = `{"id":"resp_1","output":[{"id":"msg_1"}],"previous_response_id":null}`
	A, B := tagOf("a"), tagOf("b")
	for _, c := range []struct {
		method, path, body string
		backend            string // that is asked
		target             string // and how
		sent               string // its body
	}{
		{"POST", responsesPath, `{"model":"m","previous_response_id":"resp_1` + B + `"}`, "b", responsesPath, `{"model":"dep-b","previous_response_id":"resp_1"}`},
		{"POST", "/openai/responses?api-version=preview", `{"input":[{"id":"rs_1` + B + `"},{"id":"rs_2"}]}`, "b", "/openai/responses?api-version=preview", `{"model":"dep-b","input":[{"id":"rs_1"},{"id":"rs_2"}]}`},
		{"POST", responsesPath, `{"previous_response_id":"resp_1","model":"m"}`, "a", responsesPath, `{"previous_response_id":"resp_1","model":"dep-a"}`},
		{"POST", responsesPath + "/compact", `{"model":"m","previous_response_id":"resp_1` + B + `"}`, "b", responsesPath + "/compact", `{"model":"dep-b","previous_response_id":"resp_1"}`},
		{"POST", responsesPath + "/input_tokens", `{"model":"m","input":"Hi"}`, "a", responsesPath + "/input_tokens", `{"model":"dep-a","input":"Hi"}`},
		{"GET", responsesPath + "/resp_1" + B, "", "b", responsesPath + "/resp_1", ""},
		{"GET", responsesPath + "/resp_1", "", "a", responsesPath + "/resp_1", ""},
		{"GET", responsesPath + "/resp_1" + B + "?stream=false&include=x", "", "b", responsesPath + "/resp_1?stream=false&include=x", ""},
		{"DELETE", "/openai/responses/resp_1" + B + "?api-version=preview", "", "b", "/openai/responses/resp_1?api-version=preview", ""},
		{"POST", responsesPath + "/resp_1" + B + "/cancel", "", "b", responsesPath + "/resp_1/cancel", ""},
		{"GET", responsesPath + "/resp_1" + A + "/input_items?limit=2&after=msg_1" + A, "", "a", responsesPath + "/resp_1/input_items?limit=2&after=msg_1", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			fakes := map[string]*fake{"a": answers(shown), "b": answers(shown)}
			lb := newLab(t, []*fake{fakes["a"], fakes["b"]}, nil)
			got := lb.do(c.method, c.path, c.body)
			want := strings.ReplaceAll(strings.ReplaceAll(shown, "resp_1", "resp_1"+tagOf(c.backend)), "msg_1", "msg_1"+tagOf(c.backend))
			if got.status != 200 || got.body != want || got.header.Get("X-Gateway-Backend") != c.backend {
				t.Errorf("%s %s: %d from %s %s", c.method, c.path, got.status, got.header.Get("X-Gateway-Backend"), got.body)
			}
			seen := fakes[c.backend].requests()
			if len(seen) != 1 {
				t.Fatalf("%s %s: %d requests to %s", c.method, c.path, len(seen), c.backend)
			}
			target := seen[0].path
			if seen[0].query != "" {
				target += "?" + seen[0].query
			}
			if target != c.target || seen[0].body != c.sent {
				t.Errorf("%s %s was sent as %s %s", c.method, c.path, target, seen[0].body)
			}
			lb.idle()
		})
	}
}

// What pretends to be the id of a response, and is none, is no path.
func TestPathsOfResponses(t *testing.T) {
	for _, id := range []string{"", "..", "%2e%2e", "a%2fb", "a/b", "a.b", "a%00", strings.Repeat("a", 257), "{id}"} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			lb := newLab(t, []*fake{a}, nil)
			if got := lb.do("GET", responsesPath+"/"+id, ""); got.status != 404 || len(a.requests()) != 0 {
				t.Errorf("%q: %d, %d requests", id, got.status, len(a.requests()))
			}
		})
	}
}

// The ids of a stream's events are tagged as they come; what the model says is
// its own, whatever it looks like.
func TestStreamOfResponses(t *testing.T) {
	events := []string{
		`{"type":"response.created","response":{"id":"resp_1","output":[]}}`,
		`{"type":"response.output_text.delta","item_id":"msg_1","delta":"\"id\":\"resp_1\""}`,
		`{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"id":"msg_1","content":[{"text":"\"id\":\"resp_1\""}]}]}}`,
	}
	want := ""
	for _, e := range events {
		for _, id := range []string{`"resp_1"`, `"msg_1"`} {
			e = strings.ReplaceAll(e, `:`+id, `:`+id[:len(id)-1]+tagOf("a")+`"`)
		}
		want += "data: " + e + "\n\n"
	}
	for _, begins := range []string{"content", "headers"} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{always(stream(time.Second, events...))}, func(c *Config) { c.Core.Retry.Begins = begins })
			if got := lb.post(responsesPath, `{"model":"m","input":"Hi","stream":true}`); got.body != want || got.err != nil {
				t.Errorf("begins with its %s: %s %v", begins, got.body, got.err)
			}
			lb.idle()
		})
	}
}

// An answer may be longer than the gateway keeps anything of: images come inline.
func TestLongResponses(t *testing.T) {
	image := strings.Repeat("iVBORw0KGgo", 200_000) // 2.2 MB
	whole := `{"output":[{"type":"image_generation_call","result":"` + image + `","id":"ig_1"}],"id":"resp_1"}`
	event := `{"type":"response.output_item.done","item":{"result":"` + image + `","id":"ig_1"}}`
	last := `{"type":"response.completed","response":{"id":"resp_1","status":"completed"}}`
	tagged := strings.NewReplacer(`_1"`, "_1"+tagOf("a")+`"`)
	for _, begins := range []string{"content", "headers"} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{{answer: func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 0 {
					answers(whole).answer(0, w, r)
				} else {
					stream(0, event, last)(w, r)
				}
			}}}, func(c *Config) { c.Core.Retry.Begins = begins })
			if got := lb.post(responsesPath, `{"model":"m","input":"Hi"}`); got.body != tagged.Replace(whole) || got.err != nil {
				t.Errorf("begins with its %s: whole it has %d bytes, %v", begins, len(got.body), got.err)
			}
			if got := lb.post(responsesPath, `{"model":"m","input":"Hi","stream":true}`); got.body != tagged.Replace("data: "+event+"\n\ndata: "+last+"\n\n") || got.err != nil {
				t.Errorf("begins with its %s: the stream has %d bytes, %v", begins, len(got.body), got.err)
			}
			lb.idle()
		})
	}
}

// A response that is streamed again and breaks off says so, as any.
func TestStreamedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(stream(time.Second, `{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi"}`, "cut"))}, nil)
		got := lb.do("GET", responsesPath+"/resp_1?stream=true&starting_after=3", "")
		if want := `"item_id":"msg_1` + tagOf("a") + `"`; !strings.Contains(got.body, want) || !strings.Contains(got.body, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":1,") || got.err == nil {
			t.Errorf("%s %v", got.body, got.err)
		}
	})
}

// Only its own backend is asked for what builds upon a response: its refusal is
// the client's. It is asked again, later each time, where it does not find the
// response yet.
func TestPinnedRequest(t *testing.T) {
	missing := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`)
	}
	after := func(n int, late, then http.HandlerFunc) *fake {
		return &fake{answer: func(i int, w http.ResponseWriter, r *http.Request) {
			if i < n {
				late(w, r)
			} else {
				then(w, r)
			}
		}}
	}
	for _, c := range []struct {
		name     string
		b        *fake
		status   int
		attempts string
		took     time.Duration
		body     string // part of it
	}{
		{"throttled", always(status(429, "Retry-After", "7")), 429, "1", 0, "says the backend"},
		{"down", always(status(503)), 503, "1", 0, "says the backend"},
		{"not there yet", after(3, missing, status(200)), 200, "4", 70 * time.Millisecond, ""},
		{"never there", always(missing), 400, "12", 1270 * time.Millisecond, "'resp_1" + tagOf("b") + "' not found"},
		{"throttled then", after(1, missing, status(429, "Retry-After", "7")), 429, "2", 10 * time.Millisecond, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			lb := newLab(t, []*fake{a, c.b}, func(cfg *Config) { cfg.Core.Affinity.Lag = unit.Duration(1280 * time.Millisecond) })
			got := lb.post(responsesPath, `{"model":"m","previous_response_id":"resp_1`+tagOf("b")+`"}`)
			if got.status != c.status || got.header.Get("X-Gateway-Attempts") != c.attempts || got.at != c.took || !strings.Contains(got.body, c.body) || len(a.requests()) != 0 {
				t.Errorf("%s: %d after %s attempts and %v, %d elsewhere: %s", c.name, got.status, got.header.Get("X-Gateway-Attempts"), got.at, len(a.requests()), got.body)
			}
			lb.idle()
		})
	}
}

// A backend that is gone has taken its responses along, and the gateway says so.
func TestBackendGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(ok)
		lb := newLab(t, []*fake{a, always(ok)}, nil)
		cfg := lb.present.Load().cfg
		cfg.Pools = []Pool{{Core: Policy([]string{"a"}), Backends: cfg.Pools[0].Backends[:1]}}
		cfg.Core, cfg.Backends = cfg.Pools[0].Core, cfg.Pools[0].Backends
		cfg.Pools = nil
		if err := lb.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		for _, got := range []reply{
			lb.post(responsesPath, `{"model":"m","previous_response_id":"resp_1`+tagOf("b")+`"}`),
			lb.post(responsesPath, `{"model":"m","input":[{"id":"rs_1`+tagOf("b")+`"}]}`),
			lb.do("GET", responsesPath+"/resp_1"+tagOf("b"), ""),
		} {
			var e struct {
				Error struct{ Message, Type, Code string }
			}
			err := json.Unmarshal([]byte(got.body), &e)
			if got.status != 404 || got.header.Get("X-Gateway-Reason") != "backend-gone" || e.Error.Code != "previous_response_not_found" || e.Error.Type != "invalid_request_error" || err != nil {
				t.Errorf("%d %s %v", got.status, got.body, err)
			}
		}
		if len(a.requests()) != 0 {
			t.Error("another backend was asked")
		}
		// A tag that nobody knows is part of the id: a gateway behind may have put it there.
		id := "resp_1" + tagOf("never was")
		lb.post(responsesPath, `{"model":"m","previous_response_id":"`+id+`"}`)
		lb.do("GET", responsesPath+"/"+id+"/input_items?after=msg_1"+tagOf("never was"), "")
		if seen := a.requests(); len(seen) != 2 || !strings.Contains(seen[0].body, id) || !strings.Contains(seen[1].path, id) || !strings.HasSuffix(seen[1].query, tagOf("never was")) {
			t.Errorf("%+v", seen)
		}
	})
}

// Turned off, ids pass as they are, and bind nothing.
func TestAffinityOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const shown = `{"id":"resp_1"}`
		a := answers(shown)
		lb := newLab(t, []*fake{a, always(ok)}, func(c *Config) { c.Core.Affinity.Off = true })
		body := `{"model":"dep-a","previous_response_id":"resp_1` + tagOf("b") + `"}`
		if got := lb.post(responsesPath, body); got.body != shown || got.header.Get("Content-Length") != fmt.Sprint(len(shown)) {
			t.Errorf("%s", got.body)
		}
		lb.do("GET", responsesPath+"/resp_1"+tagOf("b"), "")
		if seen := a.requests(); len(seen) != 2 || seen[0].body != body || seen[1].path != responsesPath+"/resp_1"+tagOf("b") {
			t.Errorf("%+v", seen)
		}
	})
}

// Other operations pay nothing for it.
func TestOthersAreNotTagged(t *testing.T) {
	w, h, body := httptest.NewRecorder(), http.Header{"Content-Type": {"application/json"}}, []byte("{}")
	x, b := &exchange{w: w}, &backend{tag: affinity.TagOf("a")}
	if n := testing.AllocsPerRun(100, func() { x.w = x.tagged(b, h); body = x.bound.told(body) }); n != 0 || x.w != w {
		t.Errorf("%v allocations, %T", n, x.w)
	}
}

// What cannot be read passes as it is.
func TestCompressedResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const body = `{"id":"resp_1"}`
		lb := newLab(t, []*fake{always(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "x-ours")
			io.WriteString(w, body)
		})}, nil)
		if got := lb.post(responsesPath, `{"model":"m","input":"Hi"}`); got.body != body {
			t.Errorf("%s", got.body)
		}
	})
}

// A stream that is shown again costs its tenant nothing either: it was counted when it was made.
func TestResponsesShownAgainCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(stream(0,
			`{"type":"response.created","response":{"id":"resp_1","output":[]}}`,
			`{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi"}`,
			`{"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":50,"output_tokens":50}}}`))}, func(c *Config) {
			c.Clients = []Client{{Name: "x", Key: "key of x"}}
			c.Core.Tenants = []core.Tenant{{Name: "x"}}
			c.Core.Tenants[0].Limits.Quota = []budget.Quota{{Tokens: 1000, Period: "hour"}}
		})
		if got := lb.do("GET", responsesPath+"/resp_1?stream=true", "", "api-key", "key of x"); got.status != 200 || !strings.Contains(got.body, "completed") {
			t.Fatalf("%d %s", got.status, got.body)
		}
		synctest.Wait()
		if used := lb.core.Use(lb.cfg.Clock.Now(), 0).Quotas[0].Used; used != 0 {
			t.Errorf("%d tokens are charged", used)
		}
		if last := lb.effects[len(lb.effects)-1]; last.Completion != 0 || last.Outcome != record.Succeeded {
			t.Errorf("%+v", last)
		}
	})
}

// What asks nothing of a model costs its tenant no tokens, and a tenant's rules
// for bodies are not about those without one.
func TestResponsesCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{answers(`{"id":"resp_1","usage":{"input_tokens":50,"output_tokens":50,"total_tokens":100}}`)}, func(c *Config) {
			c.Clients = []Client{{Name: "x", Key: "key of x"}}
			c.Clients[0].Rules.Tools = "deny"
			c.Core.Tenants = []core.Tenant{{Name: "x"}}
			c.Core.Tenants[0].Limits.TPM = 10
		})
		for range 3 {
			if got := lb.do("GET", responsesPath+"/resp_1", "", "api-key", "key of x"); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
		if got := lb.post(responsesPath+"/input_tokens", `{"model":"m","input":"Hi"}`, "api-key", "key of x"); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := lb.post(responsesPath, `{"model":"m","input":"Hi","max_output_tokens":50}`, "api-key", "key of x"); got.status != 429 {
			t.Errorf("the limit is none: %d", got.status)
		}
	})
}
