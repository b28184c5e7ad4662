package arrival

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Trace plays recorded arrivals.
type Trace struct {
	File     string     `yaml:"file" required:"true" doc:"CSV in the format of the Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens; relative to the scenario's file"`
	Compress unit.Ratio `yaml:"compress" default:"1" doc:"time between arrivals is divided by this; lengths stay; 0.001 to 1000"`
}

// Validate implements yamlconf.Validator.
func (t Trace) Validate(fail func(path, format string, args ...any)) {
	if t.Compress < 1_000 || t.Compress > 1_000_000_000 {
		fail("compress", "must be between 0.001 and 1000")
	}
}

// Row is one recorded request.
type Row struct {
	At     time.Duration // from the first row
	Prompt int32
	Output int32
}

var traceKind = Kind{
	Name:    "trace",
	Help:    "Recorded arrivals with their prompt and output lengths. Compressing divides the gaps and keeps their shape.",
	Example: "trace: {file: traces/sample.csv, compress: 10}",
	start: func(c Config, _ rng.Stream, rows []Row) Process {
		if c.Trace == nil {
			return nil
		}
		return &replay{rows: rows, compress: int64(c.Trace.Compress)}
	},
}

type replay struct {
	rows     []Row
	compress int64
	n        int
}

func (r *replay) Next() (Arrival, bool) {
	if r.n >= len(r.rows) {
		return Arrival{}, false
	}
	row := r.rows[r.n]
	r.n++
	return Arrival{At: time.Duration(tick.MulDiv(int64(row.At), 1_000_000, r.compress)), Prompt: row.Prompt, Output: row.Output}, true
}

// Bounds of a trace file.
const (
	maxTraceRows = 5_000_000
	maxTokens    = 2_000_000
)

const traceHeader = "TIMESTAMP,ContextTokens,GeneratedTokens"

// Broken is a row of a trace file that cannot be used.
type Broken struct {
	Line int
	Msg  string
}

func (b *Broken) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Msg) }

// ParseTrace reads a trace file. It stops at the first broken row, since a
// truncated file is no trace; the error is a *Broken.
func ParseTrace(src []byte) ([]Row, error) {
	var rows []Row
	var first time.Time
	for line := 1; len(src) > 0; line++ {
		var text []byte
		text, src, _ = bytes.Cut(src, []byte("\n"))
		text = bytes.TrimRight(text, "\r")
		if line == 1 {
			if string(bytes.TrimPrefix(text, []byte("\ufeff"))) != traceHeader {
				return nil, &Broken{1, fmt.Sprintf("the header must be %s, found %.60q", traceHeader, text)}
			}
			continue
		}
		if len(text) == 0 && len(src) == 0 {
			break
		}
		row, at, err := parseRow(text)
		if err != nil {
			return nil, &Broken{line, err.Error()}
		}
		if len(rows) == 0 {
			first = at
		}
		row.At = at.Sub(first)
		if n := len(rows); n > 0 && row.At < rows[n-1].At {
			return nil, &Broken{line, "is earlier than the row before it; sort the file by TIMESTAMP"}
		}
		if rows = append(rows, row); len(rows) > maxTraceRows {
			return nil, &Broken{line, fmt.Sprintf("more than %d rows", maxTraceRows)}
		}
	}
	if len(rows) == 0 {
		return nil, &Broken{1, "no rows"}
	}
	return rows, nil
}

func parseRow(text []byte) (Row, time.Time, error) {
	fields := bytes.Split(text, []byte(","))
	if len(fields) != 3 {
		return Row{}, time.Time{}, fmt.Errorf("needs 3 fields, has %d: %.60q (a truncated file?)", len(fields), text)
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999999", string(fields[0]))
	if err != nil {
		return Row{}, at, fmt.Errorf("TIMESTAMP %.40q is not like 2023-11-16 18:17:03.9799600", fields[0])
	}
	prompt, err := parseTokens("ContextTokens", fields[1])
	if err != nil {
		return Row{}, at, err
	}
	output, err := parseTokens("GeneratedTokens", fields[2])
	return Row{Prompt: prompt, Output: output}, at, err
}

func parseTokens(column string, field []byte) (int32, error) {
	n, err := strconv.ParseInt(string(field), 10, 32)
	if err != nil || n < 0 || n > maxTokens {
		return 0, fmt.Errorf("%s %.20q is not a whole number from 0 to %d", column, field, maxTokens)
	}
	return int32(n), nil
}
