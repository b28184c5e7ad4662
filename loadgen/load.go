package loadgen

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/core"
)

// load is one run.
type load struct {
	cfg       Config
	clock     *drive.Clock
	driver    *drive.Driver[core.Event, core.Effect]
	wires     []wire
	transport http.RoundTripper
	sleep     pace.Func

	base   context.Context // of every try
	cancel context.CancelFunc

	// Under the driver's lock.
	core   *core.Core
	trying []*try          // by slot: the newest try of the request that has it
	due    []*try          // open-loop first tries, in order, that vegeta does not know of
	waking tick.Instant    // what the pacer sleeps for
	alarm  context.Context // ends the pacer's sleep
	rouse  context.CancelFunc

	handed    chan *try // from pacer to targeter: one for each hit that vegeta was told to make
	claimed   sync.Map  // from targeter to probe: number in a header -> *try
	numbers   atomic.Uint64
	executing sync.WaitGroup // sends that are not vegeta's
	finished  chan struct{}  // closed when the core is
	lag       sync.Mutex     // serialises cfg.Lag
}

// try is one sending. The core's Ref names a request, so whether a result is
// still wanted is kept here.
type try struct {
	core.Effect // its Send
	wire        *wire
	paced       bool // an open-loop first try: vegeta's, and its lag counts
	ctx         context.Context
	cancel      context.CancelFunc
	dropped     atomic.Bool // the core has given it up
}

func newLoad(cfg Config) (*load, error) {
	wires, err := newWires(cfg.Target, cfg.Tenants)
	if err != nil {
		return nil, err
	}
	l := &load{
		cfg:       cfg,
		clock:     cfg.Clock,
		wires:     wires,
		transport: cfg.Transport,
		sleep:     cfg.SleepUntil,
		core:      cfg.Core,
		handed:    make(chan *try, 64),
		finished:  make(chan struct{}),
	}
	l.base, l.cancel = context.WithCancel(context.Background())
	l.alarm, l.rouse = context.WithCancel(l.base)
	l.driver = drive.New(l.core, l.clock, core.Event{Kind: core.Wake}, l.deliver)
	l.driver.Stop() // the pacer wakes the core, more exactly than the driver's timer would
	l.driver.Record(cfg.Tape)
	return l, nil
}

// do steps the core with ev and wakes the pacer if it would now sleep too long.
func (l *load) do(ev core.Event) {
	l.driver.Do(ev)
	l.driver.Locked(func(tick.Instant) {
		if l.core.NextWake() < l.waking || l.core.Finished() {
			l.rouse()
		}
	})
}

// deliver acts on one effect; the driver calls it under its lock.
func (l *load) deliver(now tick.Instant, e core.Effect) {
	switch e.Kind {
	case core.Send:
		l.begin(e)
	case core.Cancel:
		l.drop(e.Ref)
	case core.TryDone, core.RequestDone, core.Drop:
		if l.cfg.Observe != nil {
			l.cfg.Observe(now, e)
		}
	}
}

func (l *load) begin(e core.Effect) {
	t := &try{Effect: e, wire: &l.wires[e.Tenant]}
	t.ctx, t.cancel = context.WithCancel(l.base)
	t.paced = e.Tries == 0 && t.wire.openLoop
	for int(e.Ref.Slot) >= len(l.trying) {
		l.trying = append(l.trying, nil)
	}
	l.trying[e.Ref.Slot] = t
	if t.paced {
		l.due = append(l.due, t)
		return
	}
	l.executing.Go(func() { l.execute(t) })
}

func (l *load) drop(ref record.Ref) {
	if t := l.trying[ref.Slot]; t.Ref == ref {
		t.dropped.Store(true)
		t.cancel()
	}
}

// pacer makes vegeta send: Pace itself waits, since vegeta's own wait is a
// time.Sleep. It is also the core's clockwork: it alone wakes the core, whoever
// the wake is for.
type pacer struct{ *load }

// Pace implements vegeta.Pacer: it returns when one more hit is to be made at
// once, or when the core has finished.
func (p pacer) Pace(time.Duration, uint64) (wait time.Duration, stop bool) {
	for {
		t, alarm, next := p.next()
		switch {
		case t != nil:
			p.handed <- t // a hit for each that waits there is under way to target
			return 0, false
		case next == tick.Never:
			close(p.finished)
			return 0, true
		}
		p.sleep(alarm, p.clock, next)
		p.driver.Do(core.Event{Kind: core.Wake})
	}
}

// Rate implements vegeta.Pacer; vegeta only prints it.
func (pacer) Rate(time.Duration) float64 { return 0 }

// next returns the next due try; else what to sleep for, which is tick.Never
// when the core has finished, and what ends the sleep early.
func (p pacer) next() (t *try, alarm context.Context, next tick.Instant) {
	p.driver.Locked(func(tick.Instant) {
		if len(p.due) > 0 {
			t, p.due = p.due[0], p.due[1:]
			return
		}
		if p.alarm.Err() != nil {
			p.alarm, p.rouse = context.WithCancel(p.base)
		}
		p.waking = p.core.NextWake()
		alarm, next = p.alarm, p.waking
	})
	return t, alarm, next
}

// tryHeader carries a try's number from the targeter to the probe, which takes
// it off.
const tryHeader = "X-Foundrylab-Try"

// target implements vegeta.Targeter.
func (l *load) target(tgt *vegeta.Target) error {
	t := <-l.handed
	number := strconv.FormatUint(l.numbers.Add(1), 10)
	l.claimed.Store(number, t)
	tgt.Method, tgt.URL, tgt.Header, tgt.Body = http.MethodPost, t.wire.url, t.wire.headers(t.Tries), t.wire.body(&t.Effect)
	tgt.Header[tryHeader] = []string{number}
	return nil
}

// probe is vegeta's transport: it finds the try that a request belongs to. What
// it returns only tells vegeta that the hit is over: it has no body to read and
// no Location to follow.
type probe struct{ *load }

// RoundTrip implements http.RoundTripper. It returns when the whole answer has
// been read.
func (p probe) RoundTrip(req *http.Request) (*http.Response, error) {
	t, _ := p.claimed.LoadAndDelete(req.Header.Get(tryHeader))
	req.Header.Del(tryHeader)
	req.Header.Del("X-Vegeta-Seq")
	status, err := p.perform(t.(*try), req)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}
