package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/rs/zerolog"
)

// collector is where messages are sent to.
type collector struct {
	settings Settings
	client   http.Client
}

func newCollector(s Settings) *collector {
	// A redirect would make a GET without a body of the export, and take the headers to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &collector{s, http.Client{Timeout: s.Timeout, CheckRedirect: stay}}
}

// shownIn is a log that says where to messages are sent, as far as it may be said.
func shownIn(log zerolog.Logger, s Settings) zerolog.Logger {
	return log.With().Str("endpoint", shown(s.Endpoint)).Logger()
}

// refusal is an answer of a collector that is none of success.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// again reports whether what could not be sent may be sent again: the specification of OTLP names these answers, and what
// was not answered.
func again(err error) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return true
	}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// send sends one message and waits for the answer, for as long as the timeout and ctx say. Its error does not have the URL,
// which may hold a secret.
func (c *collector) send(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.settings.Endpoint, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	for k, v := range c.settings.Headers {
		req.Header.Set(k, v)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode / 100 {
	case 2:
		return nil
	case 3:
		return &refusal{resp.StatusCode, fmt.Sprintf("the collector answered %s; redirects are not followed", resp.Status)}
	}
	return &refusal{resp.StatusCode, fmt.Sprintf("the collector answered %s: %s", resp.Status, c.said(resp.Body))}
}

// said is the beginning of what a collector says of its refusal. It is left out where it repeats a secret.
func (c *collector) said(body io.Reader) []byte {
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10)) // what could be read will do
	for _, secret := range c.settings.secrets() {
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
