// Package assert is the assertion language of scenario files: one boolean
// expression over a record.Result, such as
//
//	failover("ptu-outage").time_to_recover < 5s
//
// It owns what the language can see (the table All), its literals with units
// and the rule that a missing value never helps an assertion to pass. It
// refuses to know how a run was made: a live, a virtual and a merged run are
// judged alike. It refuses as well what could not fail or could be read in two
// ways: unknown names and fields, nil, a percentage beside a duration, an
// expression that looks at nothing measured.
//
// Numbers are float64 only because the expression machine computes with them:
// each is an integer of the record divided by a constant, correctly rounded,
// and therefore equal to the literal that spells the same decimal.
package assert

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"foundrylab/internal/record"
)

// MaxSource and MaxNodes bound one assertion: its bytes, and the nodes of its
// syntax tree. MaxNesting bounds conditions within conditions, since each
// level multiplies the work by the number of tenants.
const (
	MaxSource  = 2000
	MaxNodes   = 500
	MaxNesting = 2
)

// Names are the names of the scenario that an assertion is written for.
type Names struct{ Tenants, Backends, Faults []string }

// Severity says what a failed assertion means for the verdict of the run.
type Severity string

// The severities. The zero value counts as Error.
const (
	Error Severity = "error" // the run fails
	Warn  Severity = "warn"  // the report says so, the run may still pass
)

// Program is one compiled assertion. Set Severity before the first use; apart
// from that it does not change, so it may be used concurrently.
type Program struct {
	Severity Severity

	source      string
	lazy        *vm.Program // and, or stop early: gives the verdict
	eager       *vm.Program // and, or do not: gives every measured value
	comparisons []comparison
	terms       int // parts of the top-level and/or chain
}

// String returns the assertion as it was written, without the space around it.
func (p *Program) String() string { return p.source }

// Judge evaluates the assertion. It fails, and Value says why, also where it
// cannot be evaluated (an index out of range, a division of integers by zero).
func (p *Program) Judge(res *record.Result) record.Assertion {
	a := record.Assertion{Expr: p.source, Severity: string(p.severity())}
	verdict := judgement{program: p, values: make([]string, p.terms), witness: make([]string, p.terms)}
	pass, err := verdict.run(p.lazy, res)
	if err != nil {
		a.Value = "error: " + message(err)
		return a
	}
	// An operand that was skipped above may be one that cannot be evaluated,
	// so an error here only leaves its value out.
	shown := judgement{program: p, values: make([]string, p.terms), witness: make([]string, p.terms)}
	_, _ = shown.run(p.eager, res)
	for i, v := range shown.values {
		if v == "" {
			shown.values[i] = "not evaluated"
		}
	}
	a.Value = strings.Join(shown.values, ", ")
	if verdict.missing != "" {
		a.Value += " (incomplete: " + verdict.missing + ")"
	}
	a.Pass = pass && verdict.missing == ""
	return a
}

func (p *Program) severity() Severity {
	if p.Severity == Warn {
		return Warn
	}
	return Error
}

// judgement is the state of one evaluation.
type judgement struct {
	program *Program
	values  []string // per term, "" until it was evaluated
	witness []string // per term, the first element for which its all() failed
	missing string   // what was missing where neither true nor false is the safe answer
}

func (j *judgement) run(code *vm.Program, res *record.Result) (pass bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			pass, err = false, fmt.Errorf("%v", r)
		}
	}()
	out, err := vm.Run(code, environment(res, j))
	if err != nil {
		return false, err
	}
	return out.(bool), nil
}

// compare is what every comparison of the source was compiled into; who names
// the element that the enclosing all() looks at, if there is one.
func (j *judgement) compare(i int, left, right any, who string) bool {
	c := &j.program.comparisons[i]
	var holds bool
	switch {
	case !isMissing(left) && !isMissing(right):
		holds = c.holds(left, right)
	case c.polarity == 0:
		j.missing = c.absent(left)
	default:
		holds = c.polarity < 0 // whatever is worse for the assertion
	}
	switch {
	case c.shown:
		j.values[c.term] = c.text(left, right)
	case who != "" && !holds && j.witness[c.term] == "":
		j.witness[c.term] = " (" + who + " " + c.text(left, right) + ")"
	}
	return holds
}

// term records a part of the top-level chain that is not a comparison.
func (j *judgement) term(i int, holds bool) bool {
	j.values[i] = strconv.FormatBool(holds)
	if !holds {
		j.values[i] += j.witness[i]
	}
	return holds
}

// message is an error of the expression machine without its drawing.
func message(err error) string {
	text := err.Error()
	var at *file.Error
	if errors.As(err, &at) {
		text = at.Message
	}
	return oneLine(strings.NewReplacer("assert.", "", "float64", "number").Replace(text))
}
