package simulator

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

func input(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: "chat", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

func toolOutput(call string) responses.ResponseInputItemUnionParam {
	return responses.ResponseInputItemUnionParam{OfFunctionCallOutput: &responses.ResponseInputItemFunctionCallOutputParam{CallID: openai.String(call),
		Output: responses.ResponseInputItemFunctionCallOutputOutputUnionParam{OfString: openai.String(`{"degrees":21}`)}}}
}

// finalResponse reads a stream to its end.
func finalResponse(t *testing.T, client *openai.Client, params responses.ResponseNewParams) (last responses.Response, text string) {
	t.Helper()
	stream := client.Responses.NewStreaming(t.Context(), params)
	for stream.Next() {
		e := stream.Current()
		if e.Type == "response.output_text.delta" {
			text += e.Delta
		}
		last = e.Response
	}
	if stream.Err() != nil {
		t.Fatal(stream.Err())
	}
	return last, text
}

// OpenAI's own client is at home: whole and streamed answers say and cost the same.
func TestResponsesSDK(t *testing.T) {
	var ledger []record.Attempt
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}, Ledger: func(_ int, a record.Attempt) { ledger = append(ledger, a) }})
	client := plainClient(server.URL)
	params := input("Say hello.")
	params.Instructions, params.MaxOutputTokens = openai.String("Be terse."), openai.Int(20)
	params.Metadata = shared.Metadata{"order": "17"}
	whole, err := client.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Status != "incomplete" || whole.IncompleteDetails.Reason != "max_output_tokens" || whole.Usage.OutputTokens != 20 || whole.OutputText() == "" || whole.Model != "chat" ||
		whole.Metadata["order"] != "17" || whole.Instructions.OfString != "Be terse." || whole.Usage.InputTokens < 10 || ledger[0].CompletionTokens != 20 || ledger[0].PromptTokens != whole.Usage.InputTokens {
		t.Errorf("%s, ledger %+v", whole.RawJSON(), ledger[0])
	}
	last, text := finalResponse(t, &client, params)
	if last.OutputText() != text || text == "" || last.Usage.OutputTokens != 20 || last.Usage.InputTokens != whole.Usage.InputTokens || last.Status != "incomplete" {
		t.Errorf("%q of %s", text, last.RawJSON())
	}
}

// A program's tool loop comes to its natural end, with the result in a chain of items.
func TestResponsesToolLoop(t *testing.T) {
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}})
	client := plainClient(server.URL)
	params := input("What is the weather in Paris?")
	params.Store = openai.Bool(false)
	params.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("get_weather", map[string]any{"type": "object", "additionalProperties": false,
		"required": []string{"unit"}, "properties": map[string]any{"unit": map[string]any{"type": "string", "enum": []string{"celsius"}}}}, true),
		{OfWebSearch: &responses.WebSearchToolParam{Type: "web_search"}}}
	first, err := client.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	call := first.Output[0].AsFunctionCall()
	if len(first.Output) != 1 || call.Name != "get_weather" || call.Arguments != `{"unit":"celsius"}` || !strings.HasPrefix(call.CallID, "call_") || !strings.HasPrefix(call.ID, "fc_") || first.Status != "completed" {
		t.Fatalf("%s", first.RawJSON())
	}
	if streamed, _ := finalResponse(t, &client, params); streamed.Output[0].AsFunctionCall().Arguments != call.Arguments {
		t.Errorf("%s", streamed.RawJSON())
	}
	back := call.ToParam()
	params.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{
		responses.ResponseInputItemParamOfMessage("What is the weather in Paris?", "user"), {OfFunctionCall: &back},
		toolOutput(call.CallID)}}
	end, err := client.Responses.New(t.Context(), params)
	if err != nil || end.OutputText() == "" || len(end.Output) != 1 {
		t.Errorf("%v: %s", err, end.RawJSON())
	}
}

// What a Responses request is answered with, by what is asked.
func TestResponsesForms(t *testing.T) {
	small := swift("small")
	small.Model = "gpt-4o"
	inLab(t, Config{Deployments: []deployment.Config{standard("chat"), small, embedder()}}, func(l *lab) {
		const path = "/openai/v1/responses"
		for _, c := range []struct {
			path, body string
			status     int
			want       string
		}{
			{path, `{"model":"chat","input":"a","text":{"format":{"type":"json_schema","name":"n","schema":{"const":7}}}}`, 200, `"text":"7"`},
			{path, `{"model":"chat","input":"a","text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}}}`, 400, `"param":"text.format"`},
			{path, `{"model":"chat","input":"a","text":{"format":{"type":"json_schema","schema":{}}}}`, 400, "Missing required parameter: 'text.format.name'."},
			{path, `{"model":"chat","input":"a","text":{"format":{"type":"json_object"}}}`, 400, "'input' must contain the word 'json'"},
			{path, `{"model":"chat","input":"a","text":{"format":7}}`, 400, "expected an object"},
			{path, `{"model":"chat","input":"a","tools":[{"type":"function"}]}`, 400, "Missing required parameter: 'tools[0].name'."},
			{path, `{"model":"chat","input":"a","tools":[{}]}`, 400, "'tools[0].type'"},
			{path, `{"model":"chat","input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"g"}}`, 400, "Tool choice 'g' not found"},
			{path, `{"model":"chat","input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":"any"}`, 400, "Invalid value: 'any'"},
			{path, `{"model":"chat","input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}}`, 200, `"name":"f","arguments":"{}"`},
			{path, `{"model":"chat","input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"web_search"}}`, 200, `"type":"message"`},
			{path, `{"model":"small","truncation":"auto","input":"` + strings.Repeat("word ", 129_000) + `"}`, 200, `"truncation":"auto"`},
			{path, `{"model":"small","input":"` + strings.Repeat("word ", 129_000) + `"}`, 400, `"code":"context_length_exceeded"`},
			{path, `{"model":"embed","input":"a"}`, 400, "The responses operation does not work with the specified model"},
			{path, `{"model":"nobody","input":"a"}`, 404, "DeploymentNotFound"},
			{path, `{"input":"a"}`, 400, "'model'"},
			{path, `{"model":"chat","input":"a","previous_response_id":"resp_x"}`, 400,
				`{"error":{"message":"Previous response with id 'resp_x' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`},
			{"/openai/responses?api-version=2025-03-01-preview", `{"model":"chat","input":"a"}`, 200, `"object":"response"`},
			{"/openai/responses?api-version=2025-04-01-preview", `{"model":"chat","input":"a"}`, 200, `"object":"response"`},
			{"/openai/responses?api-version=2024-10-21", `{"model":"chat","input":"a"}`, 404, "Resource not found"},
			{"/api/projects/p/openai/v1/responses", `{"model":"chat","input":"a"}`, 200, `"object":"response"`},
			{"/v1/responses", `{"model":"chat","input":"a"}`, 200, `"object":"response"`},
			{"/openai/deployments/chat/responses?api-version=2025-04-01-preview", `{"input":"a"}`, 404, "Resource not found"},
		} {
			status, text := l.request("POST", c.path, c.body)
			if status != c.status || !strings.Contains(text, c.want) || !json.Valid([]byte(text)) {
				l.Errorf("%.150s: %d %.400s\nwant %d %s", c.body, status, text, c.status, c.want)
			}
		}
	})
}

// request sends one with the key and returns status and body.
func (l *lab) request(method, path, body string) (int, string) {
	l.Helper()
	resp, err := l.do(l.Context(), method, path, body, "Api-Key", "foundrylab-key")
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, drained(l.T, resp.Body)
}

// A model that thinks says so before its answer, encrypted where that is wanted.
func TestResponsesReasoning(t *testing.T) {
	d := swift("chat")
	d.Model, d.Version = "o4-mini", "2025-04-16"
	_, server := live(t, Config{Deployments: []deployment.Config{d}})
	client := plainClient(server.URL)
	params := input("Think.")
	params.Include = []responses.ResponseIncludable{"reasoning.encrypted_content"}
	params.Store = param.NewOpt(false)
	r, err := client.Responses.New(t.Context(), params)
	if err != nil || len(r.Output) != 2 || r.Output[0].Type != "reasoning" || !strings.HasPrefix(r.Output[0].EncryptedContent, "gAAAAA") || r.Usage.OutputTokensDetails.ReasoningTokens == 0 || r.Reasoning.Effort != "medium" {
		t.Errorf("%v: %s", err, r.RawJSON())
	}
	params.Reasoning.Effort = "none"
	if r, err = client.Responses.New(t.Context(), params); err != nil || len(r.Output) != 1 || r.Usage.OutputTokensDetails.ReasoningTokens != 0 || r.Reasoning.Effort != "none" {
		t.Errorf("%v: %s", err, r.RawJSON())
	}
}

func drained(t *testing.T, body io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
