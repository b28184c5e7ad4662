package simulator

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"foundrylab/internal/ops"
	"foundrylab/simulator/deployment"
)

// operationWires has for each operation what its answers look like on the wire: a golden of a whole body and one of a
// stream, and the order of a stream's events as a regular expression over their names, each with a space before it. An
// event without a name has that of what it is (ops.ChunkKind).
var operationWires = []struct {
	operation, model string
	variant          string // of the golden's name
	more             string // members of the request, beside those of its example
	grammar          string // "": it does not stream
}{
	{"ChatCompletions_Create", "gpt-4o", "", "", `^ filter_only role( content)+ finish usage done$`},
	{"ChatCompletions_Create", "gpt-4o", "tools", `"tools":[{"type":"function","function":{"name":"hello","parameters":{"type":"object","properties":{"loud":{"type":"boolean"}},"required":["loud"],"additionalProperties":false}}}],`,
		`^ filter_only role( content)+ finish usage done$`},
	{"ChatCompletions_Create", "gpt-4o", "choices", `"n":2,`, `^ filter_only role role( content content)+ finish finish usage done$`},
	{"ChatCompletions_Create", "gpt-5", "reasoning", `"reasoning_effort":"none",`, `^ filter_only role( content)+ finish usage done$`},
	{"Completions_Create", "gpt-35-turbo-instruct", "", "", `^ filter_only( content)+ finish usage done$`},
	{"Embeddings_Create", "text-embedding-3-small", "", `"dimensions":4,`, ""},
	{"Messages_Create", "claude-sonnet-4-5", "", "",
		`^ message_start content_block_start ping( content_block_delta)+ content_block_stop message_delta message_stop$`},
	{"Responses_Create", "gpt-4o", "", "",
		`^ response.created response.in_progress response.output_item.added response.content_part.added( response.output_text.delta)+ response.output_text.done response.content_part.done response.output_item.done response.(completed|incomplete)$`},
	{"Responses_Create", "gpt-4o", "tools", `"tools":[{"type":"function","name":"hello","strict":true,"parameters":{"type":"object","properties":{"loud":{"type":"boolean"}},"required":["loud"],"additionalProperties":false}}],`,
		`^ response.created response.in_progress response.output_item.added( response.function_call_arguments.delta)+ response.function_call_arguments.done response.output_item.done response.completed$`},
	{"Responses_Create", "gpt-5", "reasoning", `"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"],`,
		`^ response.created response.in_progress response.output_item.added response.reasoning_summary_part.added( response.reasoning_summary_text.delta)+ response.reasoning_summary_text.done response.reasoning_summary_part.done response.output_item.done( response.output_item.added response.content_part.added( response.output_text.delta)+ response.output_text.done response.content_part.done response.output_item.done)? response.(completed|incomplete)$`},
	{"Messages_Create", "claude-sonnet-4-5", "tools", `"tools":[{"name":"hello","input_schema":{"type":"object","properties":{"loud":{"type":"boolean"}},"required":["loud"]}}],"tool_choice":{"type":"any"},`,
		`^ message_start content_block_start ping( content_block_delta)+ content_block_stop message_delta message_stop$`},
	{"ChatCompletions_Create", "gpt-4o", "logprobs", `"logprobs":true,"top_logprobs":1,`, `^ filter_only role( content)+ finish usage done$`},
	{"ChatCompletions_Create", "gpt-5.6", "newest", `"reasoning_effort":"none",`, `^ filter_only role( content)+ finish usage done$`},
}

// Every operation has its goldens and its grammar, and keeps to them.
func TestEveryOperationOnTheWire(t *testing.T) {
	for i := range ops.All {
		op := &ops.All[i]
		found := false
		for _, w := range operationWires {
			if w.operation != op.Name {
				continue
			}
			found = true
			name := strings.ToLower(strings.TrimSuffix(w.operation, "_Create"))
			if w.variant != "" {
				name += "_" + w.variant
			}
			t.Run(name, func(t *testing.T) {
				inLab(t, Config{Deployments: []deployment.Config{ofModel(w.model)}}, func(l *lab) { wireOf(l, op, w.model, name, w.more, w.grammar) })
			})
		}
		if !found {
			t.Errorf("%s has no line in operationWires", op.Name)
		}
	}
}

func wireOf(l *lab, op *ops.Operation, model, name, more, grammar string) {
	body := string(bytes.TrimPrefix(op.Example(model), []byte("{")))
	if strings.Contains(model, "gpt-5") {
		body = strings.ReplaceAll(body, "max_tokens", "max_completion_tokens")
	}
	routes := op.Routes()
	path := routes[len(routes)-1].Path // the plain one, or the only one
	ask := func(more string) string {
		resp, err := l.do(l.Context(), "POST", path, "{"+more+body, "Authorization", "Bearer foundrylab-key", "Api-Key", "foundrylab-key",
			"Anthropic-Version", "2023-06-01")
		if err != nil {
			l.Fatal(err)
		}
		text := readAll(l, resp)
		if resp.StatusCode != 200 {
			l.Fatalf("%d %s", resp.StatusCode, text)
		}
		return text
	}
	whole := ask(more)
	checkGolden(l.T, "operation_"+name+".json", whole+"\n")
	if _, ok := op.Usage([]byte(whole)); !ok {
		l.Errorf("no usage in %s", whole)
	}
	if grammar == "" {
		return
	}
	streaming := `"stream":true,`
	if strings.HasPrefix(grammar, "^ filter_only") {
		streaming += `"stream_options":{"include_usage":true},`
	}
	sse := ask(more + streaming)
	checkGolden(l.T, "operation_"+name+".sse", sse)
	if order := eventNames(op, sse); !regexp.MustCompile(grammar).MatchString(order) {
		l.Errorf("events come in the order%s, which is not %s", order, grammar)
	}
}

// eventNames returns the names of a stream's events, each with a space before it.
func eventNames(op *ops.Operation, sse string) string {
	var all strings.Builder
	for _, event := range strings.Split(strings.TrimSuffix(sse, "\n\n"), "\n\n") {
		name, data, named := strings.Cut(strings.TrimPrefix(event, "event: "), "\n")
		if !named {
			data = event
		}
		kind := op.Classify([]byte(strings.TrimPrefix(data, "data: "))).Kind
		if !named {
			name = kind.String()
		}
		if kind == ops.ChunkMalformed {
			name = "malformed"
		}
		all.WriteString(" " + name)
	}
	return all.String()
}
