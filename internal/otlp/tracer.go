package otlp

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Tracer keeps spans that are over and sends them, many at once. It holds up nobody who makes spans: what there is no room
// for is dropped and counted. Safe for concurrent use, but for Run.
type Tracer struct {
	settings Settings
	sampler  Sampler
	to       *collector
	log      zerolog.Logger
	full     chan struct{} // there is a batch

	held    []Span // taken, not sent yet; of Run alone
	failing bool   // of Run alone

	mu            sync.Mutex
	queue         []Span // a ring of Settings.Queue places
	first, length int
	sent, dropped uint64
}

// The bounds of what is kept, as OpenTelemetry's specification has them, and the most that can be asked for.
const (
	defaultQueue = 2048
	defaultBatch = 512
	mostQueue    = 1 << 20
)

// TracesFromEnvironment reads the variables that OpenTelemetry's specification names for traces: those of FromEnvironment,
// with TRACES for METRICS, OTEL_TRACES_SAMPLER and its _ARG, and OTEL_BSP_SCHEDULE_DELAY, _EXPORT_TIMEOUT, _MAX_QUEUE_SIZE
// and _MAX_EXPORT_BATCH_SIZE. Without an endpoint nothing is sent. The error has all mistakes; it never has the value of a
// header.
func TracesFromEnvironment(get func(string) string) (Settings, Sampler, error) {
	e := &environment{get: get}
	s := Settings{Interval: 5 * time.Second, Timeout: 10 * time.Second, Queue: defaultQueue, Batch: defaultBatch}
	if !e.read(&s, tracesSignal) {
		return s, Sampler{}, errors.Join(e.wrong...)
	}
	e.duration("OTEL_BSP_SCHEDULE_DELAY", &s.Interval)
	e.duration("OTEL_BSP_EXPORT_TIMEOUT", &s.Timeout)
	queue, batch := int64(s.Queue), int64(s.Batch)
	e.number("OTEL_BSP_MAX_QUEUE_SIZE", "a number of spans, from 1 to 1048576", mostQueue, &queue)
	batch = min(batch, queue)
	e.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "a number of spans, no larger than the queue", queue, &batch)
	s.Queue, s.Batch = int(queue), int(batch)
	sampler, err := samplerOf(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		e.wrong = append(e.wrong, err)
	}
	return s, sampler, errors.Join(e.wrong...)
}

// NewTracer returns a tracer that has sent nothing. Run sends.
func NewTracer(s Settings, sampler Sampler, log zerolog.Logger) *Tracer {
	if s.Queue <= 0 {
		s.Queue = defaultQueue
	}
	if s.Batch <= 0 {
		s.Batch = min(defaultBatch, s.Queue)
	}
	return &Tracer{settings: s, sampler: sampler, to: newCollector(s), log: shownIn(log, s), full: make(chan struct{}, 1), queue: make([]Span, s.Queue)}
}

// Begin returns the context of a new span of the server's, for a request with these headers, and its parent: all zeros
// where the trace begins here. A span whose context is not sampled is not for Add.
func (t *Tracer) Begin(h http.Header) (c Context, parent SpanID) {
	client, said := ReadContext(h)
	if said {
		c.Trace, parent = client.Trace, client.Span
	}
	for c.Trace == (TraceID{}) {
		binary.BigEndian.PutUint64(c.Trace[:8], rand.Uint64())
		binary.BigEndian.PutUint64(c.Trace[8:], rand.Uint64())
	}
	c.Sampled = t.sampler.samples(client, said, c.Trace)
	return c.Below(), parent
}

// Add keeps a span that is over until it is sent, or drops it where there is no room. It never waits for a collector.
func (t *Tracer) Add(s Span) {
	t.mu.Lock()
	if t.length == len(t.queue) {
		t.dropped++
		t.mu.Unlock()
		return
	}
	t.queue[(t.first+t.length)%len(t.queue)] = s
	t.length++
	batch := t.length >= t.settings.Batch
	t.mu.Unlock()
	if batch {
		select {
		case t.full <- struct{}{}:
		default:
		}
	}
}

// Take removes the oldest spans, one batch at most.
func (t *Tracer) Take() []Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(t.length, t.settings.Batch)
	if n == 0 {
		return nil
	}
	list := make([]Span, n)
	for i := range list {
		at := (t.first + i) % len(t.queue)
		list[i], t.queue[at] = t.queue[at], Span{}
	}
	t.first, t.length = (t.first+n)%len(t.queue), t.length-n
	return list
}

// Counts returns how many spans a collector has taken, and how many were dropped.
func (t *Tracer) Counts() (sent, dropped uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent, t.dropped
}

// Run sends until ctx is done, and then what is left, for two seconds at most. What a collector cannot take for now is
// sent again, and meanwhile the queue fills; what it refuses for good is dropped. The first failure of a row is logged,
// the success that ends it, and how many spans were dropped in all.
func (t *Tracer) Run(ctx context.Context) {
	defer t.to.client.CloseIdleConnections()
	tick := time.NewTicker(t.settings.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		full := t.full
		if t.failing { // a collector that fails is left alone until it is time
			full = nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
			t.send(ctx)
		case <-full:
			t.send(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPatience)
	defer cancel()
	t.send(last)
	for lost := t.Take(); lost != nil; lost = t.Take() {
		t.drop(lost)
	}
	t.drop(t.held)
	t.held = nil
	if _, dropped := t.Counts(); dropped > 0 {
		t.log.Warn().Uint64("spans", dropped).Msg("spans were dropped")
	}
}

// send sends what there is, until a collector cannot take it.
func (t *Tracer) send(ctx context.Context) {
	for {
		if t.held == nil {
			t.held = t.Take()
		}
		if t.held == nil {
			return
		}
		body, err := encodeSpans(t.held, t.settings.Resource)
		if err == nil {
			err = t.to.send(ctx, body)
		}
		if err != nil && ctx.Err() != nil {
			return // the end gave it up, and has another try
		}
		t.tell(err)
		if err != nil && again(err) {
			return
		}
		if err == nil {
			t.mu.Lock()
			t.sent += uint64(len(t.held))
			t.mu.Unlock()
		} else {
			t.drop(t.held)
		}
		t.held = nil
	}
}

func (t *Tracer) drop(list []Span) {
	t.mu.Lock()
	t.dropped += uint64(len(list))
	t.mu.Unlock()
}

func (t *Tracer) tell(err error) {
	switch {
	case err != nil && !t.failing:
		t.log.Warn().Err(err).Msg("spans could not be exported")
	case err == nil && t.failing:
		t.log.Info().Msg("spans are exported again")
	}
	t.failing = err != nil
}
