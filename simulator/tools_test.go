package simulator

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

func weather() openai.ChatCompletionToolUnionParam {
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_weather", Strict: openai.Bool(true),
		Parameters: shared.FunctionParameters{"type": "object", "additionalProperties": false, "required": []string{"location", "unit"},
			"properties": map[string]any{"location": map[string]any{"type": "string"}, "unit": map[string]any{"type": "string", "enum": []string{"celsius", "fahrenheit"}}}}})
}

func clock() openai.ChatCompletionToolUnionParam {
	return openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_time"})
}

// A program's tool loop comes to its natural end: a call with valid arguments, then words about the result.
func TestToolLoop(t *testing.T) {
	var ledger []record.Attempt
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}, Ledger: func(_ int, a record.Attempt) { ledger = append(ledger, a) }})
	client := plainClient(server.URL)
	params := openai.ChatCompletionNewParams{Model: "chat", Tools: []openai.ChatCompletionToolUnionParam{clock(), weather()},
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is the weather in Paris?")}}
	whole, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	choice := whole.Choices[0]
	if choice.FinishReason != "tool_calls" || len(choice.Message.ToolCalls) != 1 || choice.Message.ToolCalls[0].Function.Name != "get_weather" {
		t.Fatalf("%s", whole.RawJSON())
	}
	var args struct{ Location, Unit string }
	if err := json.Unmarshal([]byte(choice.Message.ToolCalls[0].Function.Arguments), &args); err != nil || args.Location == "" || args.Unit != "celsius" && args.Unit != "fahrenheit" {
		t.Errorf("%v: %+v", err, args)
	}
	if n := whole.Usage.CompletionTokens; n < 8 || n > 40 || ledger[0].CompletionTokens != n {
		t.Errorf("%d completion tokens, ledger %+v", n, ledger[0])
	}
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		if chunk := stream.Current(); len(chunk.Choices) > 0 && !acc.AddChunk(chunk) {
			t.Fatalf("refused %s", chunk.RawJSON())
		}
	}
	got := acc.Choices[0].Message.ToolCalls[0].Function
	if err := json.Unmarshal([]byte(got.Arguments), &args); stream.Err() != nil || err != nil || got.Name != "get_weather" || acc.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("streamed %+v, %v, %v", got, err, stream.Err())
	}
	params.Messages = append(params.Messages, choice.Message.ToParam(), openai.ToolMessage(`{"degrees":21}`, choice.Message.ToolCalls[0].ID))
	end, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil || end.Choices[0].FinishReason != "stop" || end.Choices[0].Message.Content == "" || len(end.Choices[0].Message.ToolCalls) > 0 {
		t.Errorf("%v: %s", err, end.RawJSON())
	}
}

// What tools and forms are answered with, by what is asked.
func TestToolsAndForms(t *testing.T) {
	const tools = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}},` +
		`{"type":"function","function":{"name":"get_time"}}]`
	form := func(schema string, strict string) string {
		return `"response_format":{"type":"json_schema","json_schema":{"name":"out","strict":` + strict + `,"schema":` + schema + `}}`
	}
	inLab(t, Config{Deployments: []deployment.Config{standard("chat")}}, func(l *lab) {
		for _, c := range []struct {
			said, more string
			status     int
			want       string
		}{
			{"the weather and the time", tools, 200, `"name":"get_time"},"id":"call_`},
			{"the weather and the time", tools + `,"parallel_tool_calls":false`, 200, `"tool_calls":[{"function":{"arguments":"{\"city\":`},
			{"hello", tools + `,"tool_choice":"none"`, 200, `"finish_reason":"stop"`},
			{"hello", tools + `,"tool_choice":"required"`, 200, `"finish_reason":"tool_calls"`},
			{"hello", tools + `,"tool_choice":{"type":"function","function":{"name":"get_time"}}`, 200, `"finish_reason":"stop","index":0,"logprobs":null,"message":{"annotations":[],"content":null,"refusal":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"get_time"}`},
			{"the weather", tools + `,"max_tokens":3`, 200, `"finish_reason":"length"`},
			{"hello", `"tool_choice":"auto"`, 400, "only allowed when 'tools' are specified"},
			{"hello", tools + `,"tool_choice":"any"`, 400, "Invalid value: 'any'."},
			{"hello", tools + `,"tool_choice":{"type":"function","function":{"name":"x"}}`, 400, "Tool choice 'x' not found"},
			{"hello", `"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{}}}}]`, 400,
				`"message":"Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.","type":"invalid_request_error","param":"tools[0].function.parameters","code":"invalid_function_parameters"`},
			{"hello", `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"objekt"}}}]`, 400, `#/type: \"objekt\" is no type`},
			{"hello", `"tools":[{"type":"function","function":{}}]`, 400, "Missing required parameter: 'tools[0].function.name'."},
			{"hello", `"tools":[]`, 400, "at least one element"},
			{"hello", form(`{"type":"object","properties":{"n":{"type":"integer","minimum":5,"maximum":5}},"required":["n"],"additionalProperties":false}`, "true"), 200, `"content":"{\"n\":5}"`},
			{"hello", form(`{"type":"object","properties":{"n":{"type":"integer"}}}`, "true"), 400, `"param":"response_format","code":null`},
			{"hello", form(`{"const":7}`, "false"), 200, `"content":"7"`},
			{"hello", `"response_format":{"type":"json_object"}`, 400, "must contain the word 'json'"},
			{"hello, as JSON", `"response_format":{"type":"json_object"}`, 200, `"content":"{\"answer\":`},
			{"hello", `"response_format":{"type":"xml"}`, 400, "Supported values are: 'json_object', 'json_schema', and 'text'."},
			{"hello", `"response_format":{"type":"text"}`, 200, `"finish_reason":"stop"`},
		} {
			said, _ := json.Marshal(c.said)
			resp, text := l.said("chat", `{"messages":[{"role":"user","content":`+string(said)+`}],`+c.more+`}`)
			if resp != c.status || !strings.Contains(text, c.want) {
				l.Errorf("%s: %d %s\nwant %d %s", c.more, resp, text, c.status, c.want)
			}
			if strings.Contains(c.more, "parallel_tool_calls") && strings.Contains(text, `"name":"get_time"`) {
				l.Errorf("two calls: %s", text)
			}
		}
	})
}

// said posts and returns status and body, whatever they are.
func (l *lab) said(name, body string) (int, string) {
	resp, err := l.send(l.Context(), name, body)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	return resp.StatusCode, b.String()
}

// Arguments and answers that come through the API, whole and streamed, are valid to a validator that is not ours.
func TestSchemasThroughTheAPI(t *testing.T) {
	schemas := []string{
		`{"type":"object","properties":{"tree":{"$ref":"#/$defs/t"}},"required":["tree"],"$defs":{"t":{"type":"object","properties":{"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/t"}}},"required":["v","kids"]}}}`,
		`{"type":"object","properties":{"when":{"type":"string","format":"date-time"},"id":{"type":"string","pattern":"^[A-Z]{2}\\d{4}$"},"mail":{"type":"string","format":"email"}},"required":["when","id","mail"]}`,
		`{"type":"object","properties":{"x":{"anyOf":[{"type":"number","minimum":0.5,"maximum":0.75},{"type":"null"}]},"ü":{"enum":["é","\"q\"",null,[1]]}},"required":["x","ü"]}`,
		`{"type":"object","properties":{"list":{"type":"array","minItems":4,"maxItems":6,"uniqueItems":true,"items":{"type":"integer","minimum":0,"maximum":9}}},"required":["list"]}`,
	}
	inLab(t, Config{Deployments: []deployment.Config{standard("chat")}}, func(l *lab) {
		for _, schema := range schemas {
			doc, _ := jsonschema.UnmarshalJSON(strings.NewReader(schema))
			compiler := jsonschema.NewCompiler()
			compiler.AssertFormat()
			compiler.AddResource("s.json", doc)
			validator, err := compiler.Compile("s.json")
			if err != nil {
				l.Fatal(err)
			}
			check := func(what, text string) {
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err == nil {
					err = validator.Validate(v)
				}
				if err != nil {
					l.Errorf("%s %s: %v", what, text, err)
				}
			}
			for _, user := range []string{"one", "two", "three"} {
				asks := []string{`"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":` + schema + `}}]`,
					`"response_format":{"type":"json_schema","json_schema":{"name":"out","schema":` + schema + `}}`}
				for _, more := range asks {
					body := `{"messages":[{"role":"user","content":"` + user + `"}],` + more
					_, text := l.said("chat", body+"}")
					var whole openai.ChatCompletion
					json.Unmarshal([]byte(text), &whole)
					said := saidBy(whole.Choices[0].Message)
					check("whole", said)
					_, text = l.said("chat", body+`,"stream":true}`)
					var acc openai.ChatCompletionAccumulator
					for event := range strings.SplitSeq(text, "\n\n") {
						var chunk openai.ChatCompletionChunk
						if json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &chunk) == nil && len(chunk.Choices) > 0 {
							acc.AddChunk(chunk)
						}
					}
					check("streamed", saidBy(acc.Choices[0].Message))
				}
			}
		}
	})
}

// saidBy returns the arguments of a message's call, or its text.
func saidBy(m openai.ChatCompletionMessage) string {
	if len(m.ToolCalls) > 0 {
		return m.ToolCalls[0].Function.Arguments
	}
	return m.Content
}
