// Package body writes the request bodies of generated load, so that they meet the planned integers exactly: the prompt
// has the planned number of tokens, by construction and without counting, and says in its first characters which
// request it is and how long an answer is wanted (ops.Marker).
//
// It refuses to choose sizes, keys or models, and to send. Pure; all functions are safe for concurrent use.
package body

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"foundrylab/internal/ops"
)

// Request is the plan of one chat request.
type Request struct {
	Model           string // model member: on v1 the deployment's name; "" leaves it out, as the classic route allows
	Key             uint64 // identity of the request
	PromptTokens    int    // by tokens.ChatPrompt with o200k_base; fewer than MinPromptTokens beside the prefix are raised to it
	Prefix          uint64 // names the system message that others have too
	PrefixTokens    int    // of the prompt: those of the system message, 0 for none, else at least MinPrefixTokens
	Try             int    // which sending of the request this is, 0 to ops.MaxMarkerTry; what is later is told as that
	OutputTokens    int    // wanted length of the answer, 0 to ops.MaxMarkerOutput; only the marker tells it
	MaxTokens       int    // client's bound on the answer; negative leaves it out
	CompletionLimit bool   // send the bound as max_completion_tokens, which reasoning models demand
	ServiceTier     string // "" leaves it out
	Stream          bool
	IncludeUsage    bool // stream_options.include_usage; only sent with Stream
}

// MinPromptTokens is the smallest prompt that can be built: one user message that is only a marker. Its tokens are
// 3 + 3 for the prompt and the message, 1 for the role, and those of the marker: constant because every digit group is
// one token.
const MinPromptTokens = 3 + 3 + 1 + markerTokens

// MaxPromptTokens is the largest prompt: its characters must fit ops.MaxMarkerCount.
const MaxPromptTokens = MinPromptTokens + (ops.MaxMarkerCount-ops.MarkerChars)/wordChars

// MinPrefixTokens is the smallest prefix: a system message that is only a marker.
const MinPrefixTokens = 3 + 1 + prefixMarkerTokens

const (
	markerTokens       = 29 // tokens of every marker, in o200k_base and cl100k_base alike
	prefixMarkerTokens = 17 // the same, of every prefix marker
	wordChars          = 5  // characters of every filler word: a space and four letters
)

// filler is a cycle of words that are one token each, in o200k_base and cl100k_base, wherever they stand.
const filler = " data time work part line team plan case cost note page rate role rule step task test text unit view week year form list name node path port side site user zone"

// PromptChars returns the characters (= bytes) of the text parts of a prompt of that many tokens: the user's, and that of
// a prefix, which is 0 where there is none. PromptChars and Append agree, so a virtual run needs no body.
func PromptChars(promptTokens, prefixTokens int) (user, prefix int) {
	if prefixTokens > 0 {
		prefixTokens = max(prefixTokens, MinPrefixTokens)
		prefix = ops.PrefixMarkerChars + wordChars*(prefixTokens-MinPrefixTokens)
	}
	return ops.MarkerChars + wordChars*(max(promptTokens-prefixTokens, MinPromptTokens)-MinPromptTokens), prefix
}

// Append appends the JSON body of one chat request. Like ops.AppendMarker it panics when
// PromptTokens exceeds MaxPromptTokens or OutputTokens is out of its range: the plan must have been checked.
func Append(dst []byte, r Request) []byte {
	dst = append(dst, '{')
	if r.Model != "" {
		dst = append(dst, `"model":`...)
		dst, _ = jsontext.AppendQuote(dst, r.Model) // the error only reports that invalid UTF-8 was replaced
		dst = append(dst, ',')
	}
	dst = append(dst, `"messages":[`...)
	user, prefix := PromptChars(r.PromptTokens, r.PrefixTokens)
	if prefix > 0 {
		r.PrefixTokens = max(r.PrefixTokens, MinPrefixTokens)
		dst = append(dst, `{"role":"system","content":"`...)
		dst = ops.AppendPrefixMarker(dst, ops.PrefixMarker{Name: r.Prefix, Tokens: r.PrefixTokens})
		dst = appendFiller(dst, r.Prefix, prefix-ops.PrefixMarkerChars)
		dst = append(dst, `"},`...)
	}
	dst = append(dst, `{"role":"user","content":"`...)
	dst = ops.AppendMarker(dst, ops.Marker{Key: r.Key, Try: min(r.Try, ops.MaxMarkerTry), Output: r.OutputTokens,
		Prompt: max(r.PromptTokens, MinPromptTokens+r.PrefixTokens), Chars: user + prefix})
	dst = appendFiller(dst, r.Key, user-ops.MarkerChars)
	dst = append(dst, `"}]`...)
	if r.MaxTokens >= 0 {
		name := `,"max_tokens":`
		if r.CompletionLimit {
			name = `,"max_completion_tokens":`
		}
		dst = append(dst, name...)
		dst = strconv.AppendInt(dst, int64(r.MaxTokens), 10)
	}
	if r.ServiceTier != "" {
		dst = append(dst, `,"service_tier":`...)
		dst, _ = jsontext.AppendQuote(dst, r.ServiceTier)
	}
	if r.Stream {
		dst = append(dst, `,"stream":true`...)
		if r.IncludeUsage {
			dst = append(dst, `,"stream_options":{"include_usage":true}`...)
		}
	}
	return append(dst, '}')
}

// appendFiller appends so many characters of filler, from a place in the cycle that the key decides.
func appendFiller(dst []byte, key uint64, chars int) []byte {
	from := int(key%uint64(len(filler)/wordChars)) * wordChars
	for left := chars; left > 0; {
		piece := filler[from:min(from+left, len(filler))]
		dst = append(dst, piece...)
		left -= len(piece)
		from = 0
	}
	return dst
}
