package record

import (
	"errors"
	"slices"
)

// Merge adds the summary of another part of the same run. It is associative
// and commutative; both must have been made for equal headers.
func (s *Summary) Merge(o *Summary) error {
	if !s.Header.sameRun(&o.Header) {
		return errors.New("the summaries are of different runs (scenario, seed, mode, start or entities differ)")
	}
	for i := range s.tenants {
		s.tenants[i].merge(&o.tenants[i])
		for w := range s.tw[i] {
			s.tw[i][w].merge(&o.tw[i][w])
		}
	}
	for i := range s.backs {
		s.backs[i].merge(&o.backs[i])
		for w := range s.bw[i] {
			s.bw[i][w].merge(&o.bw[i][w])
		}
	}
	for i := range s.faults {
		s.faults[i].detected = min(s.faults[i].detected, o.faults[i].detected)
	}
	s.lag.Merge(&o.lag)
	s.dropped += o.dropped
	s.stopped = s.stopped || o.stopped
	return nil
}

func (h *Header) sameRun(o *Header) bool {
	return h.Hash == o.Hash && h.Seed == o.Seed && h.Mode == o.Mode && h.Start == o.Start && h.Duration == o.Duration && h.Warmup == o.Warmup &&
		slices.Equal(h.Tenants, o.Tenants) && slices.Equal(h.Backends, o.Backends) && slices.Equal(h.Faults, o.Faults)
}

func (t *tenantSums) merge(o *tenantSums) {
	t.requests += o.requests
	t.succeeded += o.succeeded
	t.throttled += o.throttled
	t.failed += o.failed
	t.broken += o.broken
	t.rescued += o.rescued
	t.tries += o.tries
	t.throttledTries += o.throttledTries
	t.attempts += o.attempts
	t.prompt += o.prompt
	t.completion += o.completion
	t.charged += o.charged
	t.queue.Merge(&o.queue)
	t.ttft.Merge(&o.ttft)
	t.tpot.Merge(&o.tpot)
	t.e2e.Merge(&o.e2e)
}

func (b *backendSums) merge(o *backendSums) {
	b.attempts += o.attempts
	b.succeeded += o.succeeded
	b.throttled += o.throttled
	b.failed += o.failed
	b.charged += o.charged
	b.samples += o.samples
	b.sum += o.sum
	b.util.Merge(&o.util)
}

func (w *tenantWindow) merge(o *tenantWindow) {
	w.offered += o.offered
	w.succeeded += o.succeeded
	w.throttled += o.throttled
	w.failed += o.failed
	w.ended.failed += o.ended.failed
	w.ended.throttled += o.ended.throttled
	w.ended.broken += o.ended.broken
	w.rescued += o.rescued
	w.attempts += o.attempts
	w.costOffered += o.costOffered
	w.costServed += o.costServed
	w.tokensOffered += o.tokensOffered
	w.tokensServed += o.tokensServed
	w.ttft.Merge(&o.ttft)
}

func (w *backendWindow) merge(o *backendWindow) {
	w.attempts += o.attempts
	w.succeeded += o.succeeded
	w.throttled += o.throttled
	w.failed += o.failed
	w.opened += o.opened
	w.samples += o.samples
	w.charged += o.charged
	w.util += o.util
}
