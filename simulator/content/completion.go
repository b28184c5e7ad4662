package content

import (
	"strconv"

	"foundrylab/internal/ops"
)

// Completion is the Writer of an answer of the completions operation: texts that go on with prompts.
type Completion struct {
	r          Reply
	begin      []string // prompts that the choices begin with, each choices for one in turn; nil: none
	each       int
	head, tail []byte // of a chunk, after its choices
	offsets    []int  // log probabilities: where each choice's next token begins; then a Completion is written once
}

// NewCompletion prepares an answer. echo holds the prompts that the choices begin with, or is empty.
func NewCompletion(r Reply, echo []string) *Completion {
	r.normalize()
	c := &Completion{r: r, begin: echo, each: 1}
	if len(echo) > 0 {
		c.each = max(r.Choices/len(echo), 1)
	}
	if r.Logprobs {
		c.offsets = make([]int, r.Choices)
		for i := range c.offsets {
			c.offsets[i] = r.PromptChars
		}
	}
	b := r.appendOrigin(make([]byte, 0, 160), "cmpl-")
	b = append(b, `,"object":"text_completion"`...)
	c.head, c.tail = b, []byte("}\n\n")
	if r.IncludeUsage {
		c.tail = []byte(`,"usage":null}` + "\n\n")
	}
	return c
}

// appendChoice appends one choice, with a prompt before its text where there is one; an empty finish is null.
func (c *Completion) appendChoice(dst []byte, choice, from, to int, prompt, filter, finish string) []byte {
	dst = append(dst, `{"content_filter_results":`...)
	dst = append(dst, filter...)
	dst = append(dst, `,"finish_reason":`...)
	dst = appendOrNull(dst, finish)
	dst = append(dst, `,"index":`...)
	dst = strconv.AppendInt(dst, int64(choice), 10)
	dst = append(dst, `,"logprobs":`...)
	if c.r.Logprobs && from < to {
		dst, c.offsets[choice] = c.r.appendOldLogprobs(dst, choice, from, to, c.offsets[choice])
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"text":`...)
	if c.r.Script != nil {
		return append(appendQuoted(dst, prompt+c.r.Script.text(from, to)), '}')
	}
	if prompt == "" {
		dst = append(dst, '"')
		return append(c.r.appendText(dst, choice, from, to), `"}`...)
	}
	return append(appendQuoted(dst, string(c.r.appendText([]byte(prompt), choice, from, to))), '}')
}

// prompt returns what a choice begins with.
func (c *Completion) prompt(choice int) string {
	if len(c.begin) == 0 {
		return ""
	}
	return c.begin[choice/c.each%len(c.begin)]
}

// AppendBody implements Writer.
func (c *Completion) AppendBody(dst []byte) []byte {
	dst = append(dst, `{"choices":[`...)
	for i := range c.r.Choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.appendChoice(dst, i, 0, c.r.OutputTokens, c.prompt(i), c.r.gradedResults(), c.r.Finish.String())
	}
	dst = append(dst, ']')
	dst = append(dst, c.head...)
	dst = append(dst, `,"prompt_filter_results":`...)
	dst = c.r.appendPromptResults(dst)
	dst = append(dst, `,"system_fingerprint":`...)
	dst = appendOrNull(dst, c.r.Fingerprint)
	dst = append(dst, `,"usage":`...)
	return append(c.appendUsage(dst), '}')
}

// AppendHead implements Writer.
func (c *Completion) AppendHead(dst []byte) []byte { return c.r.appendPromptEvent(dst) }

// AppendOpen implements Writer: only a prompt that is to be repeated precedes the first text.
func (c *Completion) AppendOpen(dst []byte) []byte {
	if len(c.begin) == 0 {
		return dst
	}
	for i := range c.r.Choices {
		dst = c.appendChunk(dst, i, 0, 0, c.prompt(i), "")
	}
	return dst
}

// AppendTokens implements Writer.
func (c *Completion) AppendTokens(dst []byte, from, to int) []byte {
	for i := range c.r.Choices {
		dst = c.appendChunk(dst, i, from, to, "", "")
	}
	return dst
}

// AppendClose implements Writer.
func (c *Completion) AppendClose(dst []byte) []byte {
	for i := range c.r.Choices {
		dst = c.appendChunk(dst, i, c.r.OutputTokens, c.r.OutputTokens, "", c.r.Finish.String())
	}
	if c.r.IncludeUsage {
		dst = append(dst, `data: {"choices":[]`...)
		dst = append(dst, c.head...)
		dst = append(dst, `,"usage":`...)
		dst = append(c.appendUsage(dst), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

func (c *Completion) appendChunk(dst []byte, choice, from, to int, prompt, finish string) []byte {
	dst = append(dst, `data: {"choices":[`...)
	dst = c.appendChoice(dst, choice, from, to, prompt, c.results(from, to, finish), finish)
	dst = append(append(dst, ']'), c.head...)
	return append(dst, c.tail...)
}

// results is what the filter says of tokens from to to-1, or of the end.
func (c *Completion) results(from, to int, finish string) string {
	if c.r.Finish == ops.FinishContentFilter && finish != "" || !c.r.Answer.Safe() && from <= c.r.Found && c.r.Found < to {
		return c.r.gradedResults()
	}
	return "{}"
}

// AppendError implements Writer.
func (c *Completion) AppendError(dst []byte, e Answer) []byte { return AppendEvent(dst, e) }

// AppendBroken implements Writer.
func (c *Completion) AppendBroken(dst []byte) []byte {
	return append(dst, `data: {"choices":[{"content_filter_results":{},"finish_re`+"\n\n"...)
}

func (c *Completion) appendUsage(dst []byte) []byte {
	completion := c.r.billed()
	dst = append(dst, `{"completion_tokens":`...)
	dst = strconv.AppendInt(dst, int64(completion), 10)
	dst = append(dst, `,"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptTokens), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptTokens+completion), 10)
	return append(dst, '}')
}
