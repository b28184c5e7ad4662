package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/rs/zerolog"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// live is a Server on a loopback socket.
func live(t *testing.T, cfg Config) (*Server, *httptest.Server) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		s.Close()
	})
	return s, server
}

// The OpenAI SDK speaks to both route families: v1 as it is, the classic one with a base URL and headers of Azure.
func TestOpenAIClient(t *testing.T) {
	_, server := live(t, Config{Auth: strict, Deployments: []deployment.Config{swift("chat-prod")}})
	clients := []struct {
		name   string
		client openai.Client
	}{
		{"v1", openai.NewClient(option.WithBaseURL(server.URL+"/openai/v1/"), option.WithAPIKey("foundrylab-key"), option.WithMaxRetries(0))},
		{"classic", openai.NewClient(option.WithBaseURL(server.URL+"/openai/deployments/chat-prod/"), option.WithAPIKey(""),
			option.WithHeader("Api-Key", "foundrylab-key"), option.WithQuery("api-version", "2024-10-21"), option.WithMaxRetries(0))},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) { converse(t, &c.client) })
	}
	wrong := openai.NewClient(option.WithBaseURL(server.URL+"/openai/v1/"), option.WithAPIKey("wrong"), option.WithMaxRetries(0))
	_, err := wrong.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "chat-prod"})
	var refused *openai.Error
	if !errors.As(err, &refused) || refused.StatusCode != 401 || refused.Code != "401" || !strings.HasPrefix(refused.Message, "Access denied") {
		t.Errorf("with a wrong key: %v", err)
	}
}

// converse makes one whole and one streamed call and compares what the client saw.
func converse(t *testing.T, client *openai.Client) {
	t.Helper()
	params := openai.ChatCompletionNewParams{Model: "chat-prod", MaxCompletionTokens: openai.Int(25),
		Messages:      []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Tell me a very long story.")},
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}}
	whole, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	u := whole.Usage
	if whole.Model != "gpt-4.1-2025-04-14" || len(whole.Choices) != 1 || whole.Choices[0].Message.Content == "" ||
		u.PromptTokens != 14 || u.CompletionTokens < 1 || u.CompletionTokens > 25 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("whole: %s", whole.RawJSON())
	}
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	all, pieces := openai.ChatCompletionAccumulator{}, int64(0)
	for stream.Next() {
		chunk := stream.Current()
		all.AddChunk(chunk)
		if len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != "" {
			pieces++
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if pieces == 0 || pieces != all.Usage.CompletionTokens || all.Usage.PromptTokens != 14 || all.Choices[0].FinishReason == "" {
		t.Errorf("streamed: %d pieces, %+v", pieces, all.ChatCompletion)
	}
}

// An outage resets TCP connections: the client sees a reset, not an end. The second deployment is still thinking when
// its outage begins.
func TestOutageResetsTCP(t *testing.T) {
	slow := standard("slow")
	slow.Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms(60_000), P95: ms(60_000)}}
	cfg := Config{Deployments: []deployment.Config{swift("a"), slow},
		Faults: []fault.Config{outage("a", 0, time.Hour), outage("slow", 50*time.Millisecond, time.Hour)}}
	for _, start := range []func(*httptest.Server){(*httptest.Server).Start, (*httptest.Server).StartTLS} {
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(s)
		start(server)
		var wg sync.WaitGroup
		for _, name := range []string{"slow", "a"} {
			for _, more := range []string{"", streamed} {
				wg.Go(func() { // at once: the outage of the slow one is soon
					if resp, err := request(t.Context(), server, name, marked(1, 1, more)); !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("%s, %s%s: %v, %v, want a connection reset", server.URL, name, more, resp, err)
					}
				})
			}
		}
		wg.Wait()
		server.Close()
		s.Close()
	}
}

func request(ctx context.Context, server *httptest.Server, name, body string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/openai/deployments/"+name+"/chat/completions?api-version=2024-10-21", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Api-Key", "foundrylab-key")
	return server.Client().Do(r)
}

// Fifty clients on real sockets and the real clock: the tape replays through a fresh core, effect for effect.
func TestLiveRunReplays(t *testing.T) {
	var mu sync.Mutex
	var attempts []record.Attempt
	cfg := Config{Deployments: []deployment.Config{swift("a")}, Seed: 5, Record: true, Ledger: func(_ int, a record.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		attempts = append(attempts, a)
	}}
	cfg.Deployments[0].RPM = 30_000
	s, server := live(t, cfg)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 6 {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if (i+j)%5 == 0 {
					ctx, cancel = context.WithTimeout(ctx, 3*time.Millisecond)
				}
				resp, err := request(ctx, server, "a", marked(uint64(i), 20*(i%10), []string{"", streamed}[j%2]))
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	server.Close() // waits for the handlers
	s.Close()
	starts, b := 0, s.backends[0]
	for _, step := range b.tape.Steps {
		if step.Event.Kind == deployment.Start {
			starts++
		}
	}
	if at, got := replay(b); at >= 0 {
		t.Errorf("step %d of %d comes out differently: %+v, was %+v", at, len(b.tape.Steps), got, b.tape.Steps[at])
	}
	if starts < 200 || len(attempts) != starts || b.core.Active() != 0 {
		t.Errorf("%d starts, %d ends, %d in flight", starts, len(attempts), b.core.Active())
	}
	b.tape.Steps[len(b.tape.Steps)/2].Now++ // the comparison can fail
	b.tape.Steps = append(b.tape.Steps[:1], b.tape.Steps[2:]...)
	if at, _ := replay(b); at < 0 {
		t.Error("a damaged tape replays")
	}
}

// One line a request, with a route of the table and not the path that was asked for.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	log := zerolog.New(zerolog.SyncWriter(&out))
	_, server := live(t, Config{Deployments: []deployment.Config{swift("a")}, Logger: log,
		Faults: []fault.Config{{Name: "x", Backend: "a", At: 0, For: ms(1e9), Status: &fault.Status{Code: 503}}}})
	for _, path := range []string{"/healthz", "/secret"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	resp, err := request(t.Context(), server, "a", marked(1, 3, ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	server.Close()
	want := []string{
		`{"level":"info","route":"healthz","status":200,"reason":"none","message":"request"}`,
		`{"level":"info","route":"none","status":404,"reason":"none","message":"request"}`,
		`{"level":"info","route":"ChatCompletions_Create.classic","status":503,"deployment":"a","outcome":"failed","prompt_tokens":100,"completion_tokens":0,"charged":0,"reason":"status-fault","message":"request"}`,
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var timed struct{ Duration *int64 }
		if err := json.Unmarshal([]byte(strings.Replace(line, "duration_us", "duration", 1)), &timed); err != nil || timed.Duration == nil {
			t.Fatalf("line %q: %v", line, err)
		}
		before, after, _ := strings.Cut(line, `,"duration_us":`)
		_, after, _ = strings.Cut(after, ",")
		if got := before + "," + after; got != want[i] {
			t.Errorf("line %d:\n%s\nwant\n%s", i, got, want[i])
		}
	}
}
