package fault

import "foundrylab/internal/record"

// Outage takes the deployment off the network.
type Outage struct {
	Mode string `yaml:"mode" default:"reset" enum:"reset|refused|tls|unknown_host" doc:"what connecting comes to: reset closes connections without an answer; refused: nobody listens; tls: the handshake fails; unknown_host: the name does not resolve"`
}

// outages says by mode what the record calls it, and whether what runs is cut.
var outages = map[string]struct {
	why record.Reason
	cut bool
}{
	"":             {record.OutageFault, true},
	"reset":        {record.OutageFault, true},
	"refused":      {record.RefusedFault, true},
	"tls":          {record.TLSFault, false},
	"unknown_host": {record.UnknownHostFault, false},
}

// OfAddress reports whether the fault strikes an address and no requests: it
// keeps connections from coming about, and so takes every backend that is
// reached there. Only who owns the network can bring it about.
func (c Config) OfAddress() bool {
	return c.Outage != nil && outages[c.Outage.Mode].why != record.OutageFault
}

var outageKind = Kind{
	Name:    "outage",
	Help:    "Nobody answers. By `mode`, connections are reset, refused, fail in their TLS handshake, or the name is unknown. Streams that are running are cut by the first two; the other two keep only new connections from coming about. All but `reset` strike whole addresses: give the fault a `resource`, or a `region` that has all of its backends.",
	Example: "outage: {mode: reset}",
	asked:   Config{Outage: &Outage{Mode: "reset"}},
	compile: func(c Config, r *Rule) bool {
		if c.Outage == nil {
			return false
		}
		o := outages[c.Outage.Mode]
		r.Refuse, r.CutStreams = o.why, o.cut
		return true
	},
}
