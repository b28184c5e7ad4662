package yamlconf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one mistake in a document.
type Problem struct {
	File string // as given to Parse, or "--set path=value"
	Line int    // from 1; 0 when File is a --set flag
	Col  int    // from 1; 0 when unknown
	Path string // such as tenants[2].arrivals.rate; "" for the whole document
	Msg  string // what is wrong and what to do
}

// String returns "file:line:col: path: msg" without the parts that are unknown,
// and with spaces for line breaks and other control characters.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	for _, n := range [...]int{p.Line, p.Col} {
		if n > 0 {
			fmt.Fprintf(&b, ":%d", n)
		}
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Msg)
	return strings.Map(spaceForControl, b.String())
}

func spaceForControl(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// Problems are the mistakes of one document, those of the file by line, then
// those of --set flags. It is an error only when it is not empty.
type Problems []Problem

// Error returns one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what one document can make us report.
const maxProblems = 1000

// findings collects problems; those over the bound are only counted.
type findings struct {
	list Problems
	more int
}

func (f *findings) add(p Problem) {
	if len(f.list) == maxProblems {
		f.more++
		return
	}
	f.list = append(f.list, p)
}

func (f *findings) count() int { return len(f.list) + f.more }

// sorted returns the problems in their order, and says how many are not shown.
func (f *findings) sorted() Problems {
	slices.SortStableFunc(f.list, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(fromSet(a), fromSet(b)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Col, b.Col),
			strings.Compare(a.File, b.File),
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Msg, b.Msg),
		)
	})
	if f.more > 0 {
		last := f.list[len(f.list)-1]
		last.Path, last.Msg = "", fmt.Sprintf("and %d more problems", f.more)
		f.list = append(f.list, last)
	}
	return f.list
}

func fromSet(p Problem) int {
	if p.Line == 0 {
		return 1
	}
	return 0
}

// clip shortens what a document says before it goes into a message.
func clip(s string) string {
	const show = 60
	if len(s) > show {
		return strings.ToValidUTF8(s[:show], "") + "..."
	}
	return s
}

// quoted shows a document's text in a message.
func quoted(s string) string { return strconv.Quote(clip(s)) }
