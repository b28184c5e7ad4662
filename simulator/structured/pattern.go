package structured

import (
	"regexp/syntax"
	"unicode"
)

// matching makes a string that a pattern matches. spread is how many more than the least an open repeat may have.
func (c *choice) matching(p *pattern, spread int) string {
	re, err := syntax.Parse(p.source, syntax.Perl)
	if err != nil { // it was compiled before
		return ""
	}
	var s []rune
	c.write(re, min(spread, 64), &s)
	return string(s)
}

func (c *choice) write(re *syntax.Regexp, spread int, out *[]rune) {
	if len(*out) > maxText {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		*out = append(*out, re.Rune...)
	case syntax.OpCharClass:
		*out = append(*out, c.oneOfClass(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		*out = append(*out, rune('a'+c.below(26)))
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			c.write(sub, spread, out)
		}
	case syntax.OpAlternate:
		c.write(re.Sub[c.below(len(re.Sub))], spread, out)
	case syntax.OpStar:
		c.repeat(re.Sub[0], 0, -1, spread, out)
	case syntax.OpPlus:
		c.repeat(re.Sub[0], 1, -1, spread, out)
	case syntax.OpQuest:
		c.repeat(re.Sub[0], 0, 1, spread, out)
	case syntax.OpRepeat:
		c.repeat(re.Sub[0], re.Min, re.Max, spread, out)
	}
}

func (c *choice) repeat(sub *syntax.Regexp, least, most, spread int, out *[]rune) {
	more := spread
	if most >= 0 {
		more = min(spread, most-least)
	}
	for range least + c.below(more+1) {
		c.write(sub, spread, out)
	}
}

// oneOfClass draws from a character class: from what is printed plainly, where the class has such.
func (c *choice) oneOfClass(ranges []rune) rune {
	var plain []rune
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := max(ranges[i], ' '); r <= min(ranges[i+1], '~'); r++ {
			plain = append(plain, r)
		}
	}
	if len(plain) > 0 {
		return plain[c.below(len(plain))]
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if unicode.IsPrint(r) {
				return r
			}
		}
	}
	if len(ranges) > 0 {
		return ranges[0]
	}
	return 'a'
}
