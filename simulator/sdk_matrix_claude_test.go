package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

func claudeQuestion(model anthropic.Model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: model, MaxTokens: 500, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

func claudeChat(t *testing.T, client *anthropic.Client) {
	q := claudeQuestion("claude", "Hello")
	answer, err := client.Messages.New(t.Context(), q)
	if err != nil || answer.Content[0].Text == "" {
		t.Fatalf("%v %+v", err, answer)
	}
	count, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: q.Model, Messages: q.Messages})
	if err != nil || count.InputTokens != answer.Usage.InputTokens {
		t.Errorf("%v: counted %d, billed %d", err, count.InputTokens, answer.Usage.InputTokens)
	}
}

// claudeToolLoop streams the call and its end.
func claudeToolLoop(t *testing.T, client *anthropic.Client) {
	q := claudeQuestion("claude", "What is the weather in Paris?")
	q.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", InputSchema: anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}}}}}
	first := accumulate(t, client, q)
	if first.StopReason != "tool_use" {
		t.Fatalf("%+v", first)
	}
	var results []anthropic.ContentBlockParamUnion
	for _, block := range first.Content {
		if block.Type != "tool_use" {
			continue
		}
		var place struct{ City *string }
		if err := json.Unmarshal(block.Input, &place); err != nil || place.City == nil {
			t.Errorf("%v: %s", err, block.Input)
		}
		results = append(results, anthropic.NewToolResultBlock(block.ID, "18 degrees", false))
	}
	q.Messages = append(q.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	if last := accumulate(t, client, q); last.StopReason != "end_turn" || last.Content[0].Text == "" {
		t.Errorf("%+v", last)
	}
}

func claudeErrors(t *testing.T, client *anthropic.Client) {
	for _, c := range []struct {
		model        anthropic.Model
		header, wish string
		status       int
	}{
		{"claude-429", "x-foundrylab-fault", "status=429", 429}, {"claude-503", "x-foundrylab-fault", "status=503", 529}, {"claude-403", "x-foundrylab-fault", "status=403", 403},
		{"claude", "x-api-key", "wrong", 401},
	} {
		_, err := client.Messages.New(t.Context(), claudeQuestion(c.model, "hello"), option.WithMaxRetries(0), option.WithHeader(c.header, c.wish))
		var e *anthropic.Error
		if !errors.As(err, &e) || e.StatusCode != c.status {
			t.Errorf("%s %s: %v", c.header, c.wish, err)
		}
	}
	if _, err := client.Messages.New(t.Context(), claudeQuestion("claude-outage", "hello"), option.WithMaxRetries(0), option.WithHeader("x-foundrylab-fault", "outage")); err == nil {
		t.Error("an outage has an answer")
	}
	if _, err := client.Messages.New(t.Context(), claudeQuestion("claude", "hello"), option.WithMaxRetries(0), option.WithHeader("x-foundrylab-fault", "latency=5s"), option.WithRequestTimeout(200*time.Millisecond)); err == nil {
		t.Error("an answer that comes too late was waited for")
	}
}

// claudeCancellation leaves a stream that has begun.
func claudeCancellation(t *testing.T, client *anthropic.Client) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream := client.Messages.NewStreaming(ctx, claudeQuestion("slow-claude", "cancelled"))
	for n := 0; n < 6 && stream.Next(); n++ {
	}
	if stream.Err() != nil {
		t.Error(stream.Err())
	}
}
