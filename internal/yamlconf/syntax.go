package yamlconf

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxProblem turns an error of the YAML library, "yaml: line 3: what is
// wrong", into a problem on the line where a person should look.
func syntaxProblem(file string, src []byte, err error) Problem {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1 // which the library leaves out
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, msg = n, text
			if strings.HasPrefix(msg, "did not find expected ") {
				// The library names the line before the one where the block
				// or bracket began, however long it is.
				line, msg = linesRead(src), msg+nearby
			}
		}
	} else if name, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name, _, _ = strings.Cut(name, "'")
		before, _, _ := bytes.Cut(src, []byte("*"+name))
		line = 1 + bytes.Count(before, []byte("\n"))
	} else if strings.Contains(msg, "control characters") || strings.Contains(msg, "UTF-") {
		line = linesRead(src)
	}
	if indentedByTab(src, line) {
		msg += " (indent with spaces, not tabs)"
	}
	return Problem{File: file, Line: line, Msg: "not valid YAML: " + msg}
}

// nearby admits that linesRead may be one line too far.
const nearby = " on this line or just above"

// linesRead returns how many lines the YAML library asks for before it fails:
// up to the one with the mistake, or one more.
func linesRead(src []byte) int {
	reader := &lineReader{rest: src}
	decoder := yaml.NewDecoder(reader)
	for {
		if decoder.Decode(new(yaml.Node)) != nil {
			return max(reader.lines, 1)
		}
	}
}

// lineReader hands out at most one line per Read.
type lineReader struct {
	rest    []byte
	lines   int // begun so far
	midLine bool
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	if !r.midLine {
		r.lines++
	}
	line := r.rest
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	}
	n := copy(p, line)
	r.midLine = r.rest[n-1] != '\n'
	r.rest = r.rest[n:]
	return n, nil
}

// indentedByTab tells a line that begins with a tab, maybe after spaces.
func indentedByTab(src []byte, line int) bool {
	lines := bytes.SplitN(src, []byte("\n"), line+1)
	return line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t"))
}
