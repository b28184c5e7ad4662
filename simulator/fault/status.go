package fault

import (
	"fmt"
	"strconv"

	"foundrylab/internal/record"
)

// Status answers with an error of the service, body included.
type Status struct {
	Code int `yaml:"code" required:"true" min:"400" max:"599" doc:"HTTP status"`
}

var statusKind = Kind{
	Name:    "status",
	Help:    "Requests are answered at once with an error status and the service's body for it. Running streams go on.",
	Example: "status: {code: 503}",
	asked:   Config{Status: &Status{Code: 500}},
	compile: func(c Config, r *Rule) bool {
		if c.Status == nil {
			return false
		}
		r.Refuse, r.Status = record.StatusFault, uint16(c.Status.Code)
		return true
	},
	value: func(text string, _ bool) (int32, error) {
		code, err := strconv.Atoi(text)
		if err != nil || code < 400 || code > 599 {
			return 0, fmt.Errorf("status needs a code from 400 to 599, such as status=503")
		}
		return int32(code), nil
	},
	apply: func(r *Rule, code int32) { r.Status = uint16(code) },
}
