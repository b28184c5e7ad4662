package content

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3/responses"

	"foundrylab/internal/ops"
)

func sampleForm(body string) ResponseForm {
	p, err := new(ops.Peeker).PeekResponses([]byte(body))
	if err != nil {
		panic(err)
	}
	return ResponseForm{ID: 7, Asked: p, PromptChars: 11, Effort: "medium", Completed: func() int64 { return 1763800003 }}
}

func sampleResponse(body string, thought, said int, script *Script) *Response {
	r := sample
	r.Model, r.ReasoningTokens, r.OutputTokens, r.Script, r.Finish, r.Obfuscation = "prod", thought, said, script, ops.FinishNone, true
	if script != nil && said < script.Tokens() {
		r.Finish = ops.FinishLength
	}
	return NewResponse(r, sampleForm(body))
}

const (
	plainAsk = `{"model":"prod","input":"hello","stream_options":{"include_obfuscation":false}}`
	fullAsk  = `{"model":"prod","instructions":"Be \"terse\".","input":"hello","previous_response_id":"resp_0","store":false,"include":["reasoning.encrypted_content"],"max_output_tokens":99,
		"reasoning":{"summary":"auto"},"metadata":{"a":
"b"},"tools":[{"type":"function","name":"get_weather"}],"tool_choice":"auto","parallel_tool_calls":false,"temperature":0.25,"user":"u"}`
)

// responseStream is a whole stream with so many tokens at once.
func responseStream(p *Response, burst int) string {
	b := p.AppendOpen(p.AppendHead(nil))
	for k := 0; k < p.r.OutputTokens; k += burst {
		b = p.AppendTokens(b, k, min(k+burst, p.r.OutputTokens))
	}
	return string(p.AppendClose(b))
}

func TestResponseGoldens(t *testing.T) {
	checkGolden(t, "response.json", string(sampleResponse(plainAsk, 0, 6, nil).AppendBody(nil))+"\n")
	checkGolden(t, "response_full.json", string(sampleResponse(fullAsk, 40, sampleScript().Tokens(), sampleScript()).AppendBody(nil))+"\n")
	checkGolden(t, "response_queued.json", string(sampleResponse(`{"input":"a","background":true}`, 0, 6, nil).AppendObject(nil, ResponseQueued))+"\n")
	checkGolden(t, "response.sse", responseStream(sampleResponse(plainAsk, 0, 3, nil), 1))
	checkGolden(t, "response_full.sse", responseStream(sampleResponse(fullAsk, 40, 20, sampleScript()), 8))
	failed := sampleResponse(plainAsk, 0, 3, nil)
	checkGolden(t, "response_failed.sse", string(failed.AppendError(failed.AppendHead(nil), Overloaded(503, "r"))))
}

// eventGrammar accepts the kinds of events of a whole stream, one after the other with a space behind each.
var eventGrammar = regexp.MustCompile(`^created (queued )?in_progress ` +
	`(output_item.added (reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done reasoning_summary_part.done )?output_item.done )?` +
	`(output_item.added (content_part.added (output_text.delta )*output_text.done content_part.done |(function_call_arguments.delta )*function_call_arguments.done )output_item.done )*` +
	`(completed|incomplete|(error )?failed) $`)

// checkEvents holds a stream against the grammar, its numbers, and what its deltas, done events and last object say.
func checkEvents(t *testing.T, stream string) (last responses.Response) {
	t.Helper()
	kinds, n, texts := "", int64(0), map[string]string{}
	for block := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		head, data, found := strings.Cut(block, "\ndata: ")
		var e responses.ResponseStreamEventUnion
		if err := json.Unmarshal([]byte(data), &e); err != nil || !found || head != "event: "+e.Type || e.SequenceNumber != n {
			t.Fatalf("event %d, %v: %s", n, err, block)
		}
		n++
		kinds += strings.TrimPrefix(e.Type, "response.") + " "
		switch e.Type {
		case "response.output_text.delta", "response.function_call_arguments.delta":
			texts[e.ItemID] += e.Delta
		case "response.output_text.done":
			if texts[e.ItemID] != e.Text {
				t.Errorf("%q is done as %q", texts[e.ItemID], e.Text)
			}
		case "response.function_call_arguments.done":
			if texts[e.ItemID] != e.Arguments {
				t.Errorf("%q is done as %q", texts[e.ItemID], e.Arguments)
			}
		}
		last = e.Response
	}
	if !eventGrammar.MatchString(kinds) {
		t.Errorf("no stream of the service: %s", kinds)
	}
	for i, it := range last.Output {
		if it.Type == "function_call" && texts[it.ID] != it.Arguments.OfString || it.Type == "message" && texts[it.ID] != it.Content[0].Text {
			t.Errorf("item %d: %s, streamed %q", i, it.RawJSON(), texts[it.ID])
		}
	}
	return last
}

// However a stream is cut into events and wherever it is cut short, it follows the grammar, its parts make the whole, and
// it ends with the object that an answer without a stream is.
func TestResponseStreamsAsItIsWhole(t *testing.T) {
	for _, ask := range []string{plainAsk, fullAsk, `{"input":"a","background":true}`} {
		for _, thought := range []int{0, 40} {
			for said := range sampleScript().Tokens() + 1 {
				for burst := 1; burst < 8; burst++ {
					for _, script := range []*Script{nil, sampleScript()} {
						p := sampleResponse(ask, thought, said, script)
						whole := string(p.AppendBody(nil))
						last := checkEvents(t, responseStream(p, burst))
						if !strings.Contains(whole, last.RawJSON()) {
							t.Fatalf("%s\n%s", whole, last.RawJSON())
						}
					}
				}
			}
		}
	}
}

// A stream that is resumed is the rest of the stream that was broken off.
func TestResponseResumes(t *testing.T) {
	all := responseStream(sampleResponse(fullAsk, 40, 20, sampleScript()), 3)
	blocks := strings.SplitAfter(all, "\n\n")
	for n := range blocks {
		p := sampleResponse(fullAsk, 40, 20, sampleScript())
		p.form.Skip = n
		if got, want := responseStream(p, 3), strings.Join(blocks[n:], ""); got != want {
			t.Errorf("from %d: %s\nwant %s", n, got, want)
		}
	}
}

// A failed stream says so twice, and a model that could only think says nothing.
func TestResponseEndsBadly(t *testing.T) {
	p := sampleResponse(plainAsk, 0, 9, nil)
	if last := checkEvents(t, string(p.AppendError(p.AppendHead(nil), Overloaded(503, "r")))); last.Status != "failed" || last.Error.Code != "server_error" {
		t.Errorf("%s", last.RawJSON())
	}
	p = sampleResponse(plainAsk, 12, 0, nil)
	p.r.Finish = ops.FinishLength
	last := checkEvents(t, responseStream(p, 1))
	if len(last.Output) != 1 || last.Output[0].Type != "reasoning" || last.Status != "incomplete" || last.IncompleteDetails.Reason != "max_output_tokens" || last.Usage.OutputTokens != 12 {
		t.Errorf("%s", last.RawJSON())
	}
}

func TestResponseIDs(t *testing.T) {
	shape, seen := regexp.MustCompile(`^(resp|rs|msg|fc)_[0-9a-f]{50}$`), map[string]bool{}
	for key := range uint64(2000) {
		ids := []string{ResponseID(key)}
		for place := range 3 {
			ids = append(ids, string(AppendItemID(nil, "msg_", key, place)))
		}
		for _, id := range ids {
			if seen[id] || !shape.MatchString(id) {
				t.Fatal(id)
			}
			seen[id] = true
		}
	}
}

func TestResponseDeltasAllocateNothing(t *testing.T) {
	p := sampleResponse(plainAsk, 0, 1000, nil)
	buf := make([]byte, 0, 1<<12)
	if n := testing.AllocsPerRun(500, func() { p.AppendTokens(buf, 3, 4) }); n != 0 {
		t.Errorf("%v allocations a delta", n)
	}
}
