package deployment

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/tracetest"
	"foundrylab/internal/unit"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

var update = flag.Bool("update", false, "write what the core does into testdata; commit only changes that you understand")

// TestTraces runs the commands of every file in testdata and compares what the
// core does, the indented lines below each command, with what the file says.
//
//	fault outage|peak|status=503|latency=2s jitter=1s|abort=10|truncate=10|error_in_stream=10|malformed=10|stall=10 pause=5s at=5s for=10s p=50%     of the next deployment
//	fault slow_headers=2s|throttle=20s|capacity=50%|token_expiry|deleted=finish|wrong_length=100|stale
//	deployment tpm=1000 rpm=600 ptu=15 model=gpt-4.1 ttft=400ms pace=100 window=10s guess=256 bound=9 remote
//	    tier=priority floor=1000 (tokens of it a minute) cache=5m (retention) overflow=15 prefixes=10 per_1k=1s (TTFT of prompt tokens)
//	    flex=2s (wait for capacity) timeout=10m (of it)
//	    think=100 (tokens of reasoning) knee=80% slowest=60% (of its pace) filter=default (tokens come in bursts) profile=azure-2024 forgiving (refused requests do not count) weight=500000 disconnect=planned
//	    month=1000 (tokens of the usage tier; above it 2.5 times as slow) used=0
//	    output=100 counts=max_tokens (of a Claude model)
//	install (arguments of deployment)     a further configuration
//	install faults                        the newest configuration with the faults above it in place of its own
//	TIME start REQUEST key=1 prompt=100 chars=400 max=50 out=20 n=2 effort=3 (low) whole chained prefix=7 shared=1024 tier=priority|default|flex
//	TIME gone REQUEST
//	TIME granted REQUEST left=500 requests=9
//	TIME refused REQUEST retry=2s left=500 why=token-limit|request-limit|too-large
//	TIME configure VERSION [forget]
//	TIME wake
//
// A request is r and its slot, with .GENERATION where that is not 0. Its head
// comes after a quarter of the TTFT. An effect's instant is given where it is
// not that of the command; samples of the utilization, where they differ from
// the one before.
func TestTraces(t *testing.T) {
	tracetest.Run(t, *update, func(t *testing.T) tracetest.Obey { return (&tracer{t: t}).command })
}

type tracer struct {
	t      *testing.T
	core   *Core
	faults []fault.Config
	load   int32 // last utilization shown
}

func (tr *tracer) command(f []string) []string {
	args := arguments{tr.t, map[string]string{}}
	for _, a := range f {
		name, value, _ := strings.Cut(a, "=")
		args.of[name] = value
	}
	switch f[0] {
	case "fault":
		tr.faults = append(tr.faults, args.fault(len(tr.faults)))
		return nil
	case "deployment":
		opt := Options{Seed: 1, Remote: slices.Contains(f, "remote"), Shared: slices.Contains(f, "shared"), Faults: tr.rules()}
		tr.core, tr.load = New(args.config(), opt), 0
		return nil
	case "install":
		version, ok := uint32(0), false
		if slices.Contains(f, "faults") {
			version, ok = tr.core.InstallFaults(tr.rules())
		} else {
			version, ok = tr.core.Install(args.config(), 1)
		}
		if !ok {
			tr.t.Fatal("no room")
		}
		return []string{fmt.Sprintf("version %d", version)}
	}
	at, err := time.ParseDuration(f[0])
	if err != nil {
		tr.t.Fatalf("%q: want fault, deployment, install or a time", f)
	}
	var lines []string
	for _, e := range tr.core.Step(tick.Instant(at), args.event(f[1:]), nil) {
		if e.Kind == Utilization {
			if e.RemainingTokens == tr.load {
				continue
			}
			tr.load = e.RemainingTokens
		}
		text := describe(&e)
		if e.At != tick.Instant(at) {
			text += " at " + time.Duration(e.At).String()
		}
		lines = append(lines, text)
	}
	return lines
}

// rules takes the faults that were given.
func (tr *tracer) rules() (rules []fault.Rule) {
	for _, c := range tr.faults {
		rules = append(rules, fault.Compile(c, 0, 1))
	}
	tr.faults = nil
	return rules
}

// arguments are the NAME=VALUE parts of a command.
type arguments struct {
	t  *testing.T
	of map[string]string
}

func (a arguments) has(name string) bool { _, ok := a.of[name]; return ok }

func (a arguments) number(name string, otherwise int64) int64 {
	text, ok := a.of[name]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

func (a arguments) span(name string, otherwise time.Duration) unit.Duration {
	text, ok := a.of[name]
	if !ok {
		return unit.Duration(otherwise)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		a.t.Fatal(err)
	}
	return unit.Duration(d)
}

func (a arguments) fault(n int) fault.Config {
	c := fault.Config{Name: fmt.Sprint("fault ", n), At: a.span("at", 0), For: a.span("for", 0)}
	switch {
	case a.has("outage"):
		c.Outage = &fault.Outage{Mode: "reset"}
	case a.has("status"):
		c.Status = &fault.Status{Code: int(a.number("status", 0))}
	case a.has("peak"):
		c.Peak = &fault.Peak{}
	case a.has("latency"):
		c.Latency = &fault.Latency{Add: a.span("latency", 0), Jitter: a.span("jitter", 0)}
	}
	after := func(name string) int { return int(a.number(name, 0)) }
	switch {
	case a.has("abort"):
		c.Abort = &fault.Abort{After: after("abort")}
	case a.has("truncate"):
		c.Truncate = &fault.Truncate{After: after("truncate")}
	case a.has("error_in_stream"):
		c.ErrorInStream = &fault.ErrorInStream{After: after("error_in_stream")}
	case a.has("stall"):
		c.Stall = &fault.Stall{After: after("stall"), For: a.span("pause", 5*time.Second)}
	case a.has("malformed"):
		c.Malformed = &fault.Malformed{After: after("malformed")}
	}
	a.refusals(&c)
	if a.has("p") {
		share := a.ratio("p")
		c.Probability = &share
	}
	return c
}

func (a arguments) refusals(c *fault.Config) {
	switch {
	case a.has("slow_headers"):
		c.SlowHeaders = &fault.SlowHeaders{Add: a.span("slow_headers", 0)}
	case a.has("throttle"):
		c.Throttle = &fault.Throttle{RetryAfter: a.span("throttle", 0)}
	case a.has("capacity"):
		c.Capacity = &fault.Capacity{Share: a.ratio("capacity")}
	case a.has("stale"):
		c.Stale = &fault.Stale{}
	case a.has("token_expiry"):
		c.TokenExpiry = &fault.TokenExpiry{}
	case a.has("deleted"):
		c.Deleted = &fault.Deleted{Streams: a.of["deleted"]}
	case a.has("wrong_length"):
		c.WrongLength = &fault.WrongLength{By: int(a.number("wrong_length", 0))}
	}
}

func (a arguments) ratio(name string) (r unit.Ratio) {
	if err := r.UnmarshalText([]byte(a.of[name])); err != nil {
		a.t.Fatal(err)
	}
	return r
}

func (a arguments) config() *Config {
	c := standard(a.number("tpm", 0), a.number("rpm", 0))
	if a.has("ptu") {
		c = provisioned(a.number("ptu", 0))
	}
	if a.has("model") {
		c.Model = a.of["model"]
	}
	c.Latency = paced(time.Duration(a.span("ttft", 400*time.Millisecond)), a.number("pace", 100))
	c.Latency.Filter = cmp.Or(a.of["filter"], c.Latency.Filter)
	if a.has("think") {
		c.Latency.Reasoning = &distribution.Config{Constant: new(unit.Count)}
		*c.Latency.Reasoning.Constant = unit.Count(a.number("think", 0))
	}
	if a.has("knee") {
		c.Latency.Load = &latency.Load{Knee: a.ratio("knee"), Floor: a.ratio("slowest")}
	}
	c.UtilizationWindow = a.span("window", 10*time.Second)
	c.MaxTokensGuess = unit.Count(a.number("guess", 256))
	c.MaxInFlight = int(a.number("bound", 1000))
	c.Profile, c.Disconnect = a.of["profile"], a.of["disconnect"]
	c.OutputTPM, c.OutputCharge = unit.Count(a.number("output", 0)), a.of["counts"]
	if a.has("month") {
		c.UsageTier = &UsageTier{Tokens: unit.Count(a.number("month", 0)), Used: unit.Count(a.number("used", 0)), SlowDown: 2_500_000}
	}
	c.MaxTokensWeight = unit.Ratio(a.number("weight", 1_000_000))
	if a.has("cache") {
		c.PromptCache = &PromptCache{Retention: a.span("cache", 0), Overflow: unit.Count(a.number("overflow", 15)), Prefixes: int(a.number("prefixes", 10))}
	}
	c.ServiceTier, c.PriorityFloor = a.of["tier"], unit.Count(a.number("floor", 1_000_000))
	if a.has("flex") {
		c.Flex = &Flex{Wait: latency.Quantiles{P50: a.span("flex", 0), P95: a.span("flex", 0)}, Timeout: a.span("timeout", 10*time.Minute)}
	}
	if a.has("per_1k") {
		c.Latency.PerKPrompt = a.span("per_1k", 0)
	}
	if a.has("forgiving") {
		c.CountRejected = new(bool)
	}
	return c
}

func standard(tpm, rpm int64) *Config {
	return &Config{Name: "eastus", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: unit.Count(tpm), RPM: unit.Count(rpm),
		MaxTokensGuess: 256, MaxInFlight: 200_000, Latency: paced(400*time.Millisecond, 100)}
}

func provisioned(ptu int64) *Config {
	return &Config{Name: "eastus", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: ptu, UtilizationWindow: unit.Duration(10 * time.Second),
		MaxTokensWeight: 1_000_000, MaxTokensGuess: 256, MaxInFlight: 200_000, Latency: paced(400*time.Millisecond, 100)}
}

// paced is a pace without spread and without bursts: the same for every request.
func paced(ttft time.Duration, perSecond int64) latency.Config {
	return latency.Config{TTFT: &latency.Quantiles{P50: unit.Duration(ttft), P95: unit.Duration(ttft)}, PerKPrompt: 1,
		TokensPerS: unit.Count(perSecond), Spread: 1, Filter: "asynchronous"}
}

func (a arguments) event(f []string) Event {
	var ev Event
	if len(f) > 1 && f[1][0] == 'r' {
		ev.Ref = ref(f[1])
	}
	switch f[0] {
	case "wake":
	case "start":
		ev = Event{Kind: Start, Ref: ev.Ref, Key: uint64(a.number("key", 1)), PromptTokens: int32(a.number("prompt", 0)),
			PromptEstimate: int32(a.number("chars", 0)/4 + 1), MaxTokens: int32(a.number("max", -1)), OutputTokens: int32(a.number("out", 1)),
			N: uint16(a.number("n", 0)), Effort: latency.Effort(a.number("effort", 0)), Stream: !a.has("whole"), Chained: a.has("chained"), Filtered: a.has("filtered"), EndsBy: int32(a.number("ends", 0)), Tier: a.tier(), Prefix: uint64(a.number("prefix", 0)), Shared: int32(a.number("shared", 0))}
	case "gone":
		ev.Kind = Gone
	case "granted", "refused":
		ev.Kind, ev.Granted = Reserved, f[0] == "granted"
		ev.RetryMs, ev.Left = uint32(time.Duration(a.span("retry", 0))/time.Millisecond), int32(a.number("left", math.MaxInt32))
		ev.LeftRequests = int32(a.number("requests", math.MaxInt32))
		if !ev.Granted {
			ev.Why = record.TokenLimit
			if a.has("why") {
				ev.Why, _ = record.ReasonNamed(a.of["why"])
			}
		}
	case "configure":
		v, _ := strconv.Atoi(f[1])
		ev = Event{Kind: Configure, Version: uint32(v), Forget: a.has("forget")}
	default:
		a.t.Fatalf("unknown event %q", f)
	}
	return ev
}

func (a arguments) tier() record.Tier {
	tier, ok := record.TierNamed(a.of["tier"])
	if !ok && a.has("tier") {
		a.t.Fatalf("unknown tier %q", a.of["tier"])
	}
	return tier
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

// bursts returns how many tokens come at each of the first instants.
func bursts(e *Effect) (text string) {
	for k := int32(0); k < min(e.Tokens, 50); {
		n := e.TokensAt(e.TokenAt(k + 1))
		text += fmt.Sprintf(" %d", n-k)
		k = n
	}
	return text
}

func describe(e *Effect) string {
	left := ""
	if e.RemainingTokens >= 0 {
		left = fmt.Sprintf(", left %d tokens %d requests", e.RemainingTokens, e.RemainingRequests)
	}
	cached := ""
	if e.Cached > 0 {
		cached = fmt.Sprintf(", %d cached", e.Cached)
		left = cached + left
	}
	if e.Tier > record.DefaultTier {
		cached += fmt.Sprintf(", tier %v", e.Tier)
		left = fmt.Sprintf(", tier %v%s", e.Tier, left)
	}
	length := ""
	if e.Length {
		length = " (length)"
	}
	switch e.Kind {
	case Plan:
		text := fmt.Sprintf("plan %s: head %v first %v end %v, %d tokens%s, charged %d%s", name(e.Ref), e.HeadIn().Span(), e.FirstIn().Span(),
			e.Over().Span(), e.Completion, length, e.Charged, left)
		if thought := e.Completion - e.Tokens; thought > 0 {
			text += fmt.Sprintf(", %d of them thought", thought)
		}
		if e.Bursts != 0 {
			text += ", bursts of" + bursts(e)
		}
		switch {
		case e.Pause > 0 && !e.Whole:
			text += fmt.Sprintf(", token %d at %v and the next at %v", e.After, e.TokenAt(int32(e.After)).Sub(e.At), e.TokenAt(int32(e.After)+1).Sub(e.At))
		case e.BreaksOff():
			text += fmt.Sprintf(", breaks after %d tokens at %v", e.After, e.Ends().Span())
		}
		return text
	case Replan:
		return fmt.Sprintf("replan %s: head %v first %v end %v", name(e.Ref), e.HeadIn().Span(), e.FirstIn().Span(), e.Over().Span())
	case Head:
		return fmt.Sprintf("head %s: %d", name(e.Ref), e.Status)
	case Refuse:
		text := fmt.Sprintf("refuse %s: %d %v (%v)", name(e.Ref), e.Status, e.Outcome, e.Reason)
		if e.RetryMs > 0 {
			text += fmt.Sprintf(" retry in %d ms", e.RetryMs)
		}
		if e.Charged != 0 {
			text += fmt.Sprintf(", charged %d", e.Charged)
		}
		return text + left
	case Finish, Cut:
		if thought := e.Completion - e.Tokens; thought > 0 {
			length = fmt.Sprintf(" (%d thought)", thought) + length
		}
		verb := map[EffectKind]string{Finish: "finish", Cut: "cut"}[e.Kind]
		off := ""
		if e.RemainingTokens != 0 {
			off = fmt.Sprintf(", length off by %+d", e.RemainingTokens)
		}
		return fmt.Sprintf("%s %s: %d %v (%v) after %v, %d tokens%s, charged %d%s%s", verb, name(e.Ref), e.Status, e.Outcome, e.Reason,
			e.Over().Span(), e.Completion, length, e.Charged, cached, off)
	case Reserve:
		return fmt.Sprintf("reserve %d tokens for %s", e.Charged, name(e.Ref))
	case Utilization:
		return fmt.Sprintf("utilization %d ppm", e.RemainingTokens)
	case FaultEdge:
		return fmt.Sprintf("fault %d %s", e.Ref.Slot, [...]string{"begins", "ends"}[e.Ref.Gen])
	case Drained:
		return fmt.Sprintf("version %d is drained", e.Ref.Slot)
	}
	return "stray " + name(e.Ref)
}
