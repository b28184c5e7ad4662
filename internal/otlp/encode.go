package otlp

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Describe says how a Prometheus metric is called in OpenTelemetry: its name, its unit, and the attributes that stand for
// its labels.
type Describe func(family string, labels map[string]string) (name, unit string, attributes map[string]string)

// The messages of opentelemetry.proto.metrics.v1, as far as they are needed. Integers of 64 bits are strings in JSON.
type (
	message struct {
		ResourceMetrics []resourceMetrics `json:"resourceMetrics"`
	}
	resourceMetrics struct {
		Resource     resource       `json:"resource"`
		ScopeMetrics []scopeMetrics `json:"scopeMetrics"`
	}
	resource struct {
		Attributes []attribute `json:"attributes"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value struct {
			StringValue string `json:"stringValue"`
		} `json:"value"`
	}
	scopeMetrics struct {
		Scope   scope    `json:"scope"`
		Metrics []metric `json:"metrics"`
	}
	scope struct {
		Name string `json:"name"`
	}
	metric struct {
		Name        string     `json:"name"`
		Description string     `json:"description"`
		Unit        string     `json:"unit,omitempty"`
		Gauge       *points    `json:"gauge,omitempty"`
		Sum         *sum       `json:"sum,omitempty"`
		Histogram   *histogram `json:"histogram,omitempty"`
	}
	points struct {
		DataPoints []point `json:"dataPoints"`
	}
	sum struct {
		points
		AggregationTemporality int  `json:"aggregationTemporality"`
		IsMonotonic            bool `json:"isMonotonic"`
	}
	histogram struct {
		points
		AggregationTemporality int `json:"aggregationTemporality"`
	}
	point struct {
		Attributes        []attribute `json:"attributes,omitempty"`
		StartTimeUnixNano string      `json:"startTimeUnixNano,omitempty"`
		TimeUnixNano      string      `json:"timeUnixNano"`
		AsDouble          *double     `json:"asDouble,omitempty"`
		Count             string      `json:"count,omitempty"`
		Sum               *double     `json:"sum,omitempty"`
		BucketCounts      []string    `json:"bucketCounts,omitempty"`
		ExplicitBounds    []double    `json:"explicitBounds,omitempty"`
	}
)

// double is a number as ProtoJSON writes it: what JSON has no number for is a string.
type double float64

func (d double) MarshalJSON() ([]byte, error) {
	switch f := float64(d); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

// cumulative is AGGREGATION_TEMPORALITY_CUMULATIVE: every export has all since the start, so one that fails loses nothing.
const cumulative = 2

// encode writes families as one ExportMetricsServiceRequest. A histogram that has counted nothing is left out, as
// OpenTelemetry's own are.
func encode(families []*dto.MetricFamily, describe Describe, who map[string]string, start, now time.Time) ([]byte, error) {
	var all []metric
	index := map[string]int{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h != nil && h.GetSampleCount() == 0 {
				continue
			}
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			name, unit, of := describe(f.GetName(), labels)
			at, known := index[name]
			if !known {
				at = len(all)
				index[name] = at
				all = append(all, newMetric(name, unit, f))
			}
			if err := all[at].add(m, attributes(of), start, now); err != nil {
				return nil, fmt.Errorf("%s: %w", f.GetName(), err)
			}
		}
	}
	return json.Marshal(message{[]resourceMetrics{{resource{attributes(who)}, []scopeMetrics{{scope{"foundrylab"}, all}}}}})
}

func newMetric(name, unit string, f *dto.MetricFamily) metric {
	m := metric{Name: name, Unit: unit, Description: f.GetHelp()}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		m.Sum = &sum{AggregationTemporality: cumulative, IsMonotonic: true}
	case dto.MetricType_HISTOGRAM:
		m.Histogram = &histogram{AggregationTemporality: cumulative}
	default:
		m.Gauge = &points{}
	}
	return m
}

func (m *metric) add(from *dto.Metric, of []attribute, start, now time.Time) error {
	p := point{Attributes: of, TimeUnixNano: nanoseconds(now)}
	switch {
	case m.Sum != nil && from.Counter != nil:
		v := double(from.Counter.GetValue())
		p.AsDouble, p.StartTimeUnixNano = &v, nanoseconds(start)
		m.Sum.DataPoints = append(m.Sum.DataPoints, p)
	case m.Histogram != nil && from.Histogram != nil:
		p.StartTimeUnixNano = nanoseconds(start)
		p.fill(from.Histogram)
		m.Histogram.DataPoints = append(m.Histogram.DataPoints, p)
	case m.Gauge != nil && from.Gauge != nil:
		v := double(from.Gauge.GetValue())
		p.AsDouble = &v
		m.Gauge.DataPoints = append(m.Gauge.DataPoints, p)
	default:
		return fmt.Errorf("a metric of another kind than its family's")
	}
	return nil
}

// fill turns Prometheus' buckets, each with all below it, into OpenTelemetry's, which end with the one beyond all bounds.
func (p *point) fill(h *dto.Histogram) {
	total, before := double(h.GetSampleSum()), uint64(0)
	p.Count, p.Sum = strconv.FormatUint(h.GetSampleCount(), 10), &total
	for _, b := range h.GetBucket() {
		if math.IsInf(b.GetUpperBound(), 1) {
			continue // the last one, which OpenTelemetry has without a bound
		}
		p.ExplicitBounds = append(p.ExplicitBounds, double(b.GetUpperBound()))
		p.BucketCounts = append(p.BucketCounts, strconv.FormatUint(b.GetCumulativeCount()-before, 10))
		before = b.GetCumulativeCount()
	}
	p.BucketCounts = append(p.BucketCounts, strconv.FormatUint(h.GetSampleCount()-before, 10))
}

// attributes are in the order of their keys.
func attributes(of map[string]string) (all []attribute) {
	for _, k := range slices.Sorted(maps.Keys(of)) {
		a := attribute{Key: k}
		a.Value.StringValue = of[k]
		all = append(all, a)
	}
	return all
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
