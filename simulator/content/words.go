package content

// words are what answers are made of. Each is exactly one o200k_base token in three spellings: with a space before it,
// with a space and a capital, and with a capital alone; so is each sign of rhythm. Never mutated.
var words = [...]string{
	"the", "of", "and", "to", "in", "is", "that", "it", "for", "as", "with", "on", "by", "this", "be", "are",
	"from", "at", "or", "an", "have", "not", "which", "was", "can", "one", "all", "will", "more", "other", "when",
	"there", "if", "about", "some", "only", "into", "than", "time", "also", "over", "such", "new", "first", "most",
	"then", "these", "way", "any", "each", "many", "where", "may", "after", "use", "work", "between", "both",
	"under", "part", "place", "while", "same", "own", "since", "during", "before", "without", "through", "because",
	"number", "point", "again", "world", "still", "system", "small", "however", "large", "state", "early", "group",
	"run", "set", "line", "high", "open", "order", "next", "plan", "best", "test", "real", "form", "case", "data",
	"name", "value", "process", "change", "result", "different", "example", "service", "request", "response",
	"model", "token", "second", "minute", "hour", "day", "week", "month", "year", "question", "answer", "reason",
	"simple", "clear", "common", "local", "public", "general", "main", "possible", "important", "several", "few",
	"little", "long", "short", "late", "right", "left", "good", "great", "full", "whole", "half", "side", "end",
	"start", "begin", "turn", "move", "keep", "hold", "bring", "take", "give", "make", "find", "show", "tell",
	"ask", "need", "want", "help", "try", "call", "read", "write", "build", "learn", "think", "know", "see", "look",
	"feel", "become", "follow", "allow", "provide", "include", "consider", "expect", "require", "continue", "offer",
	"support", "increase", "reduce", "measure", "compare", "choose", "report", "share", "history", "power", "water",
	"light", "land", "city", "house", "family", "school", "office", "market", "price", "cost", "money", "business",
	"company", "team", "member", "person", "people", "child", "life", "health", "food", "body", "hand", "head",
	"eye", "face", "mind", "word", "language", "story", "book", "page", "image", "sound", "music", "voice", "field",
	"area", "region", "country", "nation", "rule", "policy", "control", "level", "rate", "scale", "range", "space",
	"structure", "design", "method", "practice", "research", "study", "science",
}

// rhythm tells what stands at token k modulo its length: a word that begins a sentence (^), a word (w), or the sign.
const rhythm = "^wwwwwww.^wwww,wwwww.^wwwwwwwww."

// appendToken appends token k (from 0) of a text. Every token depends on key and k alone, so any part of a text can be
// written without what precedes it. last asks for a full stop where one can stand.
func appendToken(dst []byte, key uint64, k int, last bool) []byte {
	kind := rhythm[k%len(rhythm)]
	if last && kind == 'w' && rhythm[(k-1)%len(rhythm)] != ',' {
		kind = '.'
	}
	if kind == '.' || kind == ',' {
		return append(dst, kind)
	}
	word := words[mix(key+uint64(k)*golden)%uint64(len(words))]
	if k > 0 {
		dst = append(dst, ' ')
	}
	if kind == '^' {
		dst = append(dst, word[0]-'a'+'A')
		word = word[1:]
	}
	return append(dst, word...)
}

// AppendProse appends so many tokens of plain words.
func AppendProse(dst []byte, key uint64, tokens int) []byte {
	for k := range tokens {
		dst = appendToken(dst, key, k, k == tokens-1 && k > 2)
	}
	return dst
}

// golden is 2^64 over the golden ratio, the step of SplitMix64; mix is its finalizer (Steele, Lea, Flood 2014): a
// bijection, so distinct keys stay distinct.
const golden = 0x9e3779b97f4a7c15

func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
