package simulator

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"foundrylab/internal/histogram"
	"foundrylab/internal/record"
)

// tally counts the attempts at one deployment. It never forgets, unlike the ring of the ledger beside it.
type tally struct {
	ends                        map[end]int64
	prompt, completion, charged int64
	durations                   [record.Failed + 1]histogram.Histogram // by outcome
	first, perToken             histogram.Histogram                    // of streams that succeeded
	input, output               histogram.Histogram                    // tokens of answers

	count, held int64 // attempts, and those of them that the ledger still has
	forgotten   int64 // how many there were at all deployments when this tally began
}

func newTally() tally { return tally{ends: map[end]int64{}} }

// end is how attempts ended: as many as the status codes of faults, and the closed vocabulary of reasons, allow.
type end struct {
	status uint16
	reason record.Reason
}

func (t *tally) add(a *item) {
	t.count++
	t.held++
	t.ends[end{a.Status, a.Reason}]++
	t.prompt += a.PromptTokens
	t.completion += a.CompletionTokens
	t.charged += a.Charged
	took := int64(a.End.Sub(a.Start))
	t.durations[a.Outcome].Add(durationBounds, took)
	if a.Status != http.StatusOK {
		return
	}
	t.input.Add(tokenBounds, a.PromptTokens)
	t.output.Add(tokenBounds, a.CompletionTokens*int64(max(a.choices, 1)))
	if a.streamed && a.Outcome == record.Succeeded && a.seen > 0 {
		first := int64(a.first.Span())
		t.first.Add(firstBounds, first)
		if a.seen > 1 { // what was thought came before the first
			t.perToken.Add(perTokenBounds, (took-first)/int64(a.seen-1))
		}
	}
}

// clone returns a copy that shares nothing with t.
func (t *tally) clone() tally {
	c := *t
	c.ends = make(map[end]int64, len(t.ends))
	for e, n := range t.ends {
		c.ends[e] = n
	}
	return c
}

// metrics is a prometheus.Collector over what the Server counts anyway.
type metrics struct {
	control *Control
	all     []*prometheus.Desc

	requests, prompt, completion, charged *prometheus.Desc
	duration, first, perToken, usage      *prometheus.Desc
	utilization, inFlight                 *prometheus.Desc
	limitTokens, limitRequests, limitPTU  *prometheus.Desc
	remainingTokens, remainingRequests    *prometheus.Desc
	entries, pushedOut                    *prometheus.Desc
}

func newMetrics(c *Control) *metrics {
	var all []*prometheus.Desc
	of := func(name, help string, labels ...string) *prometheus.Desc {
		all = append(all, prometheus.NewDesc(name, help, labels, nil))
		return all[len(all)-1]
	}
	m := &metrics{control: c,
		requests: of("foundrylab_requests_total", "Attempts that reached a deployment and have ended; status 0 is a reset before an answer.",
			"deployment", "status", "reason"),
		prompt:            of("foundrylab_prompt_tokens_total", "Tokens of the prompts, refused ones included.", "deployment"),
		completion:        of("foundrylab_completion_tokens_total", "Tokens of each choice that were produced.", "deployment"),
		charged:           of("foundrylab_charged_tokens_total", "Tokens charged, in the limiter's unit.", "deployment"),
		duration:          of("gen_ai_server_request_duration_seconds", "From a request's arrival to its end.", "deployment", "outcome"),
		first:             of("gen_ai_server_time_to_first_token_seconds", "Of streams that succeeded: from the admission to the first token.", "deployment"),
		perToken:          of("gen_ai_server_time_per_output_token_seconds", "Of streams that succeeded: the mean time of a token after the first.", "deployment"),
		usage:             of("gen_ai_client_token_usage", "Tokens of answers, of all their choices.", "deployment", "token_type"),
		utilization:       of("foundrylab_utilization_ratio", "Share of capacity in use, as admission sees it; 1 is all of it.", "deployment"),
		inFlight:          of("foundrylab_requests_in_flight", "Answers that have begun or wait to begin.", "deployment"),
		limitTokens:       of("foundrylab_limit_tokens", "Standard: tokens per minute.", "deployment"),
		limitRequests:     of("foundrylab_limit_requests", "Standard: requests in the window that the rate-limit headers speak of.", "deployment"),
		limitPTU:          of("foundrylab_limit_ptu", "Provisioned: throughput units.", "deployment"),
		remainingTokens:   of("foundrylab_remaining_tokens", "Standard: tokens left of this minute.", "deployment"),
		remainingRequests: of("foundrylab_remaining_requests", "Standard: requests left of the window that the rate-limit headers speak of.", "deployment"),
		entries:           of("foundrylab_ledger_entries", "Attempts in the ledger."),
		pushedOut:         of("foundrylab_ledger_pushed_out_total", "Attempts that newer ones pushed out of the ledger."),
	}
	m.all = all
	return m
}

// Describe implements prometheus.Collector. It names also what has no value yet.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range m.all {
		out <- d
	}
}

// Collect implements prometheus.Collector. What comes from the ledger is of one instant.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	tallies := m.control.ledger.tallied()
	held, pushedOut := int64(0), int64(0)
	for i := range tallies {
		held += tallies[i].held
		pushedOut += tallies[i].count - tallies[i].held
	}
	gauge(m.entries, float64(held))
	counter(m.pushedOut, pushedOut)
	for i, b := range m.control.all()[:len(tallies)] {
		name, t := b.cfg.Name, &tallies[i]
		u, _ := b.usage()
		for e, n := range t.ends {
			counter(m.requests, n, name, strconv.Itoa(int(e.status)), e.reason.String())
		}
		counter(m.prompt, t.prompt, name)
		counter(m.completion, t.completion, name)
		counter(m.charged, t.charged, name)
		for outcome := record.Succeeded; outcome <= record.Failed; outcome++ {
			out <- t.durations[outcome].Metric(m.duration, durationBounds, 1e9, name, outcome.String())
		}
		out <- t.first.Metric(m.first, firstBounds, 1e9, name)
		out <- t.perToken.Metric(m.perToken, perTokenBounds, 1e9, name)
		out <- t.input.Metric(m.usage, tokenBounds, 1, name, "input")
		out <- t.output.Metric(m.usage, tokenBounds, 1, name, "output")
		gauge(m.utilization, float64(u.UtilizationPPM)/1e6, name)
		gauge(m.inFlight, float64(u.Active), name)
		if b.cfg.Provisioned() {
			gauge(m.limitPTU, float64(u.PTU), name)
			continue
		}
		gauge(m.limitTokens, float64(u.TPM), name)
		gauge(m.limitRequests, float64(b.limits.Load().says.RequestsOf(u.RPM)), name)
		gauge(m.remainingTokens, float64(u.RemainingTokens), name)
		gauge(m.remainingRequests, float64(u.RemainingRequests), name)
	}
}

// serveMetrics returns the handler of a registry of its own: a program may hold many.
func (c *Control) serveMetrics() http.Handler {
	return promhttp.HandlerFor(c.Metrics(), promhttp.HandlerOpts{})
}

// Metrics returns a new registry of what GET /metrics shows, for programs that have another way out for it. It may be
// gathered at any time, also by several at once.
func (c *Control) Metrics() prometheus.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newMetrics(c))
	registry.MustRegister(newStateMetrics(c))
	return registry
}
