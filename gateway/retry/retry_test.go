package retry

import (
	"fmt"
	"strings"
	"testing"

	"foundrylab/internal/record"
)

func TestAgain(t *testing.T) {
	no := false
	byDefault := Config{Attempts: 3}
	only503 := Config{Attempts: 3, On: []int{503}, Connect: &no}
	for _, c := range []struct {
		cfg              Config
		attempts, status uint16
		outcome          record.Outcome
		want             bool
	}{
		{byDefault, 1, 0, record.Failed, true},
		{byDefault, 1, 400, record.Failed, false},
		{byDefault, 1, 401, record.Failed, true},
		{byDefault, 1, 404, record.Failed, false},
		{byDefault, 1, 408, record.Failed, true},
		{byDefault, 1, 429, record.Throttled, true},
		{byDefault, 1, 500, record.Failed, true},
		{byDefault, 1, 501, record.Failed, false},
		{byDefault, 1, 502, record.Failed, true},
		{byDefault, 1, 503, record.Failed, true},
		{byDefault, 1, 504, record.Failed, true},
		{byDefault, 1, 600, record.Failed, false},
		{byDefault, 1, 65535, record.Failed, false},
		{byDefault, 2, 503, record.Failed, true},
		{byDefault, 3, 503, record.Failed, false},
		{byDefault, 4, 503, record.Failed, false},
		{byDefault, 1, 200, record.Succeeded, false},
		{byDefault, 1, 200, record.Failed, true}, // before it began
		{only503, 1, 200, record.Failed, false},
		{Config{Attempts: 1}, 1, 503, record.Failed, false},
		{only503, 1, 0, record.Failed, false},
		{only503, 1, 429, record.Throttled, false},
		{only503, 1, 503, record.Failed, true},
	} {
		if got := Compile(c.cfg).Again(c.attempts, c.status, c.outcome); got != c.want {
			t.Errorf("%+v after %d attempts, status %d, %v: %v", c.cfg, c.attempts, c.status, c.outcome, got)
		}
	}
}

func TestValidate(t *testing.T) {
	var told []string
	fail := func(path, format string, args ...any) { told = append(told, path+": "+fmt.Sprintf(format, args...)) }
	Config{On: []int{400, 599}}.Validate(fail)
	if told != nil {
		t.Errorf("%q", told)
	}
	Config{On: []int{399, 429, 600}}.Validate(fail)
	if got := strings.Join(told, "; "); got != "on: 399 is no error status (400 to 599); on: 600 is no error status (400 to 599)" {
		t.Error(got)
	}
}
