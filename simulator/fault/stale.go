package fault

import "foundrylab/internal/record"

// Stale lets what the Responses API has stored be out of reach.
type Stale struct{}

var staleKind = Kind{
	Name:    "stale",
	Help:    "Stored responses cannot be found although they are there: a request with previous_response_id is answered with 400 and the code previous_response_not_found, and one about a stored response with 404. Other requests are spared, generated load among them.",
	Example: "stale: {}",
	asked:   Config{Stale: &Stale{}},
	compile: func(c Config, r *Rule) bool {
		if c.Stale == nil {
			return false
		}
		r.Refuse, r.Status, r.Chained = record.StaleFault, 400, true
		return true
	},
}
