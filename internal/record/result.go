package record

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Result is what a run came to: the content of report.json, derived from a
// merged Summary, read by assertions and reports alike.
type Result struct {
	SchemaVersion int              `json:"schema_version"`
	Scenario      string           `json:"scenario"`
	ScenarioHash  string           `json:"scenario_hash"`
	Seed          uint64           `json:"seed"`
	Mode          string           `json:"mode"`
	Verdict       string           `json:"verdict"` // pass | fail | void
	Interrupted   bool             `json:"interrupted"`
	StartUnixMs   int64            `json:"start_unix_ms"`
	DurationMs    Millis           `json:"duration_ms"`
	WarmupMs      Millis           `json:"warmup_ms"`
	Generator     GeneratorResult  `json:"generator"`
	Totals        Totals           `json:"totals"`
	Tenants       []TenantResult   `json:"tenants"`
	Backends      []BackendResult  `json:"backends"`
	Failover      []FailoverResult `json:"failover"`
	Fairness      FairnessResult   `json:"fairness"`
	Assertions    []Assertion      `json:"assertions"`
	Timeline      Timeline         `json:"timeline"`
	Canonical     string           `json:"effective_scenario"` // canonical YAML
}

// GeneratorResult is the health of the load generator: lag is sent minus
// intended. A p99 above 10 ms or any drop makes the run void.
type GeneratorResult struct {
	LagP50  Millis `json:"lag_p50_ms"`
	LagP99  Millis `json:"lag_p99_ms"`
	Dropped int64  `json:"dropped"`
}

// Totals counts the measured part of the run (after warm-up, by intended time).
type Totals struct {
	Requests           int64 `json:"requests"`
	Succeeded          int64 `json:"succeeded"`
	Throttled          int64 `json:"throttled"`
	Failed             int64 `json:"failed"`
	Rescued            int64 `json:"rescued"` // succeeded after more than one attempt or try
	Tries              int64 `json:"tries"`
	ThrottledTries     int64 `json:"throttled_tries"`
	Attempts           int64 `json:"attempts"`
	GatewayAttempts    int64 `json:"gateway_attempts"` // the gateway's own claim
	RetryAmplification Ratio `json:"retry_amplification"`
	GoodputRatio       Ratio `json:"goodput_ratio"`
}

// TenantResult is one tenant's measured part of the run.
type TenantResult struct {
	Name               string `json:"name"`
	Weight             int64  `json:"weight"`
	Requests           int64  `json:"requests"`
	Succeeded          int64  `json:"succeeded"`
	Throttled          int64  `json:"throttled"`
	Failed             int64  `json:"failed"`
	BrokenStreams      int64  `json:"broken_streams"` // failed after the answer began
	Rescued            int64  `json:"rescued"`
	Tries              int64  `json:"tries"`
	ThrottledTries     int64  `json:"throttled_tries"`
	GoodputRatio       Ratio  `json:"goodput_ratio"`
	PromptTokens       int64  `json:"prompt_tokens"`
	CompletionTokens   int64  `json:"completion_tokens"`
	ChargedTokens      int64  `json:"charged_tokens"`
	QueueWait          P      `json:"queue_wait_ms"`
	TTFT               P      `json:"ttft_ms"`
	TPOT               P      `json:"tpot_ms"`
	E2E                P      `json:"e2e_ms"`
	SatisfactionMin    Ratio  `json:"satisfaction_min"`
	SatisfactionMean   Ratio  `json:"satisfaction_mean"`
	ActualSatisfaction Ratio  `json:"satisfaction_min_actual_tokens"`
}

// BackendResult is one backend's measured part of the run.
type BackendResult struct {
	Name            string `json:"name"`
	Model           string `json:"model"`
	SKU             string `json:"sku"`
	Attempts        int64  `json:"attempts"`
	Succeeded       int64  `json:"succeeded"`
	Throttled       int64  `json:"throttled"`
	Failed          int64  `json:"failed"`
	ChargedTokens   int64  `json:"charged_tokens"`
	UtilizationMean Ratio  `json:"utilization_mean"`
	UtilizationP95  Ratio  `json:"utilization_p95"`
}

// FailoverResult judges one fault; times are from the fault's start, null
// where the event never came.
type FailoverResult struct {
	Fault              string `json:"fault"`
	Backend            string `json:"backend"`
	TimeToDetect       Millis `json:"time_to_detect_ms"`
	TimeToRecover      Millis `json:"time_to_recover_ms"`
	TimeToFailback     Millis `json:"time_to_failback_ms"` // after the fault's end
	FailedRequests     int64  `json:"failed_requests"`
	ThrottledRequests  int64  `json:"throttled_requests"`
	BrokenStreams      int64  `json:"broken_streams"`
	RescuedRequests    int64  `json:"rescued_requests"`
	RetryAmplification Ratio  `json:"retry_amplification"`
}

// FairnessResult summarises satisfaction over 10 s windows: Jain's index over
// the backlogged tenants, and the least satisfaction of any.
type FairnessResult struct {
	JainMean           Ratio `json:"jain_mean"`
	JainP5             Ratio `json:"jain_p5"`
	SatisfactionMin    Ratio `json:"satisfaction_min"`
	JainMeanActual     Ratio `json:"jain_mean_actual_tokens"`
	BackloggedWindows  int64 `json:"backlogged_windows"`
	EvaluatedWindows   int64 `json:"evaluated_windows"`
	LongestStarvationS int64 `json:"longest_starvation_s"`
}

// Assertion is one judged expression. Value is the measured left-hand side
// where there is one, else the expression's result.
type Assertion struct {
	Expr     string `json:"expr"`
	Pass     bool   `json:"pass"`
	Value    string `json:"value"`
	Severity string `json:"severity"` // error | warn
}

// Timeline holds columns: element i of every column covers
// [i*WindowMs, (i+1)*WindowMs) from the run's start.
type Timeline struct {
	WindowMs  int64             `json:"window_ms"`
	Windows   int               `json:"windows"`
	Tenants   []TenantTimeline  `json:"tenants"`
	Backends  []BackendTimeline `json:"backends"`
	Faults    []FaultSpan       `json:"faults"`
	Jain      []Ratio           `json:"jain"` // per 10 s, null where nobody was backlogged
	JainEvery int64             `json:"jain_window_ms"`
}

// TenantTimeline holds one tenant's columns, by intended instant.
type TenantTimeline struct {
	Name         string   `json:"name"`
	Offered      []int64  `json:"offered"`
	Succeeded    []int64  `json:"succeeded"`
	Throttled    []int64  `json:"throttled"`
	Failed       []int64  `json:"failed"`
	CostOffered  []int64  `json:"cost_offered"`
	CostServed   []int64  `json:"cost_served"`
	TTFTP50      []Millis `json:"ttft_p50_ms"`
	TTFTP95      []Millis `json:"ttft_p95_ms"`
	Satisfaction []Ratio  `json:"satisfaction"` // per JainEvery
}

// BackendTimeline holds one backend's columns, by arrival of the attempt.
type BackendTimeline struct {
	Name        string  `json:"name"`
	Attempts    []int64 `json:"attempts"`
	Succeeded   []int64 `json:"succeeded"`
	Throttled   []int64 `json:"throttled"`
	Failed      []int64 `json:"failed"`
	Charged     []int64 `json:"charged"`
	Utilization []Ratio `json:"utilization"`
	Opened      []int64 `json:"opened"` // times the gateway's breaker opened
}

// FaultSpan is where a fault lies on the timeline.
type FaultSpan struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Backend string `json:"backend"`
	AtMs    Millis `json:"at_ms"`
	ForMs   Millis `json:"for_ms"`
}

// P is three quantiles, null where nothing was measured.
type P struct {
	P50 Millis `json:"p50"`
	P95 Millis `json:"p95"`
	P99 Millis `json:"p99"`
}

// Null is the value of a Millis or Ratio that does not exist.
const Null = -1

// Millis is a span in integer microseconds, printed as milliseconds with up
// to three decimals; Null prints as null.
type Millis int64

// MarshalJSON implements json.Marshaler.
func (m Millis) MarshalJSON() ([]byte, error) { return appendFixed(nil, int64(m), 3), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Millis) UnmarshalJSON(b []byte) error { return parseFixed(b, 3, (*int64)(m)) }

// String prints as JSON does, "-" for Null.
func (m Millis) String() string { return fixedString(int64(m), 3) }

// Ratio is in integer parts per million, printed as a decimal number; Null
// prints as null.
type Ratio int64

// MarshalJSON implements json.Marshaler.
func (r Ratio) MarshalJSON() ([]byte, error) { return appendFixed(nil, int64(r), 6), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (r *Ratio) UnmarshalJSON(b []byte) error { return parseFixed(b, 6, (*int64)(r)) }

// String prints as JSON does, "-" for Null.
func (r Ratio) String() string { return fixedString(int64(r), 6) }

func fixedString(v int64, digits int) string {
	if v == Null {
		return "-"
	}
	return string(appendFixed(nil, v, digits))
}

func appendFixed(dst []byte, v int64, digits int) []byte {
	if v == Null {
		return append(dst, "null"...)
	}
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	scale := int64(1)
	for range digits {
		scale *= 10
	}
	dst = strconv.AppendInt(dst, v/scale, 10)
	frac := v % scale
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for s := scale / 10; frac > 0; s /= 10 {
		dst = append(dst, byte('0'+frac/s))
		frac %= s
	}
	return dst
}

// parseFixed reads null or a decimal number exactly: one that would have to be
// rounded, or that does not fit, is an error.
func parseFixed(b []byte, digits int, out *int64) error {
	s := string(b)
	if s == "null" {
		*out = Null
		return nil
	}
	number, neg := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(number, ".")
	bad := fmt.Errorf("%.40q is not null or a number with at most %d decimals", s, digits)
	if whole == "" || point && frac == "" || len(frac) > digits {
		return bad
	}
	var v int64
	for _, c := range []byte(whole + frac + strings.Repeat("0", digits-len(frac))) {
		if c < '0' || c > '9' || v > (math.MaxInt64-9)/10 {
			return bad
		}
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	if v == Null {
		return bad // it would read as null
	}
	*out = v
	return nil
}
