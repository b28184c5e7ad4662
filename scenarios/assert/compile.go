package assert

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"foundrylab/internal/record"
)

const tooLarge = "the assertion has more than %d parts: split it"

// Compile reads one assertion. Its error is one line that begins with the
// column (in characters, from 1) and, beyond the first, the line.
func Compile(src string, names Names) (p *Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("column 1: the assertion cannot be compiled: %s", oneLine(fmt.Sprint(r)))
		}
	}()
	if len(src) > MaxSource {
		return nil, fmt.Errorf("column 1: the assertion has %d bytes, %d are allowed: split it", len(src), MaxSource)
	}
	if !utf8.ValidString(src) {
		return nil, errors.New("column 1: the assertion is not UTF-8")
	}
	p, err = compile(src, names)
	if m := (*mistake)(nil); errors.As(err, &m) {
		return nil, fmt.Errorf("%s: %s", position(src, m.at), oneLine(m.text))
	}
	return p, err
}

func compile(src string, names Names) (*Program, error) {
	s, err := rewrite(src)
	if err != nil {
		return nil, err
	}
	if err := checkCalls(s); err != nil {
		return nil, err
	}
	config := language()
	tree, err := parser.ParseWithConfig(s.text, config)
	if err != nil {
		return nil, s.mistakeOf(err)
	}
	if err := admit(tree.Node, s); err != nil {
		return nil, err
	}
	kindOf, typeErr := checker.Check(tree, config)
	if err := inspect(tree.Node, s, names); err != nil {
		return nil, err
	}
	if typeErr != nil {
		return nil, s.mistakeOf(typeErr)
	}
	if kindOf.Kind() != reflect.Bool {
		return nil, &mistake{0, "the assertion must come to true or false: compare the value with something"}
	}
	pass := judging{source: s}
	pass.walk(&tree.Node, place{term: undecided, polarity: 1})
	if pass.err != nil {
		return nil, pass.err
	}
	p := &Program{source: strings.TrimSpace(src), comparisons: pass.comparisons, terms: pass.terms}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, s.mistakeOf(err)
	}
	if p.lazy, err = compiler.Compile(tree, config); err != nil {
		return nil, s.mistakeOf(err)
	}
	config.ShortCircuit = false
	if p.eager, err = compiler.Compile(tree, config); err != nil {
		return nil, s.mistakeOf(err)
	}
	return p, nil
}

// language configures the expression machine: the names of the table, and the
// aggregates that know missing values instead of the machine's own.
func language() *conf.Config {
	config := conf.New(environment(&record.Result{}, &judgement{}))
	config.Optimize = false
	config.MaxNodes = MaxNodes
	for _, a := range aggregates {
		fold := a.fold
		config.Functions[a.name] = &builtin.Function{
			Name:  a.name,
			Func:  func(args ...any) (any, error) { return aggregate(fold, args) },
			Types: []reflect.Type{reflect.TypeFor[func(...any) float64]()},
		}
	}
	return config
}

// mistakeOf moves an error of the expression machine to the original source.
func (s *source) mistakeOf(err error) error {
	m := &mistake{text: message(err)}
	var at *file.Error
	if errors.As(err, &at) {
		m.at = s.offset(at.From)
	}
	switch {
	case strings.HasPrefix(m.text, "unexpected token EOF"):
		m.text = "unexpected end of the assertion"
	case m.text == `unexpected token Operator("=")`:
		m.text = "unexpected =: equality is written =="
	case strings.Contains(m.text, "exceeds maximum allowed nodes"):
		m.text = fmt.Sprintf(tooLarge, MaxNodes)
	}
	return m
}

// position prints an offset for a reader.
func position(src string, at int) string {
	line, column := 1, 1
	for i, c := range []rune(src) {
		if i == at {
			break
		}
		column++
		if c == '\n' {
			line++
			column = 1
		}
	}
	if line > 1 {
		return fmt.Sprintf("line %d, column %d", line, column)
	}
	return fmt.Sprintf("column %d", column)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
