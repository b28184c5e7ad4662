// Package content writes what the simulator answers: the bytes of responses, stream events and error bodies in the
// shape of the Azure OpenAI data plane.
//
// It owns wording, key order and the text of an answer, which has exactly the wanted number of tokens by construction.
// It refuses to decide: no status is chosen here, no token is timed or charged, nothing is sent. Pure; one file per
// operation. All functions are safe for concurrent use; a Chat is read-only once made.
package content

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"foundrylab/internal/ops"
	"foundrylab/simulator/filter"
	"foundrylab/simulator/latency"
)

// Reply is what a chat completion is to say. Token counts are in tokens and not negative.
type Reply struct {
	Key             uint64 // decides the id and the text
	Created         int64  // Unix seconds
	Model           string // model and version, as gpt-4o-mini-2024-07-18, not the deployment
	Fingerprint     string // system_fingerprint; "" is null, as on gpt-5.4 and later
	Choices         int    // shown; 0 counts as 1
	Made            int    // billed, those that are not shown included; fewer than Choices counts as Choices
	PromptTokens    int
	CachedTokens    int               // of the prompt
	WritesCache     bool              // the usage says what was written to the prompt cache, as from gpt-5.6 on
	Older           bool              // as deployments of 2024: no tier, no padding, chunks with the four severities
	OutputTokens    int               // visible tokens of each choice
	ReasoningTokens int               // hidden tokens of each choice, billed with the visible ones
	Finish          ops.FinishReason  // FinishNone counts as FinishStop
	Timing          *latency.Schedule // for latency_checkpoint, read when the usage is written; nil for none
	IncludeUsage    bool              // stream_options.include_usage
	ServiceTier     string            // that served it; "" counts as default
	Obfuscation     bool              // random padding in stream chunks; the service's default since 2025
	Script          *Script           // what every choice says; nil: made-up words
	Prompt, Answer  filter.Verdict    // of the content filter
	Found           int               // token at which the answer's verdict is reported in a stream
	Logprobs        bool              // chat and completions: log probabilities of the tokens
	TopLogprobs     int               // of so many alternatives each, the token itself included
	StopSequence    string            // that ended the answer
	Asynchronous    bool              // chat: the filter annotates streams in events of their own
	PromptChars     int               // where the answer begins for offsets in it
}

// Chat is the Writer of a chat completion.
type Chat struct {
	r          Reply
	head, tail []byte // of a chunk, between its choices and its obfuscation, and after it
	said       []said // asynchronous: of each choice, as it was written so far; then a Chat serves one stream
}

// NewChat prepares a completion.
func NewChat(r Reply) *Chat {
	r.normalize()
	b := r.appendOrigin(make([]byte, 0, 256), "chatcmpl-")
	cut := len(b)
	b = append(b, `,"object":"chat.completion.chunk"`...)
	b = append(r.appendTier(b), `,"system_fingerprint":`...)
	b = appendOrNull(b, r.Fingerprint)
	if r.IncludeUsage {
		b = append(b, `,"usage":null`...)
	}
	b = append(b, "}\n\n"...)
	c := &Chat{r: r, head: b[:cut:cut], tail: b[cut:]}
	if r.Asynchronous {
		c.said = make([]said, r.Choices)
	}
	return c
}

// normalize fills what may be left out.
func (r *Reply) normalize() {
	r.Choices = max(r.Choices, 1)
	if r.ServiceTier == "" {
		r.ServiceTier = "default"
	}
	r.Made = max(r.Made, r.Choices)
	if r.Finish == ops.FinishNone && r.Script != nil {
		r.Finish = r.Script.finish()
	} else if r.Finish == ops.FinishNone {
		r.Finish = ops.FinishStop
	}
}

// appendTier appends the member service_tier where there is one.
func (r *Reply) appendTier(dst []byte) []byte {
	if r.Older {
		return dst
	}
	dst = append(dst, `,"service_tier":"`...)
	return append(append(dst, r.ServiceTier...), '"')
}

// written returns how many prompt tokens went into the cache: what can be cached, from 1,024 on in steps of 128, and was
// not there.
func (r *Reply) written() int {
	if r.PromptTokens < 1024 {
		return 0
	}
	return max(r.PromptTokens/128*128-r.CachedTokens, 0)
}

// billed returns the completion tokens of the usage.
func (r *Reply) billed() int { return (r.OutputTokens + r.ReasoningTokens) * r.Made }

// appendOrigin appends the members created, id and model.
func (r *Reply) appendOrigin(dst []byte, prefix string) []byte {
	dst = append(dst, `,"created":`...)
	dst = strconv.AppendInt(dst, r.Created, 10)
	dst = append(dst, `,"id":"`...)
	dst = AppendID(append(dst, prefix...), r.Key)
	dst = append(dst, `","model":`...)
	return appendQuoted(dst, r.Model)
}

// AppendID appends what makes an id: 29 base-62 characters. Distinct keys have distinct ids.
func AppendID(dst []byte, key uint64) []byte {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for part, width := range [...]int{11, 9, 9} { // 62^11 > 2^64, so the first part alone tells keys apart
		v := mix(key + golden*uint64(part+1))
		for range width {
			dst = append(dst, digits[v%62])
			v /= 62
		}
	}
	return dst
}

// AppendText appends tokens from to to-1 of a choice's text, of Reply.OutputTokens in all.
func (c *Chat) AppendText(dst []byte, choice, from, to int) []byte {
	return c.r.appendText(dst, choice, from, to)
}

func (r *Reply) appendText(dst []byte, choice, from, to int) []byte {
	key := r.Key + uint64(choice)<<32
	for k := from; k < to; k++ {
		dst = appendToken(dst, key, k, k == r.OutputTokens-1 && k > 0 && r.Finish == ops.FinishStop)
	}
	return dst
}

// AppendBody appends the whole non-stream response. Azure orders the keys alphabetically.
func (c *Chat) AppendBody(dst []byte) []byte {
	dst = append(dst, `{"choices":[`...)
	for i := range c.r.Choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"content_filter_results":`...)
		if v := c.r.verdict(); v.Safe() {
			dst = append(dst, bodyFilter...)
		} else {
			dst = appendVerdict(dst, &v, onBody)
		}
		dst = append(dst, `,"finish_reason":"`...)
		dst = append(dst, c.r.Finish.String()...)
		dst = append(dst, `","index":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"logprobs":`...)
		dst = c.r.appendLogprobs(dst, i, 0, c.r.OutputTokens)
		dst = append(dst, `,"message":{"annotations":[],`...)
		if c.r.Script != nil {
			dst = c.r.Script.appendMessage(dst, c.r.OutputTokens)
		} else {
			dst = append(dst, `"content":"`...)
			dst = c.AppendText(dst, i, 0, c.r.OutputTokens)
			dst = append(dst, `","refusal":null,"role":"assistant"`...)
		}
		dst = append(dst, "}}"...)
	}
	dst = append(dst, ']')
	dst = append(dst, c.head...)
	dst = append(dst, `,"object":"chat.completion","prompt_filter_results":`...)
	dst = c.r.appendPromptResults(dst)
	dst = append(c.r.appendTier(dst), `,"system_fingerprint":`...)
	dst = appendOrNull(dst, c.r.Fingerprint)
	dst = append(dst, `,"usage":`...)
	dst = c.appendUsage(dst, true)
	return append(dst, '}')
}

// AppendHead implements Writer.
func (c *Chat) AppendHead(dst []byte) []byte { return c.r.appendPromptEvent(dst) }

// appendRole appends the event that opens a choice.
func (c *Chat) appendRole(dst []byte, choice int) []byte {
	dst = append(dst, `data: {"choices":[{"content_filter_results":{},"delta":{"content":`...)
	if c.r.Script.wordless() {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, `""`...)
	}
	dst = append(dst, `,"refusal":null,"role":"assistant"},"finish_reason":null,"index":`...)
	return c.close(dst, choice, -1, -1)
}

// appendContent appends one event with tokens from to to-1 of a choice. One token per event is the plain pace; the
// service's default filter releases several at once.
func (c *Chat) appendContent(dst []byte, choice, from, to int) []byte {
	if c.r.Script != nil {
		return c.r.Script.appendDeltas(dst, from, to, func(dst, delta []byte, words bool) []byte {
			dst = c.openDelta(dst, from, to, words)
			dst = append(dst, delta...)
			dst = append(dst, `,"finish_reason":null,"index":`...)
			if !words {
				return c.close(dst, choice, from, from)
			}
			return c.close(dst, choice, from, to)
		})
	}
	dst = append(c.openDelta(dst, from, to, true), `{"content":"`...)
	dst = c.AppendText(dst, choice, from, to)
	dst = append(dst, `"},"finish_reason":null,"index":`...)
	return c.close(dst, choice, from, to)
}

// openDelta begins an event up to the delta of tokens from to to-1, with what the filter says of them: it judges words.
func (c *Chat) openDelta(dst []byte, from, to int, words bool) []byte {
	switch {
	case c.r.Asynchronous: // it says so later
		return append(dst, `data: {"choices":[{"delta":`...)
	case c.r.Older && c.r.Answer.Safe():
		return append(dst, `data: {"choices":[{"content_filter_results":`+plainFilter+`,"delta":`...)
	case !words:
		return append(dst, `data: {"choices":[{"content_filter_results":{},"delta":`...)
	case !c.r.Answer.Safe() && from <= c.r.Found && c.r.Found < to:
		dst = append(dst, `data: {"choices":[{"content_filter_results":`...)
		return append(appendVerdict(dst, &c.r.Answer, onGraded), `,"delta":`...)
	}
	return append(dst, `data: {"choices":[{"content_filter_results":`+chunkFilter+`,"delta":`...)
}

// appendFinish appends the event that closes a choice.
func (c *Chat) appendFinish(dst []byte, choice int) []byte {
	dst = append(dst, `data: {"choices":[{"content_filter_results":`...)
	if c.r.Finish == ops.FinishContentFilter {
		v := c.r.verdict()
		dst = appendVerdict(dst, &v, onGraded)
	} else {
		dst = append(dst, "{}"...)
	}
	dst = append(dst, `,"delta":{},"finish_reason":"`...)
	dst = append(dst, c.r.Finish.String()...)
	dst = append(dst, `","index":`...)
	return c.close(dst, choice, -2, -2)
}

// appendUsageEvent appends the usage event, or nothing when Reply.IncludeUsage is false.
func (c *Chat) appendUsageEvent(dst []byte) []byte {
	if !c.r.IncludeUsage {
		return dst
	}
	dst = append(dst, `data: {"choices":[]`...)
	model := bytes.Index(c.head, []byte(`,"model":`))
	dst = append(dst, c.head[:model]...)
	dst = c.r.appendCheckpoint(dst)
	dst = append(dst, c.head[model:]...)
	dst = append(dst, `,"object":"chat.completion.chunk"`...)
	dst = append(c.r.appendTier(dst), `,"usage":`...)
	dst = c.appendUsage(dst, false)
	return append(dst, "}\n\n"...)
}

// AppendOpen appends the events that open the choices.
func (c *Chat) AppendOpen(dst []byte) []byte {
	for i := range c.r.Choices {
		dst = c.appendRole(dst, i)
	}
	return dst
}

// AppendTokens appends one event for each choice.
func (c *Chat) AppendTokens(dst []byte, from, to int) []byte {
	for i := range c.r.Choices {
		dst = c.appendContent(dst, i, from, to)
		if c.r.Asynchronous {
			dst = c.judge(dst, i, from, to)
		}
	}
	return dst
}

// AppendClose appends how the choices finished, the usage where it was asked for, and [DONE].
func (c *Chat) AppendClose(dst []byte) []byte {
	for i := range c.r.Choices {
		if c.r.Asynchronous {
			dst = c.closeJudged(dst, i)
		} else {
			dst = c.appendFinish(dst, i)
		}
	}
	return append(c.appendUsageEvent(dst), "data: [DONE]\n\n"...)
}

// AppendError appends an error object as an event of its own.
func (c *Chat) AppendError(dst []byte, e Answer) []byte { return AppendEvent(dst, e) }

// AppendBroken appends an event that is half an object, as a failing server or proxy may send it: no JSON.
func (c *Chat) AppendBroken(dst []byte) []byte {
	return append(dst, `data: {"choices":[{"content_filter_results":`+chunkFilter+`,"delta":{"cont`+"\n\n"...)
}

// close ends a chunk of one choice, after "index":, with the log probabilities of tokens from to to-1. from tells the
// chunks of a choice apart.
func (c *Chat) close(dst []byte, choice, from, to int) []byte {
	dst = strconv.AppendInt(dst, int64(choice), 10)
	dst = append(dst, `,"logprobs":`...)
	dst = append(c.r.appendLogprobs(dst, choice, from, to), "}]"...)
	dst = append(dst, c.head...)
	if c.r.Obfuscation && !c.r.Older {
		dst = append(dst, `,"obfuscation":"`...)
		dst = appendPadding(dst, mix(c.r.Key^uint64(choice)<<32^uint64(int64(from))))
		dst = append(dst, '"')
	}
	return append(dst, c.tail...)
}

// appendPadding appends 1 to 16 letters and digits by a random number.
func appendPadding(dst []byte, v uint64) []byte {
	const pad = "zRj7QwK0vTn4XeLb2HsYgU9dMfAiPc5o" // any 32
	from := v % 16
	return append(dst, pad[from:from+1+v>>8%16]...)
}

// appendUsage appends the usage. A body has the checkpoint in it, a stream beside it.
func (c *Chat) appendUsage(dst []byte, whole bool) []byte {
	reasoning, completion := c.r.ReasoningTokens*c.r.Made, c.r.billed()
	dst = append(dst, `{"completion_tokens":`...)
	dst = strconv.AppendInt(dst, int64(completion), 10)
	dst = append(dst, `,"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":`...)
	dst = strconv.AppendInt(dst, int64(reasoning), 10)
	dst = append(dst, `,"rejected_prediction_tokens":0}`...)
	if whole {
		dst = c.r.appendCheckpoint(dst)
	}
	dst = append(dst, `,"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptTokens), 10)
	dst = append(dst, `,"prompt_tokens_details":{"audio_tokens":0`...)
	if c.r.WritesCache {
		dst = append(dst, `,"cache_write_tokens":`...)
		dst = strconv.AppendInt(dst, int64(c.r.written()), 10)
	}
	dst = append(dst, `,"cached_tokens":`...)
	dst = strconv.AppendInt(dst, int64(c.r.CachedTokens), 10)
	dst = append(dst, `},"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptTokens+completion), 10)
	return append(dst, '}')
}

// appendQuoted appends a JSON string; invalid UTF-8 becomes the replacement character.
func appendQuoted(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// appendOrNull appends a JSON string, or null for "".
func appendOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendQuoted(dst, s)
}
