package fault

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
		r.Status = uint16(c.Status.Code)
		return true
	},
}
