package content

import (
	"foundrylab/internal/ops"
	"foundrylab/simulator/filter"
)

// The content filter's verdict that nothing was found, in its four sizes; the rest of this file writes any other.
const (
	promptFilter  = `[{"prompt_index":0,"content_filter_results":` + promptVerdict + `}]`
	promptVerdict = `{"hate":{"filtered":false,"severity":"safe"},` +
		`"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},` +
		`"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`
	bodyFilter = `{"hate":{"filtered":false,"severity":"safe"},"protected_material_code":{"detected":false,"filtered":false},` +
		`"protected_material_text":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},` +
		`"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`
	plainFilter = `{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},` +
		`"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`
	chunkFilter = `{"protected_material_text":{"detected":false,"filtered":false}}`
)

// width is which categories a verdict lists.
type width uint8

const (
	onPrompt width = iota
	onBody         // of a whole answer
	onGraded       // those that have a severity, and what was found beside them
)

func (w width) lists(c filter.Category, v *filter.Verdict) bool {
	switch w {
	case onPrompt:
		return c.InPrompt()
	case onBody:
		return c.InAnswer()
	}
	return !c.Detected() || v.Found[c] > 0
}

// appendVerdict appends a verdict as an object.
func appendVerdict(dst []byte, v *filter.Verdict, w width) []byte {
	m := members{append(dst, '{')}
	for c := range filter.Categories {
		if !w.lists(c, v) {
			continue
		}
		m.name(c.String())
		one := members{append(m.b, '{')}
		if c.Detected() {
			one.bool("detected", v.Found[c] > 0)
		}
		one.bool("filtered", v.Stops(c))
		if !c.Detected() {
			one.text("severity", v.Found[c].String())
		}
		m.b = append(one.b, '}')
	}
	return append(m.b, '}')
}

// verdict is that on what was answered. An answer that was stopped without a finding, as a fixture may say, has one.
func (r *Reply) verdict() filter.Verdict {
	v := r.Answer
	if r.Finish == ops.FinishContentFilter && !v.Stopped() {
		v.Found[filter.Violence] = filter.Medium
	}
	return v
}

// gradedResults is the answer's verdict without the categories that were not found and have no severity.
func (r *Reply) gradedResults() string {
	v := r.verdict()
	if v.Safe() {
		return plainFilter
	}
	return string(appendVerdict(nil, &v, onGraded))
}

// appendPromptResults appends prompt_filter_results.
func (r *Reply) appendPromptResults(dst []byte) []byte {
	if r.Prompt.Safe() {
		return append(dst, promptFilter...)
	}
	dst = append(dst, `[{"prompt_index":0,"content_filter_results":`...)
	return append(appendVerdict(dst, &r.Prompt, onPrompt), `}]`...)
}

// appendPromptEvent appends the first event of a stream: the verdict on the prompt, with no choices and empty names.
func (r *Reply) appendPromptEvent(dst []byte) []byte {
	dst = append(dst, `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":`...)
	return append(r.appendPromptResults(dst), "}\n\n"...)
}

// PromptFiltered answers a prompt that the content filter stopped. The prompt is billed.
func PromptFiltered(v *filter.Verdict) Answer {
	b := []byte(`{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",` +
		`"type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":`)
	return Answer{400, append(appendVerdict(b, v, onPrompt), "}}}"...)}
}
