package render

import (
	"html"
	"strings"
	"unicode"
)

// clean makes foreign text fit for one line: white space becomes a blank, and
// what could steer a terminal or reorder a line (control and format
// characters, broken UTF-8) becomes U+FFFD.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// cleanLines is clean, line by line.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = clean(l)
	}
	return strings.Join(lines, "\n")
}

// mdText makes foreign text plain inside Markdown, table cells included.
func mdText(s string) string {
	var out strings.Builder
	for _, r := range clean(s) {
		if strings.ContainsRune("\\`*_[]<>|~#&$@", r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	s = strings.ReplaceAll(out.String(), "://", `\://`) // no links of their own
	return strings.ReplaceAll(s, "www.", `www\.`)
}

// mdCode sets foreign text as code inside a Markdown table cell, or plain
// where it holds \|, which no code span in a table can.
func mdCode(s string) string {
	if strings.Contains(s, `\|`) {
		return mdText(s)
	}
	s = strings.ReplaceAll(clean(s), "|", `\|`)
	if strings.TrimSpace(s) == "" {
		return ""
	}
	ticks := strings.Repeat("`", longestRun(s)+1)
	if s[0] == '`' || s[len(s)-1] == '`' {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// mdFence sets foreign lines as a block of code.
func mdFence(s, language string) string {
	fence := strings.Repeat("`", max(longestRun(s)+1, 3))
	return fence + language + "\n" + strings.TrimRight(cleanLines(s), "\n") + "\n" + fence + "\n"
}

// longestRun is the longest run of backticks in s.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// mdSummary makes foreign text plain inside an HTML element of Markdown.
func mdSummary(s string) string { return html.EscapeString(clean(s)) }

// width is how many cells of a terminal s takes.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// runeWidth follows the East Asian Width classes W and F in their main blocks.
func runeWidth(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// wrap cuts s into pieces at most w cells wide, at blanks where it can. w is
// at least 2, so that the widest rune fits.
func wrap(s string, w int) []string {
	var out []string
	for width(s) > w {
		cut, blank, used := 0, 0, 0
		for i, r := range s {
			used += runeWidth(r)
			if used > w {
				cut = i
				break
			}
			if r == ' ' {
				blank = i
			}
		}
		if s[cut] != ' ' && blank > 0 {
			cut = blank
		}
		out = append(out, s[:cut])
		s = strings.TrimLeft(s[cut:], " ")
	}
	if s != "" || len(out) == 0 {
		out = append(out, s)
	}
	return out
}
