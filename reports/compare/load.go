package compare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"foundrylab/internal/record"
)

// The largest values a report may hold: more is damage, not measurement.
const (
	MaxWindows = 1_000_000
	MaxValue   = 1 << 50
)

// Load reads a report.json. It refuses another schema version, figures out of
// range and columns that do not fit together; fields it does not know are
// skipped.
func Load(b []byte) (*record.Result, error) {
	var version struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("not a report.json: %w", place(b, err))
	}
	switch v := version.SchemaVersion; {
	case v == nil:
		return nil, errors.New("not a report.json: schema_version is missing")
	case *v > record.SchemaVersion:
		return nil, fmt.Errorf("schema_version is %d, this program reads %d: use the newer program that wrote it", *v, record.SchemaVersion)
	case *v < record.SchemaVersion:
		return nil, fmt.Errorf("schema_version is %d, this program reads %d: run the scenario again to get a new report", *v, record.SchemaVersion)
	}
	r := new(record.Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("damaged report.json: %w", place(b, err))
	}
	if err := check(r); err != nil {
		return nil, fmt.Errorf("damaged report.json: %w", err)
	}
	return r, nil
}

// place adds the line to an error that knows its offset.
func place(b []byte, err error) error {
	var offset int64
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &wrongType):
		offset = wrongType.Offset
	default:
		return err
	}
	line := 1 + bytes.Count(b[:min(offset, int64(len(b)))], []byte("\n"))
	return fmt.Errorf("line %d: %w", line, err)
}

func check(r *record.Result) error {
	switch r.Verdict {
	case "pass", "fail", "void":
	default:
		return fmt.Errorf("verdict is %q, want pass, fail or void", r.Verdict)
	}
	if err := inRange(reflect.ValueOf(r).Elem(), ""); err != nil {
		return err
	}
	return checkTimeline(&r.Timeline)
}

// inRange walks every signed figure of a result. Millis and Ratio may be
// Null; nothing else may be negative.
func inRange(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("json")
			if err := inRange(v.Field(i), path+"."+name); err != nil {
				return err
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := inRange(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case reflect.Int, reflect.Int64:
		least := int64(0)
		switch v.Interface().(type) {
		case record.Millis, record.Ratio:
			least = record.Null
		}
		if n := v.Int(); n < least || n > MaxValue {
			return fmt.Errorf("%s is out of range", path[1:])
		}
	}
	return nil
}

// checkTimeline wants every column absent or whole.
func checkTimeline(tl *record.Timeline) error {
	switch {
	case tl.Windows > MaxWindows:
		return fmt.Errorf("timeline.windows is %d, want at most %d", tl.Windows, MaxWindows)
	case tl.Windows > 0 && tl.WindowMs == 0:
		return errors.New("timeline.window_ms is 0")
	case tl.WindowMs > MaxValue/MaxWindows || tl.JainEvery > MaxValue/MaxWindows:
		return errors.New("timeline: a window is too long")
	case len(tl.Jain) > MaxWindows:
		return errors.New("timeline.jain is too long")
	}
	for i := range tl.Tenants {
		t := &tl.Tenants[i]
		for _, n := range []int{
			len(t.Offered), len(t.Succeeded), len(t.Throttled), len(t.Failed),
			len(t.CostOffered), len(t.CostServed), len(t.TTFTP50), len(t.TTFTP95),
		} {
			if n != 0 && n != tl.Windows {
				return fmt.Errorf("timeline.tenants[%d]: a column has %d elements, want none or %d", i, n, tl.Windows)
			}
		}
		if n := len(t.Satisfaction); n != 0 && n != len(tl.Jain) {
			return fmt.Errorf("timeline.tenants[%d].satisfaction has %d elements, want none or %d, as jain", i, n, len(tl.Jain))
		}
	}
	for i := range tl.Backends {
		b := &tl.Backends[i]
		for _, n := range []int{
			len(b.Attempts), len(b.Succeeded), len(b.Throttled), len(b.Failed),
			len(b.Charged), len(b.Utilization), len(b.Opened),
		} {
			if n != 0 && n != tl.Windows {
				return fmt.Errorf("timeline.backends[%d]: a column has %d elements, want none or %d", i, n, tl.Windows)
			}
		}
	}
	return nil
}
