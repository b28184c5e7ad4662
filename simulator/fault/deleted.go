package fault

import "foundrylab/internal/record"

// Deleted takes a deployment away and creates it anew.
type Deleted struct {
	Streams string `yaml:"streams" default:"finish" enum:"finish|cut" doc:"what becomes of the answers under way when it is deleted (undocumented by the service)"`
}

var deletedKind = Kind{
	Name:    "deleted",
	Help:    "The deployment is deleted: requests are answered with 404 and the code DeploymentNotFound. At the end it is created anew, with limits that were never used; what still runs from before is not charged to them.",
	Example: "deleted: {streams: cut}",
	asked:   Config{Deleted: &Deleted{Streams: "finish"}},
	compile: func(c Config, r *Rule) bool {
		if c.Deleted == nil {
			return false
		}
		r.Refuse, r.Status, r.Renews, r.CutStreams = record.DeletedFault, 404, true, c.Deleted.Streams == "cut"
		return true
	},
}
