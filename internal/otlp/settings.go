// Package otlp sends metrics to an OpenTelemetry collector: OTLP over HTTP in its JSON encoding, which every collector
// takes at the port of OTLP over HTTP. It owns that encoding and the standard environment variables. It refuses traces,
// logs and gRPC: the official exporter of metrics links gRPC, and made the program 2.4 times as large.
package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Settings are where to and how often.
type Settings struct {
	Endpoint string            // URL of the signal; "": nothing is sent
	Headers  map[string]string // of every request; may hold a secret
	Interval time.Duration     // between two exports
	Timeout  time.Duration     // of one export
	Resource map[string]string // who it is that sends: service.name and more
	Note     string            // what was asked for and is not done; "": nothing
}

// shown is an endpoint as it may be logged: without user and query, in which secrets are.
func shown(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// secrets are what must not be logged, as it stands in the URL and in plain. What is shorter than four bytes, such as the
// number of a tenant, is none: it would be found in any text.
func (s *Settings) secrets() (all []string) {
	if u, err := url.Parse(s.Endpoint); err == nil {
		password, _ := u.User.Password()
		all = append(all, u.RawQuery, u.User.String(), u.User.Username(), password)
		for _, values := range u.Query() {
			all = append(all, values...)
		}
	}
	for _, v := range s.Headers {
		all = append(all, v)
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 4 })
}

// FromEnvironment reads the variables that OpenTelemetry's specification names: OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS
// and _TIMEOUT and _PROTOCOL, each also as OTEL_EXPORTER_OTLP_METRICS_..., OTEL_METRIC_EXPORT_INTERVAL,
// OTEL_METRICS_EXPORTER, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_SDK_DISABLED. Without an endpoint nothing is
// sent. The error has all mistakes; it never has the value of a header.
func FromEnvironment(get func(string) string) (Settings, error) {
	var wrong []error
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	signal := func(name string) (string, string) {
		if v := get("OTEL_EXPORTER_OTLP_METRICS_" + name); v != "" {
			return "OTEL_EXPORTER_OTLP_METRICS_" + name, v
		}
		return "OTEL_EXPORTER_OTLP_" + name, get("OTEL_EXPORTER_OTLP_" + name)
	}
	s := Settings{Interval: time.Minute, Timeout: 10 * time.Second, Resource: map[string]string{"service.name": "foundrylab"}}
	name, endpoint := signal("ENDPOINT")
	if endpoint == "" || strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") {
		return s, nil
	}
	var sends bool
	if sends, s.Note = exporters(get("OTEL_METRICS_EXPORTER")); !sends {
		return s, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		fail("%s: want a URL, such as http://127.0.0.1:4318", name)
	} else if s.Endpoint = endpoint; !strings.Contains(name, "METRICS") {
		s.Endpoint = u.JoinPath("v1", "metrics").String() // a query stays behind the path
	}
	if name, protocol := signal("PROTOCOL"); protocol == "grpc" {
		fail("%s: grpc is not spoken; choose http/json and the collector's port for HTTP, mostly 4318", name)
	}
	var err error
	headers, list := signal("HEADERS")
	if s.Headers, err = pairs(list); err != nil {
		fail("%s: %w", headers, err)
	}
	more, err := pairs(get("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		fail("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	for k, v := range more {
		s.Resource[k] = v
	}
	if v := get("OTEL_SERVICE_NAME"); v != "" {
		s.Resource["service.name"] = v
	}
	timeout, ms := signal("TIMEOUT")
	for _, d := range []struct {
		name, ms string
		to       *time.Duration
	}{{timeout, ms, &s.Timeout}, {"OTEL_METRIC_EXPORT_INTERVAL", get("OTEL_METRIC_EXPORT_INTERVAL"), &s.Interval}} {
		if d.ms == "" {
			continue
		}
		n, err := strconv.ParseInt(d.ms, 10, 64)
		if err != nil || n < 1 || n > 24*time.Hour.Milliseconds() {
			fail("%s: want milliseconds, from 1 to those of a day, not %q", d.name, d.ms)
			continue
		}
		*d.to = time.Duration(n) * time.Millisecond
	}
	return s, errors.Join(wrong...)
}

// exporters reads the list of OTEL_METRICS_EXPORTER, whose default is otlp: whether metrics are sent, and what of the list
// is not done.
func exporters(list string) (sends bool, note string) {
	var not []string
	for _, name := range strings.Split(list, ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "otlp":
			sends = true
		case "none", "":
		default:
			not = append(not, name)
		}
	}
	if len(not) == 0 {
		return sends || strings.TrimSpace(list) == "", ""
	}
	note = "OTEL_METRICS_EXPORTER: " + strings.Join(not, ", ") + " is not done here; Prometheus finds metrics at /metrics of --admin"
	if !sends {
		note += ", and none are sent"
	}
	return sends, note
}

// pairs reads key=value,key=value, with values as in a URL.
func pairs(list string) (map[string]string, error) {
	m := map[string]string{}
	for i, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		k, v, found := strings.Cut(item, "=")
		v, err := url.PathUnescape(strings.TrimSpace(v))
		if k = strings.TrimSpace(k); !found || k == "" || err != nil {
			return nil, fmt.Errorf("item %d: want key=value, separated by commas, with %%2C for a comma", i+1)
		}
		m[k] = v
	}
	return m, nil
}
