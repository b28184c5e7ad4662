package fault

import "foundrylab/internal/record"

// Outage takes the deployment off the network.
type Outage struct {
	Mode string `yaml:"mode" default:"reset" enum:"reset" doc:"how connections end: reset closes them without an answer"`
}

var outageKind = Kind{
	Name:    "outage",
	Help:    "Connections are closed without an answer, and streams that are running when it begins are cut.",
	Example: "outage: {mode: reset}",
	asked:   Config{Outage: &Outage{Mode: "reset"}},
	compile: func(c Config, r *Rule) bool {
		if c.Outage == nil {
			return false
		}
		r.Refuse, r.CutStreams = record.OutageFault, true
		return true
	},
}
