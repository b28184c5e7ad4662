package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

func claude() deployment.Config {
	d := swift("claude-sonnet-4-5")
	d.Model, d.Version = "claude-sonnet-4-5", "20250929"
	return d
}

func anthropicClient(url, key string) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(url+"/anthropic/"), option.WithAPIKey(key), option.WithMaxRetries(0))
}

// Anthropic's SDK is at home: a whole answer, a streamed one, a tool loop, a count, and errors of its own kinds.
func TestAnthropicSDK(t *testing.T) {
	var ledger []record.Attempt
	_, server := live(t, Config{Deployments: []deployment.Config{claude()}, Ledger: func(_ int, a record.Attempt) { ledger = append(ledger, a) }})
	client := anthropicClient(server.URL, "foundrylab-key")
	params := anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 12, System: []anthropic.TextBlockParam{{Text: "Be terse."}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("What is the weather in Paris?"))}}
	whole, err := client.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if whole.StopReason != "max_tokens" || whole.Usage.OutputTokens != 12 || whole.Usage.InputTokens < 12 || !strings.HasPrefix(whole.ID, "msg_") || whole.Content[0].Text == "" ||
		ledger[0].CompletionTokens != 12 || ledger[0].PromptTokens != whole.Usage.InputTokens {
		t.Errorf("%s, ledger %+v", whole.RawJSON(), ledger[0])
	}
	if streamed := accumulate(t, &client, params); streamed.StopReason != "max_tokens" || streamed.Usage.OutputTokens != 12 || streamed.Content[0].Text == "" {
		t.Errorf("%+v", streamed)
	}
	params.MaxTokens = 1000
	params.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{Name: "get_weather", InputSchema: anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]any{"type": "string"}, "days": map[string]any{"type": "integer"}}, Required: []string{"city", "days"}}}}}
	call, err := client.Messages.New(t.Context(), params)
	if err != nil || call.StopReason != "tool_use" || call.Content[0].Name != "get_weather" {
		t.Fatalf("%v %s", err, call.RawJSON())
	}
	var input struct {
		City string
		Days *int
	}
	if json.Unmarshal(call.Content[0].Input, &input) != nil || input.City == "" || input.Days == nil {
		t.Errorf("input %s", call.Content[0].Input)
	}
	streamed := accumulate(t, &client, params)
	if streamed.StopReason != "tool_use" || json.Unmarshal(streamed.Content[0].Input, &input) != nil || input.City == "" {
		t.Errorf("%+v", streamed)
	}
	params.Messages = append(params.Messages, call.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(call.Content[0].ID, "21 degrees", false)))
	if end, err := client.Messages.New(t.Context(), params); err != nil {
		t.Error(err)
	} else if end.StopReason != "end_turn" || end.Content[0].Type != "text" {
		t.Errorf("%s", end.RawJSON())
	}
	count, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: "claude-sonnet-4-5",
		System:   anthropic.MessageCountTokensParamsSystemUnion{OfTextBlockArray: []anthropic.TextBlockParam{{Text: "Be terse."}}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("What is the weather in Paris?"))}})
	if err != nil || count.InputTokens != whole.Usage.InputTokens {
		t.Errorf("counted %+v, billed %d, %v", count, whole.Usage.InputTokens, err)
	}
}

func accumulate(t *testing.T, client *anthropic.Client, params anthropic.MessageNewParams) (m anthropic.Message) {
	t.Helper()
	stream := client.Messages.NewStreaming(t.Context(), params)
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if stream.Err() != nil {
		t.Fatal(stream.Err())
	}
	return m
}

func TestAnthropicErrors(t *testing.T) {
	limited := claude()
	limited.Name, limited.TPM = "limited", 1
	_, server := live(t, Config{Auth: strict, Deployments: []deployment.Config{claude(), limited, swift("gpt")}})
	for _, c := range []struct {
		key, model string
		max        int64
		status     int
		says       string
	}{
		{"wrong", "claude-sonnet-4-5", 1, 401, `{"statusCode":401,"message":"Unauthorized. Access token is missing`},
		{"foundrylab-key", "claude-sonnet-4-5", 0, 400, `{"type":"error","error":{"type":"invalid_request_error","message":"`},
		{"foundrylab-key", "nobody", 1, 404, `"DeploymentNotFound"`},
		{"foundrylab-key", "gpt", 1, 404, `"api_not_supported"`},
		{"foundrylab-key", "limited", 100, 429, `"type":"rate_limit_error"`},
		{"foundrylab-key", "claude-sonnet-4-5!status=503", 1, 529, `"type":"overloaded_error"`},
		{"foundrylab-key", "claude-sonnet-4-5!status=403", 1, 403, `{"error":{"code":"403","message":"Access denied due to Virtual Network`},
		{"foundrylab-key", "claude-sonnet-4-5!status=500", 1, 500, `"type":"api_error"`},
	} {
		client := anthropicClient(server.URL, c.key)
		_, err := client.Messages.New(t.Context(), anthropic.MessageNewParams{Model: anthropic.Model(c.model), MaxTokens: c.max,
			Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hi"))}})
		var refused *anthropic.Error
		if !errors.As(err, &refused) || refused.StatusCode != c.status || !strings.Contains(refused.RawJSON(), c.says) {
			t.Errorf("%s: %v, want %d %s", c.model, err, c.status, c.says)
		}
	}
	for path, want := range map[string]string{"/anthropic/v1/models": "api_not_supported", "/anthropic/v1/messages/messages": "api_not_supported", "/anthropic/v1/messages": "anthropic-version: header is required"} {
		req, _ := http.NewRequest("POST", server.URL+path, strings.NewReader(`{}`))
		req.Header.Set("X-Api-Key", "foundrylab-key")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		resp.Write(&b)
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: %s", path, b.String())
		}
	}
}
