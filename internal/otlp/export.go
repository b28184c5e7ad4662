package otlp

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Exporter sends what a Gatherer has, again and again.
type Exporter struct {
	settings Settings
	to       *collector
	gather   prometheus.Gatherer
	describe Describe
	log      zerolog.Logger
	start    time.Time
	failing  bool
}

// lastPatience bounds the export at the end of a process, which a collector that does not answer must not hold up.
const lastPatience = 2 * time.Second

// New returns an exporter that has sent nothing. start is since when the counters count.
func New(s Settings, gather prometheus.Gatherer, describe Describe, log zerolog.Logger, start time.Time) *Exporter {
	return &Exporter{settings: s, to: newCollector(s), gather: gather, describe: describe, log: shownIn(log, s), start: start}
}

// Run exports until ctx is done, gives up the export that is under way then, and exports once more, for two seconds at
// most. It holds up nobody: what a collector cannot take it has with the next export. The first failure of a row of them
// is logged, the success that ends it, and that the last one failed.
func (e *Exporter) Run(ctx context.Context) {
	defer e.to.client.CloseIdleConnections()
	tick := time.NewTicker(e.settings.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := e.Export(ctx); ctx.Err() == nil {
				e.tell(err)
			}
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPatience)
	defer cancel()
	err := e.Export(last)
	if err != nil {
		e.log.Warn().Err(err).Msg("the last metrics could not be exported")
		return
	}
	e.tell(nil)
}

func (e *Exporter) tell(err error) {
	switch {
	case err != nil && !e.failing:
		e.log.Warn().Err(err).Msg("metrics could not be exported; they are sent again with the next export")
	case err == nil && e.failing:
		e.log.Info().Msg("metrics are exported again")
	}
	e.failing = err != nil
}

// Export sends once and waits for the answer, for as long as the timeout and ctx say. Its error does not have the URL,
// which may hold a secret.
func (e *Exporter) Export(ctx context.Context) error {
	families, err := e.gather.Gather()
	if err != nil {
		return err
	}
	body, err := encode(families, e.describe, e.settings.Resource, e.start, time.Now())
	if err != nil {
		return err
	}
	return e.to.send(ctx, body)
}
