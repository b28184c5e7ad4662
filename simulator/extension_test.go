package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fixture"
)

func saying(text string) *fixture.Answer { return &fixture.Answer{Text: &text} }

// An extension says the same in every operation, whole and streamed, and is told what was asked but no key.
func TestExtensionEverywhere(t *testing.T) {
	said := "It is \"sunny\", 21 °C — 晴れ 🌞."
	quoted, _ := json.Marshal(said)
	var asked []string
	extension := func(_ context.Context, r *ExtensionRequest) (*fixture.Answer, error) {
		asked = append(asked, r.Operation+" "+r.User)
		if r.Header.Get("Api-Key")+r.Header.Get("Authorization") != "" || r.Header.Get("X-Test") != "seven" || !json.Valid(r.Body) || len(r.Messages) == 0 {
			return nil, errors.New("told otherwise")
		}
		return saying(said), nil
	}
	inLab(t, Config{Deployments: everyModel(), Extension: extension}, func(l *lab) {
		for _, op := range everywhere {
			status, _, whole := l.say(op.path, fmt.Sprintf(op.body, `"weather"`, ""), "X-Test", "seven", "Authorization", "Bearer secret")
			if want := fmt.Sprintf(op.whole, string(quoted)); status != 200 || !strings.Contains(whole, want) {
				l.Errorf("%s: %d %s", op.name, status, whole)
			}
			status, _, stream := l.say(op.path, fmt.Sprintf(op.body, `"weather"`, `,"stream":true`), "X-Test", "seven")
			if got := spoken(stream); status != 200 || got != said {
				l.Errorf("%s: %d %q", op.name, status, got)
			}
		}
	})
	if len(asked) != 2*len(everywhere) || asked[0] != "chat/completions weather" {
		t.Errorf("%q", asked)
	}
}

// What an extension does wrong is a clear answer; what it leaves to others is made up.
func TestExtensionAnswers(t *testing.T) {
	answers := map[string]func() (*fixture.Answer, error){
		"nothing": func() (*fixture.Answer, error) { return nil, nil },
		"call": func() (*fixture.Answer, error) {
			return &fixture.Answer{Calls: []fixture.Call{{Name: "f", Arguments: `{"a":1}`}}}, nil
		},
		"refuse": func() (*fixture.Answer, error) {
			return &fixture.Answer{Error: &fixture.Error{Status: 418, Message: "tea"}}, nil
		},
		"fail":  func() (*fixture.Answer, error) { return nil, errors.New("out of words") },
		"panic": func() (*fixture.Answer, error) { panic("oh") },
		"wrong": func() (*fixture.Answer, error) {
			return &fixture.Answer{Calls: []fixture.Call{{Arguments: "x"}}, Error: &fixture.Error{Status: 1}, Finish: "late"}, nil
		},
		"say":  func() (*fixture.Answer, error) { return saying("said"), nil },
		"wait": func() (*fixture.Answer, error) { return &fixture.Answer{Delay: ms(1000)}, nil },
	}
	echo := ofModel("gpt-4o")
	echo.Name, echo.Content = "echo", "echo"
	cfg := Config{Deployments: []deployment.Config{ofModel("gpt-4.1"), ofModel("text-embedding-3-small"), ofModel("gpt-35-turbo-instruct"), echo},
		Extension: func(_ context.Context, r *ExtensionRequest) (*fixture.Answer, error) { return answers[r.User]() }}
	const chat = "/openai/v1/chat/completions"
	inLab(t, cfg, func(l *lab) {
		for _, tt := range []struct {
			user, path, model, mode string
			status                  int
			want                    string
		}{
			{"say", chat, "gpt-4.1", "", 200, `"content":"said"`},
			{"nothing", chat, "gpt-4.1", "", 200, `"content":"`},
			{"wait", chat, "gpt-4.1", "", 200, `"content":"`},
			{"call", chat, "gpt-4.1", "", 200, `"arguments":"{\"a\":1}"`},
			{"refuse", chat, "gpt-4.1", "", 418, `"message":"tea"`},
			{"fail", chat, "gpt-4.1", "", 502, `"code":"extension_failed","message":"The extension that says what is answered failed: out of words"`},
			{"panic", chat, "gpt-4.1", "", 502, "it panicked: oh"},
			{"wrong", chat, "gpt-4.1", "", 502, "answer.error: an error is instead"},
			{"wrong", chat, "gpt-4.1", "", 502, "answer.tool_calls[0].name: is missing"},
			{"wrong", chat, "gpt-4.1", "", 502, "answer.tool_calls[0].arguments: is no JSON object"},
			{"wrong", chat, "gpt-4.1", "", 502, "answer.error.status: 1 is not from 400"},
			{"wrong", chat, "gpt-4.1", "", 502, `answer.finish: there is no \"late\"`},
			{"fail", chat, "gpt-4.1", "generate", 200, `"content":"`},
			{"fail", chat, "gpt-4.1", "echo", 200, `"content":"fail"`},
			{"say", chat, "echo", "", 200, `"content":"say"`},
			{"say", chat, "echo", "extension", 200, `"content":"said"`},
			{"say", "/openai/v1/embeddings", "text-embedding-3-small", "", 502, "embeddings say no words"},
			{"nothing", "/openai/v1/embeddings", "text-embedding-3-small", "", 200, `"embedding"`},
			{"call", "/openai/v1/completions", "gpt-35-turbo-instruct", "", 502, "completions call no tools"},
		} {
			body := `{"model":"` + tt.model + `","messages":[{"role":"user","content":"` + tt.user + `"}]}`
			switch {
			case strings.HasSuffix(tt.path, "embeddings"):
				body = `{"model":"` + tt.model + `","input":"` + tt.user + `"}`
			case tt.path != chat:
				body = `{"model":"` + tt.model + `","prompt":"` + tt.user + `"}`
			}
			var header []string
			if tt.mode != "" {
				header = []string{contentHeader, tt.mode}
			}
			if status, _, text := l.say(tt.path, body, header...); status != tt.status || !strings.Contains(text, tt.want) {
				l.Errorf("%s at %s (%s): %d %.400s, want %d %s", tt.user, tt.model, tt.mode, status, text, tt.status, tt.want)
			}
		}
		for _, a := range l.ledger() {
			if a.Status >= 400 {
				l.Errorf("what the extension refused came to a deployment: %+v", a)
			}
		}
	})
	inLab(t, Config{Deployments: []deployment.Config{ofModel("gpt-4.1")}}, func(l *lab) {
		if status, _, text := l.say(chat, `{"model":"gpt-4.1","messages":[{"role":"user","content":"a"}]}`, contentHeader, "extension"); status != 400 {
			l.Errorf("without one: %d %s", status, text)
		}
	})
}

// hooked posts to a server of the test's own.
func hooked(t *testing.T, timeout time.Duration, serve http.HandlerFunc) Extension {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	e, err := HTTPHook(strings.Replace(server.URL, "//", "//me:hidden-password@", 1)+"?code=hidden-code", timeout)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A hook is told what an extension is, as JSON, and answers as a fixture does.
func TestHTTPHook(t *testing.T) {
	hook := hooked(t, 10*time.Second, func(w http.ResponseWriter, r *http.Request) {
		var got map[string]any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v %s", err, r.Method)
		}
		want := `{"after_tool":false,"deployment":"d","headers":{"X-Test":["seven"]},"messages":[{"role":"user","text":"Hello"}],"model":"gpt-4.1","operation":"chat/completions","request":{"model":"d"},"tools":["f"],"user":"Hello"}`
		if text, _ := json.Marshal(got); string(text) != want {
			t.Errorf("told %s\nwant %s", text, want)
		}
		io.WriteString(w, `{"text":"\ud83c\udf1e \u0000","tool_calls":[{"name":"f","arguments":"{}"}]}`)
	})
	a, err := hook(t.Context(), &ExtensionRequest{Operation: "chat/completions", Deployment: "d", Model: "gpt-4.1", User: "Hello", Tools: []string{"f"},
		Messages: []Said{{"user", "Hello"}}, Header: http.Header{"X-Test": {"seven"}}, Body: []byte(`{"model":"d"}`)})
	if err != nil || *a.Text != "🌞 \x00" || a.Calls[0].Name != "f" {
		t.Errorf("%+v %v", a, err)
	}
}

// Each way in which a hook can fail has an error that says what to do, and no secret of its URL: clients and the log see it.
func TestHTTPHookFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   http.HandlerFunc
		want string // "": no answer, which is no error
	}{
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "answers 500 Internal Server Error: it should be 200"},
		{"text", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, "no JSON object"},
		{"null", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "null") }, "no JSON object"},
		{"two", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"text":"a"} {}`) }, "more after"},
		{"unknown", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"txt":"a","error":{"status":1}}`) }, "txt: unknown key"},
		{"empty", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) }, "says nothing"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for range maxHookAnswer/1024 + 2 {
				io.WriteString(w, strings.Repeat("x", 1024))
			}
		}, "more than 1048576 bytes"},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "within 200ms"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/hidden", http.StatusFound)
		}, "answers 302 Found"},
		{"broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timeout := 10 * time.Second
			if tt.name == "slow" {
				timeout = 200 * time.Millisecond
			}
			a, err := hooked(t, timeout, tt.do)(t.Context(), &ExtensionRequest{Body: []byte("{}")})
			if tt.want == "" && (a != nil || err != nil) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%+v %v, want %q", a, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("it tells what is in the URL: %v", err)
			}
		})
	}
	for address, timeout := range map[string]time.Duration{"": time.Second, "ftp://a": time.Second, "http://": time.Second, "http://a": 0, "http://b": time.Hour} {
		if _, err := HTTPHook(address, timeout); err == nil {
			t.Errorf("%q %v is taken", address, timeout)
		}
	}
}

// A hook is asked by so many at once, and no more.
func TestHTTPHookIsBounded(t *testing.T) {
	var now, most atomic.Int64
	open := make(chan struct{})
	full := make(chan struct{}, maxHookCalls)
	hook := hooked(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		select {
		case full <- struct{}{}:
		default:
		}
		<-open
		w.WriteHeader(204)
	})
	const callers = maxHookCalls + 20
	done := make(chan error, callers)
	for range callers {
		go func() {
			_, err := hook(t.Context(), &ExtensionRequest{Body: []byte("{}")})
			done <- err
		}()
	}
	for range maxHookCalls {
		<-full
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := hook(ctx, &ExtensionRequest{Body: []byte("{}")}); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left still waits: %v", err)
	}
	close(open)
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != maxHookCalls {
		t.Errorf("%d at once", most.Load())
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`{"text":"a","finish":"stop"}`))
	f.Add([]byte(`{"tool_calls":[{"name":"f","arguments":"{\"a\":\"\\u00e9\"}"}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, err := readAnswer(src)
		if err != nil {
			return
		}
		d := director{call: &call{op: &operations[0]}}
		if err := d.sayable(a); err != nil {
			t.Errorf("%s: what was read cannot be said: %v", src, err)
		}
	})
}
