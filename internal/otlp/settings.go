// Package otlp sends metrics and spans to an OpenTelemetry collector: OTLP over HTTP in its JSON encoding, which every
// collector takes at the port of OTLP over HTTP. It owns that encoding, the standard environment variables, and the trace
// context of W3C. It refuses logs and gRPC: the official exporter of metrics links gRPC, and made the program 2.4 times as
// large.
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
	Queue    int               // spans that are kept until they are sent
	Batch    int               // spans of one export, at most
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

// signal is a kind of what is sent, with the words of its own in the variables.
type signal struct {
	name     string // in OTEL_EXPORTER_OTLP_..._ENDPOINT and its like
	path     string // behind an endpoint that is for all signals
	exporter string // the variable that chooses who sends
	instead  string // where it is found otherwise
}

var (
	metricsSignal = signal{"METRICS", "metrics", "OTEL_METRICS_EXPORTER", "; Prometheus finds metrics at /metrics of --admin or --metrics"}
	tracesSignal  = signal{"TRACES", "traces", "OTEL_TRACES_EXPORTER", ""}
)

// environment is the variables, and the mistakes that were found in them.
type environment struct {
	get   func(string) string
	wrong []error
}

func (e *environment) fail(format string, args ...any) {
	e.wrong = append(e.wrong, fmt.Errorf(format, args...))
}

// FromEnvironment reads the variables that OpenTelemetry's specification names for metrics: OTEL_EXPORTER_OTLP_ENDPOINT and
// _HEADERS and _TIMEOUT and _PROTOCOL, each also as OTEL_EXPORTER_OTLP_METRICS_..., OTEL_METRIC_EXPORT_INTERVAL,
// OTEL_METRICS_EXPORTER, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_SDK_DISABLED. Without an endpoint nothing is
// sent. The error has all mistakes; it never has the value of a header.
func FromEnvironment(get func(string) string) (Settings, error) {
	e := &environment{get: get}
	s := Settings{Interval: time.Minute, Timeout: 10 * time.Second}
	if e.read(&s, metricsSignal) {
		e.duration("OTEL_METRIC_EXPORT_INTERVAL", &s.Interval)
	}
	return s, errors.Join(e.wrong...)
}

// read reads what all signals have, and reports whether the signal is sent.
func (e *environment) read(s *Settings, of signal) bool {
	s.Resource = map[string]string{"service.name": "foundrylab"}
	name, endpoint := e.either(of, "ENDPOINT")
	if endpoint == "" || strings.EqualFold(e.get("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	var sends bool
	if sends, s.Note = exporters(of, e.get(of.exporter)); !sends {
		return false
	}
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		e.fail("%s: want a URL, such as http://127.0.0.1:4318", name)
	} else if s.Endpoint = endpoint; !strings.Contains(name, of.name) {
		s.Endpoint = u.JoinPath("v1", of.path).String() // a query stays behind the path
	}
	if name, protocol := e.either(of, "PROTOCOL"); protocol == "grpc" {
		e.fail("%s: grpc is not spoken; choose http/json and the collector's port for HTTP, mostly 4318", name)
	}
	var err error
	headers, list := e.either(of, "HEADERS")
	if s.Headers, err = pairs(list); err != nil {
		e.fail("%s: %w", headers, err)
	}
	more, err := pairs(e.get("OTEL_RESOURCE_ATTRIBUTES"))
	if err != nil {
		e.fail("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	for k, v := range more {
		s.Resource[k] = v
	}
	if v := e.get("OTEL_SERVICE_NAME"); v != "" {
		s.Resource["service.name"] = v
	}
	timeout, _ := e.either(of, "TIMEOUT")
	e.duration(timeout, &s.Timeout)
	return true
}

// either is a variable of the signal's own, else that of all signals, and its value.
func (e *environment) either(of signal, name string) (variable, value string) {
	own, all := "OTEL_EXPORTER_OTLP_"+of.name+"_"+name, "OTEL_EXPORTER_OTLP_"+name
	if v := e.get(own); v != "" {
		return own, v
	}
	return all, e.get(all)
}

// duration reads milliseconds, where the variable has a value.
func (e *environment) duration(name string, to *time.Duration) {
	n := to.Milliseconds()
	e.number(name, "milliseconds, from 1 to those of a day", 24*time.Hour.Milliseconds(), &n)
	*to = time.Duration(n) * time.Millisecond
}

// number reads a number from 1 to most, where the variable has a value.
func (e *environment) number(name, what string, most int64, to *int64) {
	text := e.get(name)
	if text == "" {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > most {
		e.fail("%s: want %s, not %q", name, what, text)
		return
	}
	*to = n
}

// exporters reads the list of a signal's exporters, whose default is otlp: whether it is sent, and what of the list is not
// done.
func exporters(of signal, list string) (sends bool, note string) {
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
	note = of.exporter + ": " + strings.Join(not, ", ") + " is not done here" + of.instead
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
