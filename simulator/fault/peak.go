package fault

// Peak is a time at which the service has no capacity to spare.
type Peak struct{}

var peakKind = Kind{
	Name:    "peak",
	Help:    "Demand is at its peak: requests in the tier priority are served as default ones, those in the tier flex get a 429. All others notice nothing.",
	Example: "peak: {}",
	asked:   Config{Peak: &Peak{}},
	compile: func(c Config, r *Rule) bool {
		if c.Peak == nil {
			return false
		}
		r.Peak = true
		return true
	},
}
