package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"foundrylab/internal/record"
)

// The Go SDKs, OpenAI's plain and with its Azure options, do what programs do with them, whichever way they come.
func TestGoMatrix(t *testing.T) {
	for _, road := range roads {
		gone := make(chan record.Attempt, 16)
		at := road.open(t, Config{Auth: strict, Deployments: matrixDeployments(), Ledger: func(_ int, a record.Attempt) {
			if a.Reason == record.ClientGone && a.CompletionTokens > 0 { // the others have given up before the first token
				gone <- a
			}
		}})
		cancelled := func(t *testing.T) {
			if a := <-gone; a.CompletionTokens >= 100 {
				t.Errorf("%+v", a)
			}
		}
		for name, client := range map[string]openai.Client{
			"plain": openai.NewClient(option.WithBaseURL(at.openai+"/openai/v1/"), option.WithAPIKey(at.key), option.WithHTTPClient(at.client)),
			"azure": openai.NewClient(append(at.azure, azure.WithEndpoint(at.openai, "2025-04-01-preview"), azure.WithAPIKey(at.key), option.WithHTTPClient(at.client))...),
		} {
			t.Run(road.name+"/"+name, func(t *testing.T) {
				t.Run("chat and stream", func(t *testing.T) { converse(t, &client) })
				t.Run("embeddings", func(t *testing.T) { goEmbeddings(t, &client) })
				t.Run("tool loop", func(t *testing.T) { goToolLoop(t, &client) })
				t.Run("parsed", func(t *testing.T) { goParsed(t, &client) })
				t.Run("chain", func(t *testing.T) { goChain(t, &client) })
				t.Run("retry", func(t *testing.T) { goRetry(t, &client) })
				t.Run("errors", func(t *testing.T) { goErrors(t, &client) })
				t.Run("cancellation", func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					stream := client.Chat.Completions.NewStreaming(ctx, question("slow", "cancelled"))
					for n := 0; n < 4 && stream.Next(); n++ {
					}
					cancel()
					cancelled(t)
				})
			})
		}
		t.Run(road.name+"/anthropic", func(t *testing.T) {
			client := anthropic.NewClient(anthropicoption.WithBaseURL(at.foundry+"/anthropic/"), anthropicoption.WithAPIKey(at.key), anthropicoption.WithHTTPClient(at.client))
			t.Run("chat and count", func(t *testing.T) { claudeChat(t, &client) })
			t.Run("tool loop", func(t *testing.T) { claudeToolLoop(t, &client) })
			t.Run("errors", func(t *testing.T) { claudeErrors(t, &client) })
			t.Run("cancellation", func(t *testing.T) { claudeCancellation(t, &client); cancelled(t) })
		})
	}
}

func question(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

func goEmbeddings(t *testing.T, client *openai.Client) {
	answer, err := client.Embeddings.New(t.Context(), openai.EmbeddingNewParams{Model: "embed", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a cat", "a cat"}}})
	if err != nil || len(answer.Data) != 2 || len(answer.Data[0].Embedding) != 1536 || !slices.Equal(answer.Data[0].Embedding, answer.Data[1].Embedding) {
		t.Errorf("%v %+v", err, answer)
	}
}

var placeSchema = map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}, "additionalProperties": false}

func goToolLoop(t *testing.T, client *openai.Client) {
	q := question("chat", "What is the weather in Paris?")
	q.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_weather", Parameters: placeSchema})}
	first, err := client.Chat.Completions.New(t.Context(), q)
	if err != nil || first.Choices[0].FinishReason != "tool_calls" {
		t.Fatalf("%v %+v", err, first)
	}
	q.Messages = append(q.Messages, first.Choices[0].Message.ToParam())
	for _, call := range first.Choices[0].Message.ToolCalls {
		var place struct{ City *string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &place); err != nil || place.City == nil {
			t.Errorf("%v: %s", err, call.Function.Arguments)
		}
		q.Messages = append(q.Messages, openai.ToolMessage("18 degrees", call.ID))
	}
	last, err := client.Chat.Completions.New(t.Context(), q)
	if err != nil || last.Choices[0].FinishReason != "stop" || last.Choices[0].Message.Content == "" {
		t.Fatalf("%v %+v", err, last)
	}
}

func goParsed(t *testing.T, client *openai.Client) {
	q := question("chat", "Where?")
	q.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "place", Strict: param.NewOpt(true), Schema: placeSchema}}
	answer, err := client.Chat.Completions.New(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var place struct{ City *string }
	if err := json.Unmarshal([]byte(answer.Choices[0].Message.Content), &place); err != nil || place.City == nil {
		t.Errorf("%v: %s", err, answer.Choices[0].Message.Content)
	}
}

func goChain(t *testing.T, client *openai.Client) {
	previous, tokens := param.Opt[string]{}, int64(0)
	for turn := range 6 {
		answer, err := client.Responses.New(t.Context(), responses.ResponseNewParams{Model: "chat", PreviousResponseID: previous,
			Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("Go on.")}})
		if err != nil || answer.Status != "completed" || answer.OutputText() == "" || answer.Usage.InputTokens <= tokens {
			t.Fatalf("turn %d: %v %+v", turn, err, answer)
		}
		previous, tokens = param.NewOpt(answer.ID), answer.Usage.InputTokens
	}
}

// goRetry has the SDK wait as long as it is told to. A refusal that comes late in its window is let go.
func goRetry(t *testing.T, client *openai.Client) {
	for range 50 {
		_, err := client.Chat.Completions.New(t.Context(), question("tight", "hello"), option.WithMaxRetries(0))
		var refused *openai.Error
		if err == nil {
			continue
		}
		if !errors.As(err, &refused) || refused.StatusCode != 429 {
			t.Fatal(err)
		}
		wait, err := time.ParseDuration(refused.Response.Header.Get("Retry-After-Ms") + "ms")
		if err != nil {
			t.Fatal(err)
		}
		if wait < 400*time.Millisecond {
			if _, err := client.Chat.Completions.New(t.Context(), question("tight", "hello"), option.WithMaxRetries(3)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		began := time.Now()
		if _, err := client.Chat.Completions.New(t.Context(), question("tight", "hello"), option.WithMaxRetries(3)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 200*time.Millisecond || took > 3*time.Second {
			t.Errorf("told to wait %v, it came through after %v", wait, took)
		}
		return
	}
	t.Error("it was never refused early in a window")
}

func goErrors(t *testing.T, client *openai.Client) {
	for _, c := range []struct {
		model, header, wish string
		status              int
		code                string
	}{
		{"chat-429", "x-foundrylab-fault", "status=429", 429, ""}, {"chat-503", "x-foundrylab-fault", "status=503", 503, "InternalServerError"}, {"chat-403", "x-foundrylab-fault", "status=403", 403, ""},
		{"chat", "x-foundrylab-filter", "jailbreak", 400, "content_filter"}, {"chat", "api-key", "wrong", 401, "401"},
	} {
		options := []option.RequestOption{option.WithMaxRetries(0), option.WithHeader(c.header, c.wish)}
		_, err := client.Chat.Completions.New(t.Context(), question(c.model, "hello"), options...)
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != c.status || c.code != "" && e.Code != c.code {
			t.Errorf("%s %s: %v", c.header, c.wish, err)
		}
	}
	if _, err := client.Chat.Completions.New(t.Context(), question("chat-outage", "hello"), option.WithMaxRetries(0), option.WithHeader("x-foundrylab-fault", "outage")); err == nil {
		t.Error("an outage has an answer")
	}
}
