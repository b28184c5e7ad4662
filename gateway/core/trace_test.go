package core

import (
	"cmp"
	"encoding"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/canary"
	"foundrylab/gateway/queue"
	"foundrylab/gateway/retry"
	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/tracetest"
	"foundrylab/internal/unit"
)

var update = flag.Bool("update", false, "write what the core does into testdata; commit only changes that you understand")

// TestTraces runs the commands of every file in testdata and compares what the
// core does, the indented lines below each command, with what the file says.
//
//	gateway groups=a,b/c failures=3 attempts=3 policy=round-robin weights=a:2,b:1 bound=9 remote
//		queue=vtc ttl=30s room=9 bands=high,low:10% ramp=50ms dispatch=predictive tpm=a:60000 reserve=2%
//		tenants=x:3:high,y:1:low limits=x:tpm:600,y:rpm:60 lag=40s head=2s idle=1s    continued on one line
//		hedge=1s hedges=5% saved=10
//		canary=c:50%,d by=tenant rollback=20%:4    of the backends c and d; when 20 points more fail, of 4 at least
//	install (the same arguments)       a further configuration
//	TIME request REQUEST key=1 tokens=100 max=50 tenant=0 deadline=2s stream pin=a canary
//	TIME head ATTEMPT free=30%         its answer began well, and said so much is free
//	TIME end ATTEMPT ok|cut|missing|STATUS retry=1500ms tokens=5
//	TIME left ATTEMPT                  its result says nothing about the backend
//	TIME gone REQUEST
//	TIME silent ATTEMPT for=2s tokens=5    its backend has been waited for so long
//	TIME granted REQUEST
//	TIME refused REQUEST retry=2s
//	TIME configure VERSION
//	TIME wake
//
// A request is r and its slot, an attempt a and its slot, with .GENERATION
// where that is not 0. STATUS 0 is a failed connection.
func TestTraces(t *testing.T) {
	tracetest.Run(t, *update, func(t *testing.T) tracetest.Obey { return (&tracer{t: t}).command })
}

type tracer struct {
	t       *testing.T
	core    *Core
	names   []string
	members []Member
	wake    tick.Instant
}

func (tr *tracer) command(f []string) []string {
	args := map[string]string{}
	for _, a := range f {
		if name, value, ok := strings.Cut(a, "="); ok {
			args[name] = value
		}
	}
	switch f[0] {
	case "gateway":
		cfg := tr.config(args)
		tr.names, tr.wake = nil, tick.Never
		for _, g := range cfg.Route.Groups {
			tr.names = append(tr.names, g...)
		}
		slices.Sort(tr.names)
		tr.members = nil
		for i := range cfg.Tenants {
			tr.members = append(tr.members, Member{Name: cfg.Tenants[i].Name, Weight: 1})
		}
		tr.core = New(cfg, Options{Seed: 1, Backends: tr.names, Tenants: tr.members, Remote: slices.Contains(f, "remote")})
		return nil
	case "install":
		cfg := tr.config(args)
		for i := len(tr.members); i < len(cfg.Tenants); i++ {
			tr.members = append(tr.members, Member{Name: cfg.Tenants[i].Name, Weight: 1})
		}
		return []string{fmt.Sprintf("version %d", tr.core.Install(cfg, tr.names, tr.members))}
	}
	at, err := time.ParseDuration(f[0])
	if err != nil {
		tr.t.Fatalf("%q: want gateway, install or a time", f)
	}
	var lines []string
	for _, e := range tr.core.Step(tick.Instant(at), tr.event(f[1:], args), nil) {
		lines = append(lines, tr.describe(e))
	}
	if next := tr.core.NextWake(); next != tr.wake {
		tr.wake = next
		lines = append(lines, "wake "+instant(next))
	}
	return lines
}

func (tr *tracer) config(args map[string]string) *Config {
	or := func(name, otherwise string) string {
		if v, ok := args[name]; ok {
			return v
		}
		return otherwise
	}
	number := func(name, otherwise string) int {
		n, err := strconv.Atoi(or(name, otherwise))
		if err != nil {
			tr.t.Fatal(err)
		}
		return n
	}
	cfg := policy()
	cfg.Route = route.Config{Policy: or("policy", "weighted")}
	tr.parse(&cfg.Timeouts.Head, or("head", "0s"))
	tr.parse(&cfg.Timeouts.Idle, or("idle", "0s"))
	cfg.Retry.Attempts, cfg.Breaker.Failures, cfg.MaxInFlight = number("attempts", "3"), number("failures", "3"), number("bound", "1000")
	for group := range strings.SplitSeq(args["groups"], "/") {
		cfg.Route.Groups = append(cfg.Route.Groups, strings.Split(group, ","))
	}
	for w := range strings.SplitSeq(args["weights"], ",") {
		if name, n, ok := strings.Cut(w, ":"); ok {
			weight, _ := strconv.ParseInt(n, 10, 64)
			cfg.Route.Weights = append(cfg.Route.Weights, route.Weight{Backend: name, Weight: weight})
		}
	}
	if discipline, ok := args["queue"]; ok {
		cfg.Queue = &queue.Config{Discipline: discipline, MaxRequests: number("room", "1000"), MaxBytes: 1 << 30, Quantum: 100}
		tr.parse(&cfg.Queue.TTL, or("ttl", "30s"))
		for band := range strings.SplitSeq(args["bands"], ",") {
			if name, share, _ := strings.Cut(band, ":"); name != "" {
				b := queue.Band{Name: name}
				tr.parse(&b.MinShare, cmp.Or(share, "0%"))
				cfg.Queue.Bands = append(cfg.Queue.Bands, b)
			}
		}
	}
	tr.parse(&cfg.Breaker.Ramp, or("ramp", "0s"))
	tr.parse(&cfg.Retry.Budget.Share, or("share", "0%"))
	tr.parse(&cfg.Retry.Jitter, or("jitter", "0%"))
	tr.parse(&cfg.Affinity.Lag, or("lag", "0s"))
	tr.parse(&cfg.Hedge.After, or("hedge", "0s"))
	tr.parse(&cfg.Hedge.Budget.Share, or("hedges", "100%"))
	cfg.Hedge.Budget.Burst = int64(number("saved", "100"))
	cfg.Retry.Budget.PerSecond, cfg.Retry.Budget.Burst = int64(number("persecond", "0")), int64(number("burst", "0"))
	tr.budget(cfg, args)
	if text, ok := args["canary"]; ok {
		cfg.Canary = tr.canary(text, args)
	}
	return cfg
}

// budget reads what the backends admit and what the tenants get.
func (tr *tracer) budget(cfg *Config, args map[string]string) {
	if d, ok := args["dispatch"]; ok {
		cfg.Budget.Dispatch = d
	}
	if r, ok := args["reserve"]; ok {
		tr.parse(&cfg.Budget.Reserve, r)
	}
	for l := range strings.SplitSeq(args["tpm"], ",") {
		if name, n, ok := strings.Cut(l, ":"); ok {
			limit := budget.Limit{Backend: name, OutputWeight: 1, RPMWindow: unit.Duration(time.Second), Charge: "estimate"}
			tr.parse(&limit.TPM, n)
			cfg.Budget.Limits = append(cfg.Budget.Limits, limit)
		}
	}
	for t := range strings.SplitSeq(args["tenants"], ",") {
		if f := strings.Split(t, ":"); f[0] != "" {
			weight, _ := strconv.ParseInt(f[1], 10, 64)
			tenant := Tenant{Name: f[0], Weight: weight}
			if len(f) > 2 {
				tenant.Priority = f[2]
			}
			cfg.Tenants = append(cfg.Tenants, tenant)
		}
	}
	for z := range strings.SplitSeq(args["zones"], ",") {
		if name, zone, ok := strings.Cut(z, ":"); ok {
			cfg.Route.Zones = append(cfg.Route.Zones, route.Zone{Backend: name, Zone: zone})
		}
	}
	for b := range strings.SplitSeq(args["bound-to"], ",") {
		for i := range cfg.Tenants {
			if name, zone, _ := strings.Cut(b, ":"); name == cfg.Tenants[i].Name {
				cfg.Tenants[i].Zones = append(cfg.Tenants[i].Zones, zone)
			}
		}
	}
	for l := range strings.SplitSeq(args["limits"], ",") {
		f := strings.Split(l, ":")
		for i := range cfg.Tenants {
			if t := &cfg.Tenants[i]; t.Name == f[0] && f[1] == "tpm" {
				tr.parse(&t.Limits.TPM, f[2])
			} else if t.Name == f[0] && f[1] == "hour" {
				q := budget.Quota{Period: "hour"}
				tr.parse(&q.Tokens, f[2])
				t.Limits.Quota = append(t.Limits.Quota, q)
			} else if t.Name == f[0] {
				tr.parse(&t.Limits.RPM, f[2])
			}
		}
	}
}

func (tr *tracer) canary(text string, args map[string]string) *canary.Config {
	c := &canary.Config{By: cmp.Or(args["by"], "request"), Rollback: canary.Rollback{Over: unit.Duration(time.Minute), Min: 1}}
	for b := range strings.SplitSeq(text, ",") {
		name, share, ok := strings.Cut(b, ":")
		if c.Backends = append(c.Backends, name); ok {
			tr.parse(&c.Share, share)
		}
	}
	if failures, least, ok := strings.Cut(args["rollback"], ":"); ok {
		tr.parse(&c.Rollback.Failures, failures)
		c.Rollback.Min, _ = strconv.ParseInt(least, 10, 64)
	}
	return c
}

func (tr *tracer) parse(into encoding.TextUnmarshaler, text string) {
	if err := into.UnmarshalText([]byte(text)); err != nil {
		tr.t.Fatal(err)
	}
}

// policy has the defaults of a file, over one backend.
func policy() *Config {
	return &Config{
		Route: route.Config{Policy: "weighted", Groups: [][]string{{"a"}}},
		Retry: retry.Config{Attempts: 3},
		Breaker: breaker.Config{Failures: 3, Window: unit.Duration(10 * time.Second), Open: unit.Duration(10 * time.Second),
			ProbeEvery: unit.Duration(time.Second), MaxRetryAfter: unit.Duration(5 * time.Minute)},
		Budget:      budget.Config{Dispatch: "reactive", Reserve: 20_000},
		MaxInFlight: 200_000,
	}
}

func (tr *tracer) event(f []string, args map[string]string) Event {
	number := func(name string) uint64 { n, _ := strconv.ParseUint(args[name], 10, 64); return n }
	var ev Event
	if len(f) > 1 {
		ev.Ref = ref(f[1])
	}
	if text, ok := args["retry"]; ok {
		d, err := time.ParseDuration(text)
		if err != nil {
			tr.t.Fatal(err)
		}
		ev.HasRetry, ev.RetryMs = true, uint32(d/time.Millisecond)
	}
	ev.Stream = slices.Contains(f, "stream")
	for i, mark := range []string{"canary", "apart"} {
		if slices.Contains(f, mark) {
			ev.Marks |= 1 << i
		}
	}
	switch f[0] {
	case "wake":
		ev.Kind = Wake
	case "request":
		ev.Kind, ev.Key, ev.PromptTokens, ev.MaxTokens = Request, number("key"), int32(number("tokens")), -1
		ev.PromptEstimate, ev.Tenant = ev.PromptTokens, uint16(number("tenant"))
		if _, ok := args["taken"]; ok { // for what the service takes the prompt
			ev.PromptEstimate = int32(number("taken"))
		}
		if _, ok := args["max"]; ok {
			ev.MaxTokens = int32(number("max"))
		}
		if b, ok := args["pin"]; ok {
			ev.Pin = PinGone
			if at := slices.Index(tr.names, b); at >= 0 {
				ev.Pin = uint8(at + 1)
			}
		}
		if d, err := time.ParseDuration(args["deadline"]); err == nil {
			ev.Span = tick.ToUnits(d)
		}
	case "head":
		ev.Kind, ev.PromptTokens = Head, int32(number("tokens"))
		if free, ok := args["free"]; ok {
			var share unit.Ratio
			tr.parse(&share, free)
			ev.Free = int32(share)
		}
	case "end":
		ev.Kind, ev.Completion = End, int32(number("tokens"))
		ev.Status, ev.Outcome, ev.Reason = result(f[2])
	case "left":
		ev.Kind, ev.Outcome, ev.Reason = End, record.Failed, record.ClientGone
	case "gone":
		ev.Kind = Gone
	case "granted":
		ev.Kind, ev.Outcome = Reserved, record.Succeeded
	case "refused":
		ev.Kind, ev.Outcome = Reserved, record.Throttled
	case "silent":
		d, err := time.ParseDuration(args["for"])
		if err != nil {
			tr.t.Fatal(err)
		}
		ev.Kind, ev.Span, ev.Completion = Silent, tick.ToUnits(d), int32(number("tokens"))
	case "configure":
		v, _ := strconv.Atoi(f[1])
		ev = Event{Kind: Configure, Version: uint32(v)}
	default:
		tr.t.Fatalf("unknown event %q", f)
	}
	return ev
}

// result is what the shell makes of a status.
func result(text string) (uint16, record.Outcome, record.Reason) {
	switch text {
	case "ok":
		return 200, record.Succeeded, record.NoReason
	case "cut":
		return 200, record.Failed, record.CutFault
	case "missing":
		return 400, record.Failed, record.PreviousMissing
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

func name(kind string, r record.Ref) string {
	if r.Gen == 0 {
		return fmt.Sprint(kind, r.Slot)
	}
	return fmt.Sprint(kind, r.Slot, ".", r.Gen)
}

func instant(t tick.Instant) string {
	if t == tick.Never {
		return "never"
	}
	return time.Duration(t).String()
}

func (tr *tracer) describe(e Effect) string {
	req, att := name("r", e.Req), name("a", e.Ref)
	switch e.Kind {
	case Send:
		if e.Hedge {
			return fmt.Sprintf("send %s as %s to %s beside it, attempt %d", req, att, tr.names[e.Backend], e.Attempts)
		}
		return fmt.Sprintf("send %s as %s to %s, attempt %d", req, att, tr.names[e.Backend], e.Attempts)
	case Commit:
		return fmt.Sprintf("commit %s of %s", att, tr.names[e.Backend])
	case Abort:
		if e.Reason == record.Outrun {
			return fmt.Sprintf("abort %s at %s, which is outrun", att, tr.names[e.Backend])
		}
		return fmt.Sprintf("abort %s at %s", att, tr.names[e.Backend])
	case Silence:
		return fmt.Sprintf("how long has %s been waited for at %s, attempt %s?", tr.names[e.Backend], instant(e.At), att)
	case Reserve:
		return fmt.Sprintf("reserve %d tokens for %s", e.Tokens, req)
	case Settle:
		return fmt.Sprintf("settle %d tokens of %s", e.Tokens, req)
	case Stray:
		return "stray"
	case RolledBack:
		return "rolled back by " + req
	case Drained:
		return "drained"
	case Transition:
		text := fmt.Sprintf("%s is %v (%v) at %s", tr.names[e.Backend], e.State, e.Reason, instant(e.At))
		if e.State == record.Open {
			text += " until " + instant(e.Until)
		}
		return text
	}
	text := fmt.Sprintf("respond %s: %d %v (%v)", req, e.Status, e.Outcome, e.Reason)
	if e.Made {
		text += " made here"
	}
	if e.HasRetry {
		text += fmt.Sprintf(" retry in %d ms", e.RetryMs)
	}
	if e.Backend != NoBackend {
		text += fmt.Sprintf(" from %s", tr.names[e.Backend])
	}
	if e.QueueWait > 0 {
		text += fmt.Sprintf(" after %v", e.QueueWait.Span())
	}
	if e.Hedge {
		text += ", hedged"
	}
	return text + fmt.Sprintf(", attempts %d, tokens %d", e.Attempts, e.Completion)
}
