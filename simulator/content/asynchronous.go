package content

import (
	"strconv"
	"unicode/utf8"

	"foundrylab/internal/ops"
)

// said is what of a choice was written, and how much of that the asynchronous filter has judged.
type said struct {
	chars, judged int
	tokens        int // judged
}

// JudgedTokens is how many tokens the asynchronous filter looks at together. That it speaks up within about 1,000
// characters is documented, how often is not.
const JudgedTokens = 64

// judge counts what was written, and appends the filter's event where it is its time.
func (c *Chat) judge(dst []byte, choice, from, to int) []byte {
	s := &c.said[choice]
	if c.r.Script != nil {
		s.chars += utf8.RuneCountInString(c.r.Script.text(from, to))
	} else {
		s.chars += len(c.AppendText(nil, choice, from, to)) // made-up words are ASCII
	}
	if to-s.tokens < JudgedTokens || to == c.r.OutputTokens {
		return dst
	}
	return c.appendJudged(dst, choice, to, ops.FinishNone)
}

// appendJudged appends the filter's event on what it has not judged yet. It has no delta, and empty names.
func (c *Chat) appendJudged(dst []byte, choice, tokens int, finish ops.FinishReason) []byte {
	s := &c.said[choice]
	dst = append(dst, `data: {"id":"","object":"","created":0,"model":"","choices":[{"index":`...)
	dst = strconv.AppendInt(dst, int64(choice), 10)
	dst = append(dst, `,"finish_reason":`...)
	if finish == ops.FinishNone {
		dst = append(dst, "null"...)
	} else {
		dst = appendQuoted(dst, finish.String())
	}
	dst = append(dst, `,"content_filter_results":`...)
	v := c.r.verdict()
	if finish == ops.FinishNone && (c.r.Found < s.tokens || c.r.Found >= tokens) {
		dst = append(dst, plainFilter...)
	} else {
		dst = appendVerdict(dst, &v, onGraded)
	}
	dst = append(dst, `,"content_filter_raw":[],"content_filter_offsets":{"check_offset":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptChars+s.judged), 10)
	dst = append(dst, `,"start_offset":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptChars), 10)
	dst = append(dst, `,"end_offset":`...)
	dst = strconv.AppendInt(dst, int64(c.r.PromptChars+s.chars), 10)
	s.judged, s.tokens = s.chars, tokens
	return append(dst, `}}],"usage":null}`+"\n\n"...)
}

// closeJudged ends a choice. Where the filter stopped it, its event is the end.
func (c *Chat) closeJudged(dst []byte, choice int) []byte {
	if c.r.Finish == ops.FinishContentFilter {
		return c.appendJudged(dst, choice, c.r.OutputTokens, c.r.Finish)
	}
	dst = c.appendFinish(dst, choice)
	if c.said[choice].judged == c.said[choice].chars {
		return dst
	}
	return c.appendJudged(dst, choice, c.r.OutputTokens, ops.FinishNone)
}
