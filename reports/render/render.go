// Package render turns a run's result into files: text for a terminal,
// Markdown, JSON, JUnit XML and a web page. It owns how things look and how
// foreign text is escaped; it refuses to compute a figure, and it never
// touches a file, a clock or the network.
package render

import "foundrylab/internal/record"

// Format is one way to write a result.
type Format struct {
	Name   string // as a user asks for it
	File   string // the file name it is usually given
	Doc    string // one line
	Render func(*record.Result) ([]byte, error)
}

// All are the formats, in the order they are documented. A new one is a new
// file and a line here.
var All = [...]Format{
	{"text", "report.txt", "Summary for a terminal, at most 110 columns, without colour.", plainText},
	{"md", "report.md", "Markdown for a GitHub step summary or a pull request.", markdown},
	{"json", "report.json", "Everything, for programs and for comparing runs; versioned.", JSON},
	{"junit", "junit.xml", "JUnit XML for CI: one test case for each assertion.", JUnit},
	{"html", "report.html", "One page with charts that works offline.", HTML},
}

func plainText(r *record.Result) ([]byte, error) { return Text(r, TextOptions{}), nil }

func markdown(r *record.Result) ([]byte, error) { return Markdown(r), nil }
