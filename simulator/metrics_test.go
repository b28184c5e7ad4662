package simulator

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/latency"
)

// scrape reads /metrics as Prometheus does: values by name and the values of the labels, in the order of their names.
func scrape(t *testing.T, admin http.Handler) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	admin.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for name, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
		for _, m := range family.GetMetric() {
			at := name
			for _, l := range m.GetLabel() {
				at += " " + l.GetValue()
			}
			switch {
			case m.Counter != nil:
				values[at] = m.Counter.GetValue()
			case m.Gauge != nil:
				values[at] = m.Gauge.GetValue()
			default:
				h := m.GetHistogram()
				values[at+" count"], values[at+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
				for _, b := range h.GetBucket() {
					values[at+" "+strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return values
}

// TestMetricsAgreeWithTheLedger: the counters are the sums of the entries.
func TestMetricsAgreeWithTheLedger(t *testing.T) {
	inLab(t, busyResource(), func(l *lab) {
		admin := l.Admin() // before anything was asked
		scrape(t, admin)
		for key := range uint64(5) {
			l.post("a", marked(key, 3, ""))
			l.post("tight", marked(key, 30, `,"max_tokens":100`))
			l.post("broken", marked(key, 3, ""))
		}
		want := map[string]float64{}
		for _, e := range entries(t, ask(l.Server, "GET", "/ledger", "")) {
			d := " " + e.Deployment
			want["foundrylab_requests_total"+d+" "+e.Reason+" "+strconv.Itoa(int(e.Status))]++
			want["foundrylab_prompt_tokens_total"+d] += float64(e.PromptTokens)
			want["foundrylab_completion_tokens_total"+d] += float64(e.CompletionTokens)
			want["foundrylab_charged_tokens_total"+d] += float64(e.ChargedTokens)
			want["gen_ai_server_request_duration_seconds"+d+" "+e.Outcome+" count"]++
			want["gen_ai_server_request_duration_seconds"+d+" "+e.Outcome+" +Inf"]++
			want["foundrylab_ledger_entries"]++
		}
		want["foundrylab_requests_in_flight a"] = 0
		want["foundrylab_limit_tokens tight"] = 100_000
		want["foundrylab_limit_requests tight"] = 60
		want["foundrylab_ledger_pushed_out_total"] = 0
		got := scrape(t, admin)
		for name, v := range want {
			if g, ok := got[name]; !ok || g != v {
				t.Errorf("%s: %v, want %v", name, g, v)
			}
		}
		resp, _ := l.post("tight", marked(77, 1, "")) // headers and metrics read the same limiter
		got = scrape(t, admin)
		for header, name := range map[string]string{"Tokens": "tokens", "Requests": "requests"} {
			if h := resp.Header.Get("X-Ratelimit-Remaining-" + header); h != strconv.Itoa(int(got["foundrylab_remaining_"+name+" tight"])) {
				t.Errorf("remaining %s: the header says %s, the metric %v", name, h, got["foundrylab_remaining_"+name+" tight"])
			}
		}
		if ratio := got["foundrylab_utilization_ratio tight"]; math.Abs(ratio-(1-got["foundrylab_remaining_tokens tight"]/100_000)) > 1e-6 { // ppm
			t.Errorf("utilization %v", ratio)
		}
	})
}

// TestMetricsInFlight: what has not ended is a gauge and no count yet.
func TestMetricsInFlight(t *testing.T) {
	inLab(t, busyResource(), func(l *lab) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("a", marked(1, 3, ""))
		}()
		synctest.Wait()
		got := scrape(t, l.Admin())
		if got["foundrylab_requests_in_flight a"] != 1 || got["foundrylab_ledger_entries"] != 0 {
			t.Errorf("in flight %v, entries %v", got["foundrylab_requests_in_flight a"], got["foundrylab_ledger_entries"])
		}
		<-done
	})
}

// Durations fall into the bucket whose bound they do not exceed.
func TestMetricsBuckets(t *testing.T) {
	s, _ := live(t, busyResource())
	for _, took := range []time.Duration{0, 10 * time.Millisecond, 10*time.Millisecond + 1, 81920 * time.Millisecond, 90 * time.Second} {
		s.control.ledger.add(&item{Attempt: record.Attempt{Status: 200, Outcome: record.Succeeded, Start: epoch, End: epoch.Add(took)}})
	}
	got := scrape(t, s.Admin())
	for bound, want := range map[string]float64{"0.01": 2, "0.02": 3, "40.96": 3, "81.92": 4, "+Inf": 5, "count": 5, "sum": 171.940000001} {
		if g := got["gen_ai_server_request_duration_seconds a succeeded "+bound]; g != want {
			t.Errorf("%s: %v, want %v", bound, g, want)
		}
	}
}

// The first token and the pace are those of streams that succeeded, and tokens are of every answer with all its choices.
func TestMetricsOfAnswers(t *testing.T) {
	s, _ := live(t, busyResource())
	add := func(status uint16, o record.Outcome, streamed bool, completion int64, seen int32, choices uint16) {
		s.control.ledger.add(&item{record.Attempt{Status: status, Outcome: o, Start: epoch, End: epoch.Add(500 * time.Millisecond), PromptTokens: 70, CompletionTokens: completion},
			decision{streamed: streamed, choices: choices, first: tick.ToUnits(100 * time.Millisecond), seen: seen}})
	}
	add(200, record.Succeeded, true, 45, 5, 1) // 400 ms for 4 tokens after the first: 40 were thought before it
	add(200, record.Succeeded, true, 4, 1, 3)  // has no token after the first
	add(200, record.Succeeded, true, 3, 0, 1)  // all of it was thought: it has no first
	add(200, record.Succeeded, false, 9, 9, 1)
	add(200, record.Failed, true, 9, 9, 1)
	add(429, record.Throttled, true, 0, 0, 1)
	got := scrape(t, s.Admin())
	for name, want := range map[string]float64{
		"gen_ai_server_time_to_first_token_seconds a count":   2,
		"gen_ai_server_time_to_first_token_seconds a 0.08":    0,
		"gen_ai_server_time_to_first_token_seconds a 0.1":     2,
		"gen_ai_server_time_per_output_token_seconds a count": 1,
		"gen_ai_server_time_per_output_token_seconds a 0.075": 0,
		"gen_ai_server_time_per_output_token_seconds a 0.1":   1,
		"gen_ai_client_token_usage a input count":             5,
		"gen_ai_client_token_usage a input 64":                0,
		"gen_ai_client_token_usage a input 256":               5,
		"gen_ai_client_token_usage a output sum":              45 + 4*3 + 3 + 9 + 9,
		"gen_ai_client_token_usage a output 4":                1,
		"gen_ai_client_token_usage a output 16":               4,
	} {
		if g := got[name]; g != want {
			t.Errorf("%s: %v, want %v", name, g, want)
		}
	}
}

// At 20 tokens a second a token after the first takes 50 ms, whatever the model thought before it.
func TestMetricsOfReasoning(t *testing.T) {
	for _, c := range []struct {
		think unit.Count
		more  string  // of the body
		seen  float64 // tokens after the first
	}{
		{0, "", 39}, {300, "", 39}, {300, `,"max_completion_tokens":301`, 0}, {300, `,"max_completion_tokens":300`, 0},
	} {
		cfg := busyResource()
		at := unit.Duration(400 * time.Millisecond)
		cfg.Deployments[0].Latency = latency.Config{TTFT: &latency.Quantiles{P50: at, P95: at}, PerKPrompt: 1, TokensPerS: 20, Spread: 1, Filter: "asynchronous",
			Reasoning: &distribution.Config{Constant: &c.think}}
		inLab(t, cfg, func(l *lab) {
			l.post("a", marked(1, 40, `,"stream":true`+c.more))
			got := scrape(t, l.Admin())
			const name = "gen_ai_server_time_per_output_token_seconds a "
			count, sum := got[name+"count"], got[name+"sum"]
			if want := min(c.seen, 1); count != want || math.Abs(sum-0.05*want) > 0.002 {
				t.Errorf("%d tokens thought, %s: %v answers, %v s", c.think, c.more, count, sum)
			}
		})
	}
}
