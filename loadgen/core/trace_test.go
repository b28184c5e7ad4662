package core

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/tracetest"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
)

var update = flag.Bool("update", false, "write what the core does into testdata; commit only changes that you understand")

// TestTraces runs the commands of every file in testdata and compares what the
// core does, the indented lines below each command, with what the file says.
//
//	tenant NAME rate=10/s|rows=1s:100:20,...|users=2 think=1s client=openai-go timeout=5s prompt=100 output=20 max=2x start=1s stop=5s whole
//	load duration=10s drain=5s bound=9 start=0s     with the tenants above
//	install                                         the tenants above are a further configuration
//	TIME run                                        wakes the core whenever it wants, up to TIME
//	TIME wake                                       once
//	TIME end REQUEST ok|cut|STATUS first=300ms tokens=5 retry=2s attempts=2 queue=10ms
//	TIME begun REQUEST
//	TIME stop
//	TIME configure VERSION
//
// A request is r and its slot, with .GENERATION where that is not 0, which each
// try adds to; STATUS 0 is a failed connection. The nanoseconds of an instant below 100 us are the
// request's phase.
func TestTraces(t *testing.T) {
	tracetest.Run(t, *update, func(t *testing.T) tracetest.Obey { return (&tracer{t: t}).command })
}

type tracer struct {
	t       *testing.T
	core    *Core
	sources []Source
	names   []string // by dense tenant id
}

func (tr *tracer) command(f []string) []string {
	args := arguments{tr.t, map[string]string{}}
	for _, a := range f {
		name, value, _ := strings.Cut(a, "=")
		args.of[name] = value
	}
	switch f[0] {
	case "tenant":
		tr.sources = append(tr.sources, args.tenant(f[1]))
		return nil
	case "load":
		tr.names = nil
		tr.core = New(Options{Seed: 1, Duration: args.span("duration"), Drain: args.span("drain"), MaxInFlight: int(args.number("bound")),
			Sources: tr.take()})
		return nil
	case "install":
		return []string{fmt.Sprintf("version %d", tr.core.Install(tr.take()))}
	}
	span, err := time.ParseDuration(f[0])
	if err != nil {
		tr.t.Fatalf("%q: want tenant, load, install or a time", f)
	}
	var lines []string
	at := tick.Instant(span)
	if f[1] == "run" {
		for tr.core.NextWake() <= at {
			lines = append(lines, tr.step(tr.core.NextWake(), Event{Kind: Wake})...)
		}
		if tr.core.Finished() {
			lines = append(lines, "finished")
		}
		return lines
	}
	return tr.step(at, args.event(at, f[1:]))
}

func (tr *tracer) take() []Source {
	taken := tr.sources
	for _, s := range taken {
		tr.names = append(tr.names, s.Tenant.Config.Name)
	}
	tr.sources = nil
	return taken
}

func (tr *tracer) step(at tick.Instant, ev Event) []string {
	var lines []string
	for _, e := range tr.core.Step(at, ev, nil) {
		lines = append(lines, time.Duration(at).String()+" "+tr.describe(at, &e))
	}
	return lines
}

// arguments are the NAME=VALUE parts of a command.
type arguments struct {
	t  *testing.T
	of map[string]string
}

func (a arguments) number(name string) int64 {
	n, err := strconv.ParseInt(a.of[name], 10, 64)
	if err != nil && a.of[name] != "" {
		a.t.Fatal(err)
	}
	return n
}

func (a arguments) span(name string) time.Duration {
	d, err := time.ParseDuration(a.of[name])
	if err != nil && a.of[name] != "" {
		a.t.Fatal(err)
	}
	return d
}

func (a arguments) tenant(name string) Source {
	cfg := &tenant.Config{Name: name, Client: "none", Stream: true, Timeout: unit.Duration(a.span("timeout")), Users: int(a.number("users")),
		Start: unit.Duration(a.span("start")), Stop: unit.Duration(a.span("stop")), Prompt: tokens(100), Output: tokens(20)}
	if c := a.of["client"]; c != "" {
		cfg.Client = c
	}
	if _, ok := a.of["whole"]; ok {
		cfg.Stream = false
	}
	for key, at := range map[string]**distribution.Config{"prompt": &cfg.Prompt, "output": &cfg.Output} {
		if a.of[key] != "" {
			*at = tokens(a.number(key))
		}
	}
	if text := a.of["max"]; text != "" {
		if err := cfg.MaxTokens.UnmarshalText([]byte(strings.Replace(text, "x", "x output", 1))); err != nil {
			a.t.Fatal(err)
		}
	}
	var rows []arrival.Row
	switch {
	case a.of["users"] != "":
		think := unit.Duration(a.span("think"))
		cfg.Think = &tenant.Think{Constant: &think}
	case a.of["rows"] != "":
		cfg.Arrivals = &arrival.Config{Trace: &arrival.Trace{Compress: 1_000_000}}
		for text := range strings.SplitSeq(a.of["rows"], ",") {
			f := strings.Split(text, ":")
			at, _ := time.ParseDuration(f[0])
			prompt, _ := strconv.Atoi(f[1])
			output, _ := strconv.Atoi(f[2])
			rows = append(rows, arrival.Row{At: at, Prompt: int32(prompt), Output: int32(output)})
		}
	default:
		cfg.Arrivals = &arrival.Config{Constant: &arrival.Constant{Rate: rate(a.of["rate"])}}
	}
	return Source{Tenant: compile(cfg, 1), Rows: rows}
}

func tokens(n int64) *distribution.Config {
	c := unit.Count(n)
	return &distribution.Config{Constant: &c}
}

func rate(text string) (r unit.Rate) {
	if err := r.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return r
}

func compile(cfg *tenant.Config, seed uint64) *tenant.Tenant {
	return tenant.Compile(cfg, seed, tenant.Sizing{MinPrompt: 1, Estimate: func(n, _ int32) int32 { return n + 1 }})
}

func (a arguments) event(at tick.Instant, f []string) Event {
	switch f[0] {
	case "wake":
		return Event{}
	case "stop":
		return Event{Kind: Stop}
	case "begun":
		return Event{Kind: Begun, Ref: ref(f[1])}
	case "configure":
		v, _ := strconv.Atoi(f[1])
		return Event{Kind: Configure, Version: uint32(v)}
	case "end":
	default:
		a.t.Fatalf("unknown event %q", f)
	}
	ev := Event{Kind: TryEnd, Ref: ref(f[1]), Completion: int32(a.number("tokens")), Attempts: uint16(a.number("attempts")), QueueWait: tick.ToUnits(a.span("queue"))}
	ev.Status, ev.Outcome, ev.Reason = result(f[2])
	if _, ok := a.of["retry"]; ok {
		ev.HasRetry, ev.RetryMs = true, uint32(a.span("retry")/time.Millisecond)
	}
	if d, ok := a.of["first"]; ok {
		first, _ := time.ParseDuration(d)
		ev.First = tick.Instant(first)
	}
	return ev
}

// result is what the shell makes of an answer.
func result(text string) (uint16, record.Outcome, record.Reason) {
	switch text {
	case "ok":
		return 200, record.Succeeded, record.NoReason
	case "cut":
		return 200, record.Failed, record.CutFault
	case "0":
		return 0, record.Failed, record.UpstreamError
	case "429":
		return 429, record.Throttled, record.RateLimited
	}
	n, _ := strconv.Atoi(text)
	return uint16(n), record.Failed, record.BackendStatus
}

func ref(name string) record.Ref {
	slot, gen, _ := strings.Cut(name[1:], ".")
	s, _ := strconv.Atoi(slot)
	g, _ := strconv.Atoi(gen)
	return record.Ref{Slot: uint32(s), Gen: uint32(g)}
}

func name(r record.Ref) string {
	if r.Gen == 0 {
		return fmt.Sprint("r", r.Slot)
	}
	return fmt.Sprint("r", r.Slot, ".", r.Gen)
}

func (tr *tracer) describe(now tick.Instant, e *Effect) string {
	who := name(e.Ref)
	switch e.Kind {
	case Send:
		text := fmt.Sprintf("send %s of %s, try %d: prompt %d output %d max %d", who, tr.names[e.Tenant], e.Tries, e.PromptTokens, e.OutputTokens, e.MaxTokens)
		if !e.Flag {
			text += " whole"
		}
		if e.Intended != now {
			text += " meant for " + time.Duration(e.Intended).String()
		}
		return text
	case Cancel:
		return "cancel " + who
	case TryDone:
		return fmt.Sprintf("try %d of %s ended: %d %v (%v)", e.Tries, who, e.Status, e.Outcome, e.Reason)
	case Drop:
		return fmt.Sprintf("drop one of %s", tr.names[e.Tenant])
	case Stray:
		return "stray " + who
	case Drained:
		return "drained"
	}
	text := fmt.Sprintf("done %s of %s: %d %v (%v), meant for %v, tries %d attempts %d, %d of %d tokens, cost %d", who, tr.names[e.Tenant], e.Status,
		e.Outcome, e.Reason, time.Duration(e.Intended), e.Tries, e.Attempts, int(e.PromptTokens)+int(e.OutputTokens), e.Tokens, e.Cost)
	for _, part := range []struct {
		name string
		span tick.Units
	}{{"TTFT", e.TTFT}, {"queued", e.QueueWait}} {
		if part.span > 0 {
			text += fmt.Sprintf(", %s %v", part.name, part.span.Span())
		}
	}
	if e.Flag {
		text += ", begun"
	}
	return text
}
