package content

import (
	"bytes"
	"strconv"
)

// tokenText returns token k of a choice, and whether it is one of words: those of calls have no log probabilities.
func (r *Reply) tokenText(choice, k int) ([]byte, bool) {
	if r.Script == nil {
		return r.appendText(nil, choice, k, k+1), true
	}
	for i := range r.Script.items {
		if it := &r.Script.items[i]; !it.call && it.from <= k && k < it.from+len(it.ends) {
			return []byte(it.part(k, k+1)), true
		}
	}
	return nil, false
}

// appendLogprobs appends the log probabilities of a chat choice's tokens from to to-1, or null where none were asked for
// or there are none.
func (r *Reply) appendLogprobs(dst []byte, choice, from, to int) []byte {
	if !r.Logprobs {
		return append(dst, "null"...)
	}
	start := len(dst)
	dst = append(dst, `{"content":[`...)
	none := len(dst)
	if dst = r.appendEntries(dst, choice, from, to, true); len(dst) == none {
		return append(dst[:start], "null"...)
	}
	return append(dst, `],"refusal":null}`...)
}

// appendEntries appends the entries of the tokens from to to-1 that are of words, without brackets, and with the tokens'
// bytes or without.
func (r *Reply) appendEntries(dst []byte, choice, from, to int, raw bool) []byte {
	start := len(dst)
	for k := from; k < to; k++ {
		token, words := r.tokenText(choice, k)
		if !words {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = r.appendLogprob(dst, choice, k, token, raw)
	}
	return dst
}

// appendLogprob appends the entry of one token.
func (r *Reply) appendLogprob(dst []byte, choice, k int, token []byte, raw bool) []byte {
	odds := r.odds(choice, k)
	dst = appendOdd(append(dst, '{'), token, odds.chosen(), raw)
	dst = append(dst, `,"top_logprobs":[`...)
	for j := range r.TopLogprobs {
		if j == 0 {
			dst = appendOdd(append(dst, '{'), token, odds.chosen(), raw)
		} else {
			dst = appendOdd(append(dst, `,{`...), odds.other(token, j), odds.behind(j), raw)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// appendOdd appends the members that every entry has.
func appendOdd(dst, token []byte, micros int64, raw bool) []byte {
	dst = appendQuoted(append(dst, `"token":`...), string(token))
	dst = appendMicros(append(dst, `,"logprob":`...), micros)
	if !raw {
		return dst
	}
	dst = append(dst, `,"bytes":[`...)
	for i, b := range token {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']')
}

// odds is what log probabilities are made of: in millionths, so that every machine writes the same.
type odds uint64

func (r *Reply) odds(choice, k int) odds {
	return odds(mix(r.Key + uint64(choice)<<32 + golden*uint64(k+1)))
}

// chosen is the log probability of what was said, between -0.5 and -0.031: with all that is behind it there is less than 1.
func (o odds) chosen() int64 { return -31_000 - int64(o%469_000) }

// behind is that of the jth alternative, from 1, each an e-fold less likely.
func (o odds) behind(j int) int64 {
	return -3_000_000 - int64(j)*1_000_000 - int64(mix(uint64(o)+uint64(j))%1_000_000)
}

// other is the jth alternative, from 1: a word that is not the token.
func (o odds) other(token []byte, j int) []byte {
	word := words[(uint64(o)%uint64(len(words))+uint64(2*j))%uint64(len(words))]
	if string(bytes.TrimSpace(token)) == word {
		word = words[(uint64(o)%uint64(len(words))+uint64(2*j+1))%uint64(len(words))]
	}
	return append([]byte{' '}, word...)
}

// appendMicros appends a negative number of millionths as a decimal.
func appendMicros(dst []byte, v int64) []byte {
	v = -v
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, v/1_000_000, 10)
	digits := strconv.AppendInt(nil, 1_000_000+v%1_000_000, 10)
	return append(append(dst, '.'), digits[1:]...)
}

// appendOldLogprobs appends the log probabilities of a completions choice, as lists. offset is where the first token
// begins, in characters from the beginning of the prompt; the end is returned.
func (r *Reply) appendOldLogprobs(dst []byte, choice, from, to, offset int) (_ []byte, end int) {
	var offsets, chances, tokens, tops []byte
	for k := from; k < to; k++ {
		token, words := r.tokenText(choice, k)
		if !words {
			continue
		}
		if tokens != nil {
			offsets, chances, tokens, tops = append(offsets, ','), append(chances, ','), append(tokens, ','), append(tops, ',')
		}
		odds := r.odds(choice, k)
		offsets = strconv.AppendInt(offsets, int64(offset), 10)
		chances = appendMicros(chances, odds.chosen())
		tokens = appendQuoted(tokens, string(token))
		tops = appendMicros(append(appendQuoted(append(tops, '{'), string(token)), ':'), odds.chosen())
		for j := 1; j < r.TopLogprobs; j++ {
			tops = appendMicros(append(appendQuoted(append(tops, ','), string(odds.other(token, j))), ':'), odds.behind(j))
		}
		tops = append(tops, '}')
		offset += len([]rune(string(token)))
	}
	dst = append(append(dst, `{"text_offset":[`...), offsets...)
	dst = append(append(dst, `],"token_logprobs":[`...), chances...)
	dst = append(append(dst, `],"tokens":[`...), tokens...)
	if r.TopLogprobs == 0 {
		return append(dst, `],"top_logprobs":null}`...), offset
	}
	dst = append(append(dst, `],"top_logprobs":[`...), tops...)
	return append(dst, "]}"...), offset
}
