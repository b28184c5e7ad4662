package cli

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
)

// The file of docs/gateway.md with several models is right, and what the page
// says of it holds for an SDK: one client, two models and an alias; another one,
// embeddings; and neither what is the other's.
func TestTwoModelsBehindOneGateway(t *testing.T) {
	fences := docsPageNamed(t, "docs/gateway.md").fences()
	at := slices.IndexFunc(fences, func(f docsFence) bool { return f.mark == "gateway" && strings.Contains(f.body, "\npools:") })
	if at < 0 {
		t.Fatal("the page has no file with pools")
	}
	sim := start(t, "sim", "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ := strings.Cut(until(t, sim.out, "Simulating on http://"), "http://")
	address, _, _ = strings.Cut(address, " ")
	for name, value := range map[string]string{"SIM_KEY": "foundrylab-key", "CHAT_KEY": "the-key-of-tenant-chat", "SEARCH_KEY": "the-key-of-tenant-search"} {
		t.Setenv(name, value)
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	docsWrite(t, file, strings.ReplaceAll(fences[at].body, "127.0.0.1:8080", address))
	check := start(t, "gateway", file, "--check")
	if out, problems, code := check.end(t); code != 0 || !strings.Contains(out, "ok") {
		t.Fatalf("--check: %d %s%s", code, out, problems)
	}
	gw := start(t, "gateway", file, "--listen", "127.0.0.1:0", "--log", "disabled")
	url := strings.TrimSuffix(strings.Fields(until(t, gw.out, "The gateway is at "))[4], ",")
	once := option.WithMaxRetries(0)
	chat := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey("the-key-of-tenant-chat"), once)
	classic := openai.NewClient(azure.WithEndpoint(url, "2024-10-21"), azure.WithAPIKey("the-key-of-tenant-chat"), azure.WithUnsafeAllowHTTP(), once)
	search := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey("the-key-of-tenant-search"), once)

	for name, c := range map[string]openai.Client{"v1": chat, "classic": classic} {
		for model, want := range map[string]string{"gpt-4o": "gpt-4o 2024", "gpt-4o-mini": "gpt-4o-mini 2024", "gpt-4": "gpt-4o 2024", "text-embedding-3-small": "403", "nothing": "403"} {
			if got := askWhichModel(t, c, model); !strings.HasPrefix(got, want) {
				t.Errorf("%s, %s: %s, want %s", name, model, got, want)
			}
		}
	}
	vectors, err := search.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "text-embedding-3-small", Input: openai.EmbeddingNewParamsInputUnion{OfString: openai.String("Hello")}})
	if err != nil || len(vectors.Data) != 1 {
		t.Errorf("%+v %v", vectors, err)
	}
	var names []string
	for page := chat.Models.ListAutoPaging(t.Context()); page.Next(); {
		names = append(names, page.Current().ID)
	}
	if fmt.Sprint(names) != "[gpt-4o gpt-4 gpt-4o-mini]" {
		t.Errorf("models %v", names)
	}
	interrupt(t, gw)
	interrupt(t, sim)
}

// askWhichModel returns the pool and the model that answer, or the status of a refusal.
func askWhichModel(t *testing.T, c openai.Client, model string) string {
	t.Helper()
	var resp *http.Response
	answer, err := c.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: model, MaxCompletionTokens: openai.Int(5),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}}, option.WithResponseInto(&resp))
	var refused *openai.Error
	if errors.As(err, &refused) {
		return fmt.Sprint(refused.StatusCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get("X-Gateway-Pool") + " " + strings.TrimPrefix(answer.Model, resp.Header.Get("X-Gateway-Pool")+"-")
}
