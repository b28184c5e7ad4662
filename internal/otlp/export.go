package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// lastPatience bounds the export at the end of a process, which a collector that does not answer must not hold up.
const lastPatience = 2 * time.Second

// New returns an exporter that has sent nothing. start is since when the counters count.
func New(s Settings, gather prometheus.Gatherer, describe Describe, log zerolog.Logger, start time.Time) *Exporter {
	// A redirect would make a GET without metrics of the export, and take the headers to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Exporter{settings: s, gather: gather, describe: describe, log: log.With().Str("endpoint", shown(s.Endpoint)).Logger(), start: start,
		client: http.Client{Timeout: s.Timeout, CheckRedirect: stay}}
}

// Run exports until ctx is done, gives up the export that is under way then, and exports once more, for two seconds at
// most. It holds up nobody: what a collector cannot take it has with the next export. The first failure of a row of them
// is logged, the success that ends it, and that the last one failed.
func (e *Exporter) Run(ctx context.Context) {
	defer e.client.CloseIdleConnections()
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.Endpoint, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	for k, v := range e.settings.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode / 100 {
	case 2:
		return nil
	case 3:
		return fmt.Errorf("the collector answered %s; redirects are not followed", resp.Status)
	}
	return fmt.Errorf("the collector answered %s: %s", resp.Status, e.said(resp.Body))
}

// said is the beginning of what a collector says of its refusal. It is left out where it repeats a secret.
func (e *Exporter) said(body io.Reader) []byte {
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10)) // what could be read will do
	for _, secret := range e.settings.secrets() {
		if bytes.Contains(text, []byte(secret)) {
			return []byte("(what it said has a secret in it)")
		}
	}
	return bytes.TrimSpace(text[:min(len(text), 256)])
}

// withoutURL is what happened, without the URL that it happened to.
func withoutURL(err error) error {
	if of := (*url.Error)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}
