package cli

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"foundrylab/internal/otlp"
	"foundrylab/simulator"
)

// export sends what is counted and traced to an OpenTelemetry collector, where the environment names one.
type export struct {
	settings otlp.Settings
	from     []counting
	tracer   *otlp.Tracer // nil: there are no spans
	notes    []string
}

// counting is what somebody counts, and the resource that it is of where there are several.
type counting struct {
	metrics  prometheus.Gatherer
	name     otlp.Describe
	resource string
}

func newExport() (*export, error) {
	settings, err := otlp.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, usage("%v", err)
	}
	return &export{settings: settings, notes: []string{settings.Note}}, nil
}

// trace makes the tracer, where the environment names a collector of traces.
func (x *export) trace(log zerolog.Logger) error {
	settings, sampler, err := otlp.TracesFromEnvironment(os.Getenv)
	if err != nil {
		return usage("%v", err)
	}
	x.notes = append(x.notes, settings.Note)
	if settings.Endpoint != "" {
		x.tracer = otlp.NewTracer(settings, sampler, log)
	}
	return nil
}

func (x *export) add(c *simulator.Control, resource string) {
	x.from = append(x.from, counting{c.Metrics(), c.MetricName, resource})
}

// around exports while serve runs, and a last time after it.
func (x *export) around(ctx context.Context, log zerolog.Logger, serve func(context.Context) error) error {
	for _, note := range x.notes {
		if note != "" {
			log.Warn().Msg(note)
		}
	}
	if x.settings.Endpoint == "" {
		x.from = nil
	}
	exporting, stop := context.WithCancel(context.WithoutCancel(ctx)) // what ends with ctx is in the last export
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	if x.tracer != nil {
		all.Go(func() { x.tracer.Run(exporting) })
	}
	for _, f := range x.from {
		s := x.settings
		if f.resource != "" {
			s.Resource = map[string]string{"foundrylab.resource": f.resource}
			for k, v := range x.settings.Resource {
				s.Resource[k] = v
			}
		}
		exporter := otlp.New(s, f.metrics, f.name, log, time.Now())
		all.Go(func() { exporter.Run(exporting) })
	}
	return serve(ctx)
}
