package render

import (
	"encoding/xml"
	"fmt"
	"strconv"

	"foundrylab/internal/record"
	"foundrylab/reports/section"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes r as JUnit XML: the suite is the scenario, a case an assertion.
// An assertion of severity warn passes and says so in its output. A void or
// interrupted run is one case with an error, since its assertions mean
// nothing. There is no host and no date, so equal results give equal bytes.
func JUnit(r *record.Result) ([]byte, error) {
	s := junitSuite{Name: clean(r.Scenario), Time: seconds(r.DurationMs), Cases: junitCases(r)}
	s.Tests = len(s.Cases)
	for _, c := range s.Cases {
		if c.Failure != nil {
			s.Failures++
		}
		if c.Error != nil {
			s.Errors++
		}
	}
	out, err := xml.MarshalIndent(junitSuites{Suite: s}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding JUnit XML: %w", err)
	}
	return append([]byte(xml.Header), append(out, '\n')...), nil
}

func junitCases(r *record.Result) []junitCase {
	class := clean(r.Scenario)
	if r.Verdict != "pass" && r.Verdict != "fail" || r.Interrupted {
		why := voidReason(r)
		return []junitCase{{Class: class, Name: "the run counts", Error: &junitProblem{Message: why, Type: "void", Text: why}}}
	}
	if len(r.Assertions) == 0 {
		return []junitCase{{Class: class, Name: "the run counts", Out: "The scenario asserts nothing."}}
	}
	var out []junitCase
	for _, a := range r.Assertions {
		c := junitCase{Class: class, Name: clean(a.Expr)}
		word, _ := section.AssertionWord(a)
		measured := "measured " + clean(a.Value)
		switch word {
		case "fail":
			c.Failure = &junitProblem{Message: measured, Type: "assertion", Text: clean(a.Expr) + "\n" + measured}
		case "warn":
			c.Out = "warning, does not fail the run: " + measured
		default:
			c.Out = measured
		}
		out = append(out, c)
	}
	return out
}

// voidReason says why a run does not count, interrupted ones with a verdict
// included.
func voidReason(r *record.Result) string {
	if r.Verdict == "pass" || r.Verdict == "fail" {
		return "The run was stopped before its end."
	}
	return section.Sentence(r)
}

// seconds prints a span in seconds with three decimals.
func seconds(m record.Millis) string {
	ms := max(int64(m), 0) / 1000
	return strconv.FormatInt(ms/1000, 10) + "." + strconv.FormatInt(ms%1000+1000, 10)[1:]
}
