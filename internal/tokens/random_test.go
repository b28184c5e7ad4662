package tokens

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// texts draws strings from all that the vocabularies' patterns and a decoder of UTF-8 have to tell apart.
type texts struct {
	*rand.Rand
	vocab string // the bytes of a vocabulary
}

var fragments = map[string][]string{
	"contractions": strings.Fields(`'s 't 're 've 'm 'll 'd 'S 'T 'RE 'VE 'M 'LL 'D 'Re 'rE 'vE 'lL 'Ll ' '' 'r 'l 'v 'x ’s 'ſ 'K 'ſe I'm we'Re DON'T o'clock rock'n'roll`),
	"spaces": {" ", "  ", "   ", "\n", "\r", "\r\n", "\n\n", " \n", "\n ", "\n \n", "\t", "\t\n", "\v", "\f", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f",
		"\u3000", "\u200b", "\ufeff", "\x1c", "\x1f", "\x00"},
	"digits":  {"0", "7", "12", "345", "6789", "3.14", "1,000", "٣", "८", "²", "Ⅷ", "½", "𝟘", "㊿", "〇", "１２３４"},
	"words":   strings.Fields(`the a I Hello WORLD HTTPServer camelCase iPhone x1y2 naïve straße ÀÉÎ éàü ǅ ǈungla ʰa ª º İI ıi ſ ﬁn ΑΒΓ αβγ Привет МИР שלום مرحبا สวัสดี नमस्ते 日本語 ひらがな カタカナー 中文 한국어 𐐀𐐨 𝒜𝒷 ꓐꓑ`),
	"marks":   {"\u0301", "e\u0301", "\u0301\u0302", "\u20dd", "\u0903", "\u0e33", "\ufe0f", "\u200d", "\U0001e2ae", "A\u0301B", "\u0301AB", "!\u0301"},
	"emoji":   {"🙂", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "❤️", "⌚", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☺", "™"},
	"signs":   {"!", "?!", "...", "/", "//", "/*", "*/", "-", "--", "==", "->", "::", "{", "}", "();", "<", ">", "\"", "`", "_", "$", "€", "+", "…", "—", "„", "/\n", "\n/", "!\r\n/"},
	"special": {"<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|im_start|>", "<|im_end|>", "<|endof", "text|>", "<|", "|>"},
	"invalid": {"\xff", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xf8", "\ufffd", "\xc3\xc3\xa9", "a\xcc"},
	"code":    {"func main() {\n\t", "if (x) {\n    return;\n}\n", "import os\n", "https://a.b/c?d=e&f=1", "a@b.de", "SELECT * FROM t;", "\\u00e9", "0x1F", "<div class=\"a\">"},
}

// kinds are fragments' keys in a fixed order: draws depend on the seed alone.
var kinds = []string{"contractions", "spaces", "digits", "words", "marks", "emoji", "signs", "special", "invalid", "code"}

func pick[T any](r texts, from []T) T { return from[r.IntN(len(from))] }

// text is 1 to 12 parts.
func (r texts) text() string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		b.WriteString(r.part())
		if r.IntN(3) == 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func (r texts) part() string {
	switch r.IntN(10) {
	case 0: // part of the vocabulary, from anywhere to anywhere
		at := r.IntN(len(r.vocab) - 16)
		return r.vocab[at : at+1+r.IntN(16)]
	case 1: // any character at all
		return string(rune(r.IntN(unicode.MaxRune + 1)))
	case 2: // letters without sense
		word := make([]byte, 1+r.IntN(12))
		for i := range word {
			word[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[r.IntN(52)]
		}
		return string(word)
	case 3: // any bytes
		bytes := make([]byte, 1+r.IntN(6))
		for i := range bytes {
			bytes[i] = byte(r.IntN(256))
		}
		return string(bytes)
	case 4: // a run
		return strings.Repeat(pick(r, fragments[pick(r, kinds)]), 2+r.IntN(9))
	case 5: // a run of several of one kind
		var b strings.Builder
		kind := fragments[pick(r, kinds)]
		for range 2 + r.IntN(6) {
			b.WriteString(pick(r, kind))
		}
		return b.String()
	}
	return pick(r, fragments[pick(r, kinds)])
}
