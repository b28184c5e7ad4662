//go:build linux

package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/proctest"
)

const (
	connections = 64
	rounds      = 5 // that count, after one that does not
	round       = 2 * time.Second
	asked       = 1000 // requests of a round over one connection
	streams     = 500
	pace        = 50 * time.Millisecond // between two chunks of a stream
	paced       = 3 * time.Second       // of each front's streams
	probes      = 300                   // streams whose first event is timed meanwhile
	open        = 2000                  // streams that are held open
)

// figures are what is measured of a front: a median of rounds each.
type figures struct {
	rate   float64       // answers a second, 64 connections
	cpu    time.Duration // of an answer
	p50    time.Duration // of an answer, one connection
	chunk  time.Duration // processor time of a chunk
	first  time.Duration // 99th percentile of the time to the first event, beside 500 streams
	stream float64       // bytes of memory of an open stream
}

// TestGateway measures the gateway of gateway.yaml, on one core, beside the others, and holds these bounds:
//
//	answers a second        at least 0.9 of ReverseProxy's
//	added time of an answer at most 1.1 of ReverseProxy's, one connection
//	processor of a chunk    at most ReverseProxy's
//	memory of a stream      at most 0.9 of ReverseProxy's
//	added time to the first event, 99th percentile, beside 500 streams: at most 2 ms
//
// nginx and haproxy need less than the client and the backend, which share the other core: of them the processor time of
// an answer tells more than the rate.
func TestGateway(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("measures for minutes; make bench-gateway runs it")
	}
	list := fronts(t)
	backend := list[0].address
	bodies := prompts()
	rows := map[string]*figures{}
	for _, f := range list { // memory first, of processes that have done nothing else
		rows[f.name] = &figures{stream: f.perStream(t, f.request(bodies[0], "100000/1000000000", backend))}
	}
	measureAnswers(t, list, bodies, rows)
	measureStreams(t, list, bodies[0], rows)
	t.Log(table(list, rows))
	hold(t, rows)
}

// measureAnswers takes turns: what happens to the machine meanwhile happens to all.
func measureAnswers(t *testing.T, list []*front, bodies [][]byte, rows map[string]*figures) {
	requests := map[string][][]byte{}
	for _, f := range list {
		for _, b := range bodies {
			requests[f.name] = append(requests[f.name], f.request(b, "", list[0].address))
		}
	}
	rates, cpus, times := map[string][]float64{}, map[string][]time.Duration{}, map[string][]time.Duration{}
	for i := range rounds + 1 {
		for _, f := range list {
			rate, cpu := f.rate(t, requests[f.name], connections, round)
			p50 := f.latency(t, requests[f.name], asked)
			if i > 0 {
				rates[f.name] = append(rates[f.name], rate)
				cpus[f.name] = append(cpus[f.name], cpu)
				times[f.name] = append(times[f.name], p50)
			}
		}
	}
	for _, f := range list {
		r := rows[f.name]
		r.rate, r.cpu, r.p50 = quantile(rates[f.name], 0.5), quantile(cpus[f.name], 0.5), quantile(times[f.name], 0.5)
	}
}

// measureStreams has 500 streams go on, and times the first events of others.
func measureStreams(t *testing.T, list []*front, body []byte, rows map[string]*figures) {
	chunks, firsts := map[string][]time.Duration{}, map[string][]time.Duration{}
	for i := range rounds + 1 {
		for _, f := range list {
			if !f.streams() {
				continue
			}
			end := f.streaming(t, streams, f.request(body, fmt.Sprintf("100000/%d", pace), list[0].address))
			began, used := time.Now(), proctest.Processor(t, f.pid)
			<-time.After(paced)
			chunk := (proctest.Processor(t, f.pid) - used) / time.Duration(streams*int64(time.Since(began)/pace))
			first := f.first(t, f.request(body, "1/0", list[0].address), probes, 0.99)
			end()
			if i > 0 {
				chunks[f.name] = append(chunks[f.name], chunk)
				firsts[f.name] = append(firsts[f.name], first)
			}
		}
	}
	for name := range chunks {
		rows[name].chunk, rows[name].first = quantile(chunks[name], 0.5), quantile(firsts[name], 0.5)
	}
}

// perStream is what an open stream takes of a front's memory, in bytes.
func (f *front) perStream(t *testing.T, request []byte) float64 {
	if !f.streams() {
		return 0
	}
	before := proctest.Resident(t, f.pid)
	end := f.streaming(t, open, request)
	defer end()
	return float64(proctest.Resident(t, f.pid)-before) / open
}

func table(list []*front, rows map[string]*figures) string {
	var b strings.Builder
	p := rows["ReverseProxy"]
	fmt.Fprintf(&b, "\n%-13s %9s %6s %9s %9s %9s %9s %9s %9s\n", "", "answers/s", "ratio", "CPU each", "p50", "added", "CPU/chunk", "1st p99", "B/stream")
	for _, f := range list {
		r := rows[f.name]
		fmt.Fprintf(&b, "%-13s %9.0f %6.2f %9v %9v %9v %9v %9v %9.0f\n", f.name, r.rate, r.rate/p.rate, r.cpu.Round(100*time.Nanosecond), r.p50.Round(time.Microsecond),
			(r.p50 - rows["direct"].p50).Round(time.Microsecond), r.chunk.Round(100*time.Nanosecond), r.first.Round(10*time.Microsecond), r.stream)
	}
	return b.String()
}

// hold fails for every bound that is not reached.
func hold(t *testing.T, rows map[string]*figures) {
	direct, g, p := rows["direct"], rows["gateway"], rows["ReverseProxy"]
	for _, c := range []struct {
		what        string
		got         float64
		least, most float64
	}{
		{"answers a second, of ReverseProxy's", g.rate / p.rate, 0.9, 1e9},
		{"added time of an answer, of ReverseProxy's", float64(g.p50-direct.p50) / float64(max(p.p50-direct.p50, 1)), -1e9, 1.1},
		{"processor time of a chunk, of ReverseProxy's", float64(g.chunk) / float64(p.chunk), 0, 1},
		{"memory of an open stream, of ReverseProxy's", g.stream / p.stream, 0, 0.9},
		{"added time to the first event, ms", (g.first - direct.first).Seconds() * 1000, -1e9, 2},
	} {
		if c.got < c.least || c.got > c.most {
			t.Errorf("NOT REACHED: %s: %.2f", c.what, c.got)
		} else {
			t.Logf("reached: %s: %.2f", c.what, c.got)
		}
	}
}

func quantile[T float64 | time.Duration](list []T, q float64) T {
	if len(list) == 0 {
		return 0
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list[int(q*float64(len(list)-1)+0.5)]
}
