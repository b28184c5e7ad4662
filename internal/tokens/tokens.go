// Package tokens counts tokens: exactly, with the public byte-pair vocabularies, and as the service estimates them.
//
// It owns the choice of vocabulary for a model, the chat rule and the estimate. It refuses requests, quotas and
// prices: a caller hands it text. Everything works offline and is safe for concurrent use.
package tokens

// Counter counts the tokens of a text. Implementations are safe for concurrent use and never fail.
type Counter interface{ Count(text string) int }

// Estimate is the service's own estimate of the prompt tokens of one text part, from its characters (code points):
// floor(chars/4) + 1. Rate limits are charged with it; it is not the billed number.
func Estimate(chars int) int { return chars/4 + 1 }

// EstimateParts is the sum of Estimate over the text parts of a request, as in ops.Peeked.PartChars.
func EstimateParts(partChars []int) int {
	total := 0
	for _, chars := range partChars {
		total += Estimate(chars)
	}
	return total
}
