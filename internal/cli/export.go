package cli

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/otlp"
	"foundrylab/simulator"
)

// export sends what control planes count to an OpenTelemetry collector, where the environment names one.
type export struct {
	settings otlp.Settings
	from     []counting
}

// counting is a control plane, and the resource that it is of where there are several.
type counting struct {
	control  *simulator.Control
	resource string
}

func newExport() (*export, error) {
	settings, err := otlp.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, usage("%v", err)
	}
	return &export{settings: settings}, nil
}

func (x *export) add(c *simulator.Control, resource string) {
	x.from = append(x.from, counting{c, resource})
}

// around exports while serve runs, and a last time after it.
func (x *export) around(ctx context.Context, log zerolog.Logger, serve func(context.Context) error) error {
	if x.settings.Note != "" {
		log.Warn().Msg(x.settings.Note)
	}
	if x.settings.Endpoint == "" {
		return serve(ctx)
	}
	exporting, stop := context.WithCancel(context.WithoutCancel(ctx)) // what ends with ctx is in the last export
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for _, f := range x.from {
		s := x.settings
		if f.resource != "" {
			s.Resource = map[string]string{"foundrylab.resource": f.resource}
			for k, v := range x.settings.Resource {
				s.Resource[k] = v
			}
		}
		exporter := otlp.New(s, f.control.Metrics(), f.control.MetricName, log, time.Now())
		all.Go(func() { exporter.Run(exporting) })
	}
	return serve(ctx)
}
