package simulator

import (
	"github.com/prometheus/client_golang/prometheus"

	"foundrylab/internal/tick"
	"foundrylab/simulator/lease"
)

// stateMetrics is a prometheus.Collector over what Servers have of shared limits; without any it has no
// values.
type stateMetrics struct {
	control *Control
	all     []*prometheus.Desc

	connected, replicas, calls, failures, waited, away *prometheus.Desc
	leased, returned, held                             *prometheus.Desc
}

func newStateMetrics(c *Control) *stateMetrics {
	m := &stateMetrics{control: c}
	of := func(name, help string, labels ...string) *prometheus.Desc {
		m.all = append(m.all, prometheus.NewDesc("foundrylab_state_"+name, help, append([]string{"deployment"}, labels...), nil))
		return m.all[len(m.all)-1]
	}
	m.connected = of("connected", "1 while the shared state answers and limits are shared, else 0.")
	m.replicas = of("replicas", "Simulators that share the limits, this one included, as last known.")
	m.calls = of("refills_total", "Calls that the shared state answered.")
	m.failures = of("failures_total", "Calls without an answer.")
	m.waited = of("waited_total", "Requests that no lease covered, so that they waited for a call.")
	m.away = of("degraded_seconds_total", "Time without the shared state.")
	m.leased = of("leased_units_total", "Units that were leased.", "limit")
	m.returned = of("returned_units_total", "Units of leases that went back unused.", "limit")
	m.held = of("leases", "Units that are leased and unused.", "limit")
	return m
}

// Describe implements prometheus.Collector.
func (m *stateMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range m.all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *stateMetrics) Collect(out chan<- prometheus.Metric) {
	for _, b := range m.control.all() {
		if b.shared == nil {
			continue
		}
		var st lease.Stats
		var meters []lease.Meter
		b.driver.Locked(func(now tick.Instant) { st, meters = b.shared.machine.Stats(now), b.shared.meters })
		connected := 0.0
		if st.Connected {
			connected = 1
		}
		emit := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, kind, v, append([]string{b.cfg.Name}, labels...)...)
		}
		emit(m.connected, prometheus.GaugeValue, connected)
		emit(m.replicas, prometheus.GaugeValue, float64(st.Replicas))
		emit(m.calls, prometheus.CounterValue, float64(st.Calls))
		emit(m.failures, prometheus.CounterValue, float64(st.Failures))
		emit(m.waited, prometheus.CounterValue, float64(st.Waited))
		emit(m.away, prometheus.CounterValue, st.Away.Seconds())
		for i := range meters {
			if meters[i].Kind == lease.Tally {
				continue
			}
			emit(m.leased, prometheus.CounterValue, float64(st.Leased[i]), meters[i].Name)
			emit(m.returned, prometheus.CounterValue, float64(st.Returned[i]), meters[i].Name)
			emit(m.held, prometheus.GaugeValue, float64(st.Held[i]), meters[i].Name)
		}
	}
}
