package queue

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/tracetest"
	"foundrylab/internal/unit"
)

var update = flag.Bool("update", false, "write what the queue does into testdata; commit only changes that you understand")

// TestTraces runs the commands of every file in testdata and compares what the
// queue does, the indented lines below each command, with what the file says.
//
//	queue DISCIPLINE tenants=x:3:high,y:1:low bands=high,low:25%:TTL:MAXREQUESTS:MAXBYTES room=100 bytes=1000 ttl=30s quantum=100
//	reconfigure (the same arguments)
//	TIME push TENANT NAME... cost=10 bytes=1 deadline=5s
//	TIME serve N                  the next N are dispatched
//	TIME remove NAME...           their clients left
//	TIME return NAME...           the backend refused them
//	TIME adjust TENANT DELTA
//	TIME ahead TENANT COST
//	TIME expire
//
// A tenant is named, and its weight and band may be left out.
func TestTraces(t *testing.T) {
	tracetest.Run(t, *update, func(t *testing.T) tracetest.Obey { return (&tracer{t: t}).command })
}

type tracer struct {
	t       *testing.T
	q       *Queue
	tenants []string
	names   []string // of items, by the slot of their Ref
	items   []Item
	handles []Handle
	due     tick.Instant
}

func (tr *tracer) command(f []string) []string {
	args := map[string]string{}
	var words []string
	for _, a := range f {
		if name, value, ok := strings.Cut(a, "="); ok {
			args[name] = value
		} else {
			words = append(words, a)
		}
	}
	switch f[0] {
	case "queue":
		*tr = tracer{t: tr.t, due: tick.Never}
		cfg, tenants := tr.config(words[1], args)
		tr.q = New(cfg, tenants)
		return nil
	case "reconfigure":
		tr.q.Reconfigure(tr.config(words[1], args))
		return []string{fmt.Sprintf("%d wait", tr.q.Len())}
	}
	now := tick.Instant(tr.span(f[0]))
	lines := tr.do(now, words[1], words[2:], args)
	if due := tr.q.NextExpiry(); due != tr.due {
		tr.due = due
		text := "never"
		if due != tick.Never {
			text = time.Duration(due).String()
		}
		lines = append(lines, "next expiry "+text)
	}
	return lines
}

func (tr *tracer) config(discipline string, args map[string]string) (*Config, []Tenant) {
	or := func(name, otherwise string) string {
		if v, ok := args[name]; ok {
			return v
		}
		return otherwise
	}
	cfg := &Config{Discipline: discipline, MaxRequests: int(tr.number(or("room", "1000"))), MaxBytes: unit.Count(tr.number(or("bytes", "1000000"))),
		TTL: unit.Duration(tr.span(or("ttl", "30s"))), Quantum: unit.Count(tr.number(or("quantum", "100")))}
	var bands []string
	for band := range strings.SplitSeq(or("bands", "all"), ",") {
		p := append(strings.Split(band, ":"), "", "", "", "")
		b := Band{Name: p[0]}
		if p[1] != "" {
			if err := b.MinShare.UnmarshalText([]byte(p[1])); err != nil {
				tr.t.Fatal(err)
			}
		}
		if p[2] != "" {
			b.TTL = unit.Duration(tr.span(p[2]))
		}
		b.MaxRequests, b.MaxBytes = int(tr.number("0"+p[3])), unit.Count(tr.number("0"+p[4]))
		cfg.Bands = append(cfg.Bands, b)
		bands = append(bands, p[0])
	}
	var tenants []Tenant
	tr.tenants = nil
	for tenant := range strings.SplitSeq(args["tenants"], ",") {
		p := append(strings.Split(tenant, ":"), "1", bands[0])
		if len(p) == 4 { // it named its weight
			p[2] = bands[0]
		}
		tr.tenants = append(tr.tenants, p[0])
		tenants = append(tenants, Tenant{Weight: tr.number(p[1]), Band: slices.Index(bands, p[2])})
	}
	return cfg, tenants
}

func (tr *tracer) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		tr.t.Fatal(err)
	}
	return n
}

func (tr *tracer) span(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		tr.t.Fatal(err)
	}
	return d
}

func (tr *tracer) do(now tick.Instant, what string, f []string, args map[string]string) []string {
	switch what {
	case "push":
		return tr.push(now, f, args)
	case "serve":
		return tr.serve(now, tr.number(f[0]))
	case "remove", "return":
		var lines []string
		for _, name := range f {
			i := slices.Index(tr.names, name)
			if what == "remove" {
				lines = append(lines, fmt.Sprintf("%s waited: %t", name, tr.q.Remove(tr.handles[i])))
				continue
			}
			tr.q.Adjust(int(tr.items[i].Tenant), -tr.items[i].Cost)
			tr.handles[i] = tr.q.Return(now, tr.items[i])
		}
		return lines
	case "adjust":
		tr.q.Adjust(slices.Index(tr.tenants, f[0]), tr.number(f[1]))
		return nil
	case "ahead":
		return []string{fmt.Sprint(tr.q.Ahead(slices.Index(tr.tenants, f[0]), tr.number(f[1])))}
	case "expire":
		var lines []string
		for it, ok := tr.q.Expire(now); ok; it, ok = tr.q.Expire(now) {
			lines = append(lines, "expired "+tr.names[it.Ref.Slot])
		}
		return lines
	}
	tr.t.Fatalf("unknown command %q", what)
	return nil
}

func (tr *tracer) push(now tick.Instant, f []string, args map[string]string) (lines []string) {
	it := Item{Cost: 10, Bytes: 1, Deadline: tick.Never, Tenant: uint16(slices.Index(tr.tenants, f[0]))}
	if text, ok := args["cost"]; ok {
		it.Cost = tr.number(text)
	}
	if text, ok := args["bytes"]; ok {
		it.Bytes = tr.number(text)
	}
	if text, ok := args["deadline"]; ok {
		it.Deadline = tick.Instant(tr.span(text))
	}
	for _, name := range f[1:] {
		it.Ref = record.Ref{Slot: uint32(len(tr.names))}
		v, h := tr.q.Push(now, it)
		tr.names, tr.items, tr.handles = append(tr.names, name), append(tr.items, it), append(tr.handles, h)
		if v != Queued {
			lines = append(lines, fmt.Sprintf("%s: %v", name, v))
		}
		for gone, ok := tr.q.Displaced(); ok; gone, ok = tr.q.Displaced() {
			lines = append(lines, fmt.Sprintf("%s displaces %s", name, tr.names[gone.Ref.Slot]))
		}
	}
	return lines
}

// serve dispatches n and tells in one line which.
func (tr *tracer) serve(now tick.Instant, n int64) []string {
	var served []string
	for range n {
		it, h, ok := tr.q.Peek(now)
		if !ok {
			served = append(served, "nobody waits")
			break
		}
		tr.q.Take(now, h)
		tr.items[it.Ref.Slot] = it
		served = append(served, tr.names[it.Ref.Slot])
	}
	return []string{strings.Join(served, " ")}
}
