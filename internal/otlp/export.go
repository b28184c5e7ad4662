package otlp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Exporter sends what a Gatherer has, again and again.
type Exporter struct {
	settings Settings
	gather   prometheus.Gatherer
	describe Describe
	log      zerolog.Logger
	start    time.Time
	client   http.Client
	failing  bool
}

// New returns an exporter that has sent nothing. start is since when the counters count.
func New(s Settings, gather prometheus.Gatherer, describe Describe, log zerolog.Logger, start time.Time) *Exporter {
	return &Exporter{settings: s, gather: gather, describe: describe, log: log, start: start, client: http.Client{Timeout: s.Timeout}}
}

// Run exports until ctx is done, and then once more. It holds up nobody: what a collector cannot take it has with the
// next export. The first failure of a row of them is logged, and the success that ends it.
func (e *Exporter) Run(ctx context.Context) {
	defer e.client.CloseIdleConnections()
	tick := time.NewTicker(e.settings.Interval)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		e.tell(e.Export(context.WithoutCancel(ctx)))
	}
}

func (e *Exporter) tell(err error) {
	switch {
	case err != nil && !e.failing:
		e.log.Warn().Err(err).Str("endpoint", e.settings.Endpoint).Msg("metrics could not be exported; they are sent again with the next export")
	case err == nil && e.failing:
		e.log.Info().Str("endpoint", e.settings.Endpoint).Msg("metrics are exported again")
	}
	e.failing = err != nil
}

// Export sends once and waits for the answer, for as long as the timeout says.
func (e *Exporter) Export(ctx context.Context) error {
	families, err := e.gather.Gather()
	if err != nil {
		return err
	}
	body, err := encode(families, e.describe, e.settings.Resource, e.start, time.Now())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range e.settings.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 256))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s: %s", resp.Status, bytes.TrimSpace(said))
	}
	return nil
}
