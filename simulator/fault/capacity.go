package fault

import (
	"fmt"

	"foundrylab/internal/unit"
)

// Capacity lowers the limits of a deployment, as the service does for a while
// when capacity is short.
type Capacity struct {
	Share unit.Ratio `yaml:"share" required:"true" doc:"of its TPM and RPM, or PTU, that is left, such as 50%"`
}

// Validate implements yamlconf.Validator.
func (c Capacity) Validate(fail func(path, format string, args ...any)) {
	if c.Share == 0 || c.Share >= unit.One {
		fail("share", "must be above 0 and below 100%%")
	}
}

var capacityKind = Kind{
	Name:    "capacity",
	Help:    "The limits are a share of those configured while it lasts: tokens and requests of a standard deployment, drain and size of a provisioned one. What was used stays used, and the headers show the lower limits. Of several the lowest share counts.",
	Example: "capacity: {share: 50%}",
	asked:   Config{Capacity: &Capacity{Share: unit.One / 2}},
	compile: func(c Config, r *Rule) bool {
		if c.Capacity == nil {
			return false
		}
		r.Share = int32(c.Capacity.Share)
		return true
	},
	value: func(text string, given bool) (int32, error) {
		share := unit.One / 2
		if given && (share.UnmarshalText([]byte(text)) != nil || share == 0 || share >= unit.One) {
			return 0, fmt.Errorf("capacity takes a share above 0 and below 100%%, such as capacity=10%%")
		}
		return int32(share), nil
	},
	apply: func(r *Rule, share int32) { r.Share = share },
}
