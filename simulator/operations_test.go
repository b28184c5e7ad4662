package simulator

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

// Each operation has its line.
func TestOperationsAreComplete(t *testing.T) {
	for i := range ops.All {
		o := operationOf(&ops.All[i])
		if o.needs == 0 || o.wanted == nil || o.refuse == nil || o.writer == nil {
			t.Errorf("%s: %+v", ops.All[i].Name, o)
		}
	}
	if len(operations) != len(ops.All) {
		t.Errorf("%d lines for %d operations", len(operations), len(ops.All))
	}
}

func embedder() deployment.Config {
	d := swift("embed")
	d.Model, d.Version = "text-embedding-3-small", "1"
	return d
}

func plainClient(url string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey("foundrylab-key"), option.WithMaxRetries(0))
}

func TestEmbeddings(t *testing.T) {
	var a []record.Attempt
	_, server := live(t, Config{Deployments: []deployment.Config{embedder()}, Ledger: func(_ int, e record.Attempt) { a = append(a, e) }})
	client := plainClient(server.URL)
	got, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "embed", Dimensions: openai.Int(256),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"The food was delicious.", "the food was delicious", "Numbers went up."}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 3 || got.Data[2].Index != 2 || len(got.Data[0].Embedding) != 256 || got.Model != "text-embedding-3-small" || got.Usage.PromptTokens != 13 || got.Usage.TotalTokens != 13 {
		t.Errorf("%d vectors, %+v, model %s", len(got.Data), got.Usage, got.Model)
	}
	dot := func(a, b int) (sum float64) {
		for i := range got.Data[a].Embedding {
			sum += got.Data[a].Embedding[i] * got.Data[b].Embedding[i]
		}
		return sum
	}
	if math.Abs(dot(0, 0)-1) > 1e-5 || dot(0, 1) < 0.99 || dot(0, 2) > 0.4 {
		t.Errorf("products %v, %v, %v", dot(0, 0), dot(0, 1), dot(0, 2))
	}
	if len(a) != 1 || a[0].PromptTokens != 13 || a[0].CompletionTokens != 0 || a[0].Charged != 6+6+4 {
		t.Errorf("%+v", a)
	}
}

func TestEmbeddingForms(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{embedder(), swift("chat")}}, func(l *lab) {
		for _, c := range []struct{ path, body, want string }{
			{"embed", `{"input":"hi","encoding_format":"base64","dimensions":2}`, `"embedding":"`},
			{"embed", `{"input":[1,2,3]}`, `"usage":{"prompt_tokens":3,"total_tokens":3}`},
			{"embed", `{"input":[[1,2],[3]]}`, `"usage":{"prompt_tokens":3,"total_tokens":3}`},
			{"embed", `{"input":[]}`, "must not be empty"},
			{"embed", `{}`, "Missing required parameter: 'input'."},
			{"embed", `{"input":[1,"a"]}`, "Invalid type for 'input'"},
			{"embed", `{"input":"a","dimensions":9999}`, "Must be less than or equal to 1536."},
			{"embed", `{"input":"a","encoding_format":"hex"}`, "Supported values are: 'float' and 'base64'."},
			{"embed", `{"input":"` + strings.Repeat("word ", 9000) + `"}`, "maximum context length is 8192 tokens, however you requested 9001"},
			{"embed", `{"input":[` + strings.Repeat(`"a",`, 2048) + `"a"]}`, "more than 2048 elements"},
			{"chat", `{"input":"a"}`, "The embeddings operation does not work with the specified model, gpt-4.1."},
		} {
			resp, err := l.do(l.Context(), "POST", "/openai/deployments/"+c.path+"/embeddings?api-version=2024-10-21", c.body, "Api-Key", "foundrylab-key")
			if err != nil {
				l.Fatal(err)
			}
			raw, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if text := string(raw); !strings.Contains(text, c.want) {
				l.Errorf("%.60s: %.300s, want %s", c.body, text, c.want)
			}
		}
	})
}

func TestCompletions(t *testing.T) {
	d := swift("instruct")
	d.Model, d.Version = "gpt-35-turbo-instruct", "0914"
	var a []record.Attempt
	_, server := live(t, Config{Deployments: []deployment.Config{d}, Ledger: func(_ int, e record.Attempt) { a = append(a, e) }})
	client := plainClient(server.URL)
	params := openai.CompletionNewParams{Model: "instruct", MaxTokens: openai.Int(5), N: openai.Int(2), BestOf: openai.Int(3), Echo: openai.Bool(true),
		Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"Once upon", "A \"quoted\" one"}}}
	whole, err := client.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Choices) != 4 || whole.Usage.CompletionTokens != 5*3*2 || whole.Choices[0].FinishReason != "length" || !strings.HasPrefix(whole.ID, "cmpl-") {
		t.Errorf("%+v", whole)
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	texts, usage := make([]string, 4), int64(0)
	stream := client.Completions.NewStreaming(t.Context(), params)
	for stream.Next() {
		chunk := stream.Current()
		for _, choice := range chunk.Choices {
			texts[choice.Index] += choice.Text
		}
		usage += chunk.Usage.CompletionTokens
	}
	if stream.Err() != nil || usage != 30 {
		t.Errorf("usage %d, %v", usage, stream.Err())
	}
	for i, choice := range whole.Choices {
		begin := []string{"Once upon", "Once upon", "A \"quoted\" one", "A \"quoted\" one"}[i]
		if !strings.HasPrefix(choice.Text, begin) || !strings.HasPrefix(texts[i], begin) || len(texts[i]) < len(begin)+10 {
			t.Errorf("choice %d: %q and streamed %q", i, choice.Text, texts[i])
		}
	}
	if len(a) != 2 || a[0].CompletionTokens != 5 || a[0].Charged != 30 {
		t.Errorf("%+v", a[0])
	}
}
