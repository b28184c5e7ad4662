package fault

import (
	"fmt"
	"strconv"

	"foundrylab/internal/record"
)

// WrongLength announces another length than the body has.
type WrongLength struct {
	By int `yaml:"by" default:"100" min:"-1000" max:"1000" doc:"bytes by which Content-Length is too large; negative: too small"`
}

// Validate implements yamlconf.Validator.
func (w WrongLength) Validate(fail func(path, format string, args ...any)) {
	if w.By == 0 {
		fail("by", "must not be 0: then nothing is wrong")
	}
}

var wrongLengthKind = Kind{
	Name:    "wrong_length",
	Help:    "The Content-Length of answers to requests that arrive while it lasts is wrong: larger than the body, after which the connection closes, or smaller, so that the body is half a JSON object to whoever believes it. Streams have no length and are not struck.",
	Example: "wrong_length: {by: 100}",
	asked:   Config{WrongLength: &WrongLength{By: 100}},
	compile: func(c Config, r *Rule) bool {
		if c.WrongLength == nil {
			return false
		}
		r.Break, r.Off, r.OnWhole = record.WrongLengthFault, int32(c.WrongLength.By), true
		return true
	},
	value: func(text string, given bool) (int32, error) {
		if !given {
			return 100, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n == 0 || n < -1000 || n > 1000 {
			return 0, fmt.Errorf("wrong_length takes the bytes it is off by, from -1000 to 1000 and not 0, such as wrong_length=-100")
		}
		return int32(n), nil
	},
	apply: func(r *Rule, by int32) { r.Off = by },
}
