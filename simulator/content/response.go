package content

import (
	"cmp"
	"unicode/utf8"

	"foundrylab/internal/ops"
	"foundrylab/simulator/filter"
)

// ResponseForm is what a response needs beside its Reply. The request's own members stand in the response again.
type ResponseForm struct {
	ID          uint64       // names it and its items
	Asked       ops.Peeked   // the request; its messages are not needed
	PromptChars int          // of all the context
	Effort      string       // of reasoning, where the request names none; "" is null
	Completed   func() int64 // when it ended, Unix seconds; asked once it has
	Skip        int          // stream: sequence numbers below this one are left out
}

// Response is the Writer of a Responses answer. Its events are numbered as they are appended: unlike other Writers it
// serves one stream, and is not safe for concurrent use.
type Response struct {
	r    Reply
	form ResponseForm
	seq  int // of the next event
}

// NewResponse prepares an answer. Reply.Model is the deployment's name, as the service has it here.
func NewResponse(r Reply, form ResponseForm) *Response {
	r.normalize()
	return &Response{r: r, form: form}
}

// States of a response that has not ended well; those that have are ResponseCompleted and, cut short,
// ResponseIncomplete.
const (
	ResponseQueued     = "queued"
	ResponseInProgress = "in_progress"
	ResponseCompleted  = "completed"
	ResponseIncomplete = "incomplete"
	ResponseFailed     = "failed"
	ResponseCancelled  = "cancelled"
)

// State returns how the response ends as planned.
func (p *Response) State() string {
	if p.r.Finish == ops.FinishLength || p.r.Finish == ops.FinishContentFilter {
		return ResponseIncomplete
	}
	return ResponseCompleted
}

// AppendHexID appends what makes an id of the Responses operation: 50 hexadecimal digits. Distinct keys have distinct
// ids.
func AppendHexID(dst []byte, key uint64) []byte {
	const digits = 50
	for part := range uint64((digits + 15) / 16) {
		v := mix(key + golden*(part+1))
		for at := range min(16, digits-16*int(part)) {
			dst = append(dst, "0123456789abcdef"[v>>(60-4*at)&15])
		}
	}
	return dst
}

// AppendItemID appends the id of an item of a response, by its place.
func AppendItemID(dst []byte, prefix string, response uint64, place int) []byte {
	return AppendHexID(append(dst, prefix...), response^uint64(place+1)*golden)
}

// ResponseID returns the id of a response.
func ResponseID(key uint64) string { return string(AppendHexID([]byte("resp_"), key)) }

// AppendBody implements Writer.
func (p *Response) AppendBody(dst []byte) []byte { return p.AppendObject(dst, p.State()) }

// AppendObject appends the response object as it is in a state.
func (p *Response) AppendObject(dst []byte, state string) []byte {
	over := state == ResponseCompleted || state == ResponseIncomplete
	q, ask := &p.form.Asked, p.form.Asked.Response
	m := members{append(dst, '{')}
	m.text("id", ResponseID(p.form.ID))
	m.raw("object", `"response"`)
	m.int("created_at", int(p.r.Created))
	m.text("status", state)
	m.bool("background", ask.Background)
	completed := -1
	if state == ResponseCompleted {
		completed = int(p.form.Completed())
	}
	m.intOrNull("completed_at", completed)
	p.filters(&m, over)
	m.raw("error", failure(state))
	m.given("frequency_penalty", ask.Echo["frequency_penalty"], "0.0")
	m.raw("incomplete_details", p.shortfall(state))
	m.textOrNull("instructions", ask.Instructions)
	m.intOrNull("max_output_tokens", q.MaxCompletionTokens)
	m.given("max_tool_calls", ask.Echo["max_tool_calls"], "null")
	m.text("model", p.r.Model)
	m.raw("moderation", "null")
	m.raw("output", "[")
	if over {
		p.output(&m)
	}
	m.b = append(m.b, ']')
	p.settings(&m, over)
	p.usage(&m, over)
	m.given("user", ask.Echo["user"], "null")
	m.given("metadata", ask.Echo["metadata"], "{}")
	return append(m.b, '}')
}

// settings appends what follows the output.
func (p *Response) settings(m *members, over bool) {
	q, ask := &p.form.Asked, p.form.Asked.Response
	m.bool("parallel_tool_calls", !q.OneCall)
	m.given("presence_penalty", ask.Echo["presence_penalty"], "0.0")
	m.textOrNull("previous_response_id", ask.Previous)
	m.textOrNull("prompt_cache_key", q.PromptCacheKey)
	m.given("prompt_cache_retention", ask.Echo["prompt_cache_retention"], `"in_memory"`)
	m.raw("reasoning", `{"context":null`)
	m.textOrNull("effort", cmp.Or(q.Effort, p.form.Effort))
	m.raw("mode", "null")
	m.textOrNull("summary", ask.Summary)
	m.b = append(m.b, '}')
	m.given("safety_identifier", ask.Echo["safety_identifier"], "null")
	tier := p.r.ServiceTier
	if !over {
		tier = cmp.Or(q.ServiceTier, "auto")
	}
	m.text("service_tier", tier)
	m.bool("store", !ask.Unstored)
	m.given("temperature", ask.Echo["temperature"], "1.0")
	m.raw("text", "{")
	m.given("format", q.Format, `{"type":"text"}`)
	m.text("verbosity", cmp.Or(ask.Verbosity, "medium"))
	m.b = append(m.b, '}')
	m.given("tool_choice", q.ToolChoice, `"auto"`)
	m.given("tools", q.Tools, "[]")
	m.given("top_logprobs", ask.Echo["top_logprobs"], "0")
	m.given("top_p", ask.Echo["top_p"], "1.0")
	truncation := "disabled"
	if ask.Truncates {
		truncation = "auto"
	}
	m.text("truncation", truncation)
}

// failure is the error of a response in a state.
func failure(state string) string {
	if state == ResponseFailed {
		return `{"code":"server_error","message":"The model failed to produce an answer. Please retry."}`
	}
	return "null"
}

// shortfall says what cut a response short.
func (p *Response) shortfall(state string) string {
	switch {
	case state != ResponseIncomplete:
		return "null"
	case p.r.Finish == ops.FinishContentFilter:
		return `{"reason":"content_filter"}`
	}
	return `{"reason":"max_output_tokens"}`
}

// usage appends what was billed.
func (p *Response) usage(m *members, over bool) {
	if !over {
		m.raw("usage", "null")
		return
	}
	m.raw("usage", "{")
	m.int("input_tokens", p.r.PromptTokens)
	m.raw("input_tokens_details", "{")
	m.int("cached_tokens", p.r.CachedTokens)
	if p.r.WritesCache {
		m.int("cache_write_tokens", p.r.written())
	}
	m.b = append(m.b, '}')
	m.int("output_tokens", p.r.billed())
	m.raw("output_tokens_details", "{")
	m.int("reasoning_tokens", p.r.ReasoningTokens)
	m.b = append(m.b, '}')
	m.int("total_tokens", p.r.PromptTokens+p.r.billed())
	m.b = append(m.b, '}')
}

// filters appends the verdicts on the context and on the answer; before the end there are none.
func (p *Response) filters(m *members, over bool) {
	if !over {
		m.raw("content_filters", "null")
		return
	}
	chars, v, blocked := 0, p.r.verdict(), p.r.Finish == ops.FinishContentFilter
	for i := range p.items() {
		chars += utf8.RuneCountInString(p.said(i))
	}
	m.raw("content_filters", "[")
	m.b = appendFiltered(m.b, "prompt", &p.r.Prompt, onPrompt, false, p.form.PromptChars)
	m.b = appendFiltered(append(m.b, ','), "completion", &v, onBody, blocked, chars)
	m.b = append(m.b, ']')
}

func appendFiltered(dst []byte, source string, v *filter.Verdict, w width, blocked bool, chars int) []byte {
	m := members{append(dst, '{')}
	m.bool("blocked", blocked)
	m.text("source_type", source)
	m.raw("content_filter_raw", "[]")
	m.name("content_filter_results")
	m.b = appendVerdict(m.b, v, w)
	m.raw("content_filter_offsets", `{"start_offset":0`)
	m.int("end_offset", chars)
	m.raw("check_offset", "0}")
	return append(m.b, '}')
}
