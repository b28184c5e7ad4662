package live

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"foundrylab/gateway"
	"foundrylab/gateway/identity"
	"foundrylab/internal/ops"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/body"
	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// books is a gateway and the backends behind it, whose accounts are to be compared: what the gateway takes attempts to
// have cost, and what the ledger of the backends says.
type books struct {
	*testing.T
	gateway *gateway.Gateway
	config  gateway.Config
	front   *httptest.Server
	back    *httptest.Server
	control *simulator.Control

	mu   sync.Mutex
	said map[attemptOf]gateway.Spent
}

// attemptOf names an attempt: no request comes twice to a backend here.
type attemptOf struct{ key, backend string }

// pools are the models that the gateway serves, with a backend that goes by what is used in the end among them.
const pools = `
version: 1
pools:
- name: gpt-4.1
  backends: [{name: chat-a, url: %[1]q, key: {env: KEY}}, {name: chat-b, url: %[1]q, key: {env: KEY}}, {name: chat-ptu, url: %[1]q, key: {env: KEY}}]
  gateway:
    route: {policy: weighted, groups: [[chat-a, chat-b, chat-ptu]]}
    budget: {limits: [{backend: chat-ptu, tpm: 300M, charge: actual, output_weight: 4}]}
- name: gpt-35-turbo-instruct
  backends: [{name: text-a, url: %[1]q, key: {env: KEY}}, {name: text-b, url: %[1]q, key: {env: KEY}}]
  gateway: {budget: {limits: [{backend: text-a, tpm: 1000M, charge: output}, {backend: text-b, tpm: 1000M, charge: output}]}}
- name: text-embedding-3-small
  backends: [{name: embed-a, url: %[1]q, key: {env: KEY}}, {name: embed-b, url: %[1]q, key: {env: KEY}}]
gateway:
  breaker: {failures: 1000}
  retry: {attempts: 3}
`

// troubled is a deployment with everything going wrong now and then.
func troubled(cfg *simulator.Config, name, model, sku string) {
	d := deployment.Config{Name: name, Model: model, SKU: sku, TPM: 1_000_000_000, RPM: 1_000_000_000,
		Latency: latency.Config{TTFT: &latency.Quantiles{P50: unit.Duration(3 * time.Millisecond), P95: unit.Duration(8 * time.Millisecond)}, TokensPerS: 4000, Spread: 1}}
	if sku == "GlobalProvisionedManaged" {
		d.PTU, d.TPM, d.RPM = 100_000, 0, 0
	}
	cfg.Deployments = append(cfg.Deployments, d)
	strike := func(what string, share unit.Ratio, kind fault.Config) {
		kind.Name, kind.Backend, kind.For, kind.Probability = what+" "+name, name, unit.Duration(24*time.Hour), &share
		cfg.Faults = append(cfg.Faults, kind)
	}
	strike("status", 10_000, fault.Config{Status: &fault.Status{Code: 500}})
	strike("throttle", 5_000, fault.Config{Throttle: &fault.Throttle{}})
	strike("latency", 10_000, fault.Config{Latency: &fault.Latency{Add: unit.Duration(20 * time.Millisecond)}})
	strike("outage", 5_000, fault.Config{Outage: &fault.Outage{}})
	strike("wrong length", 3_000, fault.Config{WrongLength: &fault.WrongLength{By: 100}})
	strike("short length", 3_000, fault.Config{WrongLength: &fault.WrongLength{By: -9}})
	strike("abort", 5_000, fault.Config{Abort: &fault.Abort{After: 6}})
	strike("truncate", 5_000, fault.Config{Truncate: &fault.Truncate{After: 4}})
	strike("error", 5_000, fault.Config{ErrorInStream: &fault.ErrorInStream{After: 5}})
	strike("malformed", 3_000, fault.Config{Malformed: &fault.Malformed{After: 3}})
}

// openBooks puts a gateway in front of backends that remember so many attempts.
func openBooks(t *testing.T, n int, account func(*books, gateway.Spent)) *books {
	b := &books{T: t, said: map[attemptOf]gateway.Spent{}, control: simulator.NewControl(n)}
	cfg := simulator.Config{Seed: 7, Control: b.control}
	for _, name := range []string{"chat-a", "chat-b"} {
		troubled(&cfg, name, "gpt-4.1", "GlobalStandard")
	}
	troubled(&cfg, "chat-ptu", "gpt-4.1", "GlobalProvisionedManaged")
	for _, name := range []string{"text-a", "text-b"} {
		troubled(&cfg, name, "gpt-35-turbo-instruct", "Standard")
	}
	for _, name := range []string{"embed-a", "embed-b"} {
		troubled(&cfg, name, "text-embedding-3-small", "GlobalStandard")
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.back = httptest.NewUnstartedServer(sim)
	b.back.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.back.Start()
	file, err := gateway.ReadFile("pools.yaml", fmt.Appendf(nil, pools, b.back.URL))
	if err != nil {
		t.Fatal(err)
	}
	front, err := file.Config(identity.Source{Env: func(string) (string, bool) { return "any", true }})
	if err != nil {
		t.Fatal(err)
	}
	front.Account = func(s gateway.Spent) { account(b, s) }
	gw, err := gateway.New(front)
	if err != nil {
		t.Fatal(err)
	}
	b.gateway, b.config = gw, front
	b.front = httptest.NewUnstartedServer(gw)
	b.front.Config.ErrorLog = log.New(io.Discard, "", 0)
	b.front.Start()
	t.Cleanup(func() { gw.Close(); sim.Close() })
	return b
}

// note is told of every attempt.
func (b *books) note(s gateway.Spent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said[attemptOf{fmt.Sprintf("%016x", s.Key), s.Backend}] = s
}

// ask is a request by its number, and how long its client waits; 0: to the end.
func ask(dice *rand.Rand, number uint64) (path string, text []byte, patience time.Duration) {
	output := 1 + dice.IntN(60)
	r := body.Request{Model: "gpt-4.1", Key: number, PromptTokens: body.MinPromptTokens + dice.IntN(400), OutputTokens: output, MaxTokens: output + dice.IntN(100)}
	if dice.IntN(10) == 0 {
		r.MaxTokens = -1
	}
	r.Stream = dice.IntN(2) == 0
	r.IncludeUsage = dice.IntN(3) == 0
	if dice.IntN(25) == 0 {
		patience = time.Duration(1 + dice.IntN(int(25*time.Millisecond)))
	}
	marker := ops.AppendMarker(nil, ops.Marker{Key: number, Output: output, Prompt: r.PromptTokens, Chars: ops.MarkerChars})
	bound := ""
	if r.MaxTokens >= 0 {
		bound = strconv.Itoa(r.MaxTokens)
	}
	member := func(name string) string {
		if bound == "" {
			return ""
		}
		return fmt.Sprintf(`,%q:%s`, name, bound)
	}
	switch kind := dice.IntN(10); {
	case kind < 5:
		return "/chat/completions", body.Append(nil, r), patience
	case kind < 7:
		return "/responses", fmt.Appendf(nil, `{"model":"gpt-4.1","input":"%s","store":false,"stream":%v%s}`, marker, r.Stream, member("max_output_tokens")), patience
	case kind < 9:
		if bound == "" {
			bound = "100"
		}
		return "/completions", fmt.Appendf(nil, `{"model":"gpt-35-turbo-instruct","prompt":"%s","n":%d,"stream":%v%s}`, marker, 1+dice.IntN(2), r.Stream, member("max_tokens")), patience
	}
	return "/embeddings", fmt.Appendf(nil, `{"model":"text-embedding-3-small","dimensions":8,"input":"%s"}`, marker), patience
}

// send sends requests by some clients at once as long as more says so of their numbers, and returns when all answers are
// over.
func (b *books) send(clients int, more func(number int) bool) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for number := i; more(number); number += clients {
				b.sendOne(transport, number)
			}
		})
	}
	wg.Wait()
}

func (b *books) sendOne(transport http.RoundTripper, number int) {
	path, text, patience := ask(rand.New(rand.NewPCG(7, uint64(number))), uint64(number)+1)
	ctx, leave := context.WithCancel(b.Context())
	defer leave()
	if patience > 0 {
		time.AfterFunc(patience, leave)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.front.URL+"/openai/v1"+path, bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := transport.RoundTrip(req); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// close waits for what is under way.
func (b *books) close() {
	b.front.Close()
	b.back.Close()
}

// truth is an entry of the ledger.
type truth struct {
	Key        string
	Deployment string
	Status     uint16
	Reason     string
	Prompt     int64 `json:"billed_prompt_tokens"`
	Completion int64 `json:"billed_completion_tokens"`
	Charged    int64 `json:"charged_tokens"`
}

func (b *books) ledger(n int) (list []truth) {
	w := httptest.NewRecorder()
	b.control.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/ledger?limit=%d", 2*n), nil))
	lines := bufio.NewScanner(w.Body)
	for lines.Scan() {
		var e truth
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			b.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// account holds the books of n requests against each other. Where usage was delivered both say the same, token by token;
// where it was not, what the ledger says lies between the gateway's bounds, and all of it together is off by no more than
// so many percent. What limits counted is another sum, and the same where the attempt was admitted and its usage is known.
func account(t *testing.T, n, clients int, most float64) {
	b := openBooks(t, 2*n, (*books).note)
	b.send(clients, func(number int) bool { return number < n })
	b.close()
	wrong := 0
	complain := func(format string, args ...any) {
		if wrong++; wrong <= 10 {
			t.Errorf(format, args...)
		}
	}
	var exact, retried int
	var is, says, counted, counts int64
	estimated := map[string]int{}
	for _, e := range b.ledger(n) {
		name := attemptOf{e.Key, e.Deployment}
		s, ok := b.said[name]
		if !ok {
			complain("the gateway knows nothing of %+v", e)
			continue
		}
		delete(b.said, name)
		if s.Attempt > 1 {
			retried++
		}
		truth := e.Prompt + e.Completion
		is, says, counted, counts = is+truth, says+s.Bill.Total(), counted+e.Charged, counts+s.Charge
		if s.Bill.Exact {
			if exact++; int64(s.Bill.Prompt) != e.Prompt || int64(s.Bill.Completion) != e.Completion || s.Status == 200 && s.Charge != e.Charged {
				complain("%+v is to be exact: %+v", s, e)
			}
			continue
		}
		estimated[s.Reason.String()+"/"+e.Reason]++
		if truth < s.Bill.Least || s.Bill.Most >= 0 && truth > s.Bill.Most {
			complain("%+v is not within its bounds: %+v", s, e)
		}
	}
	for _, s := range b.said { // what no backend has heard of
		says += s.Bill.Total()
		if s.Bill.Least > 0 || s.Bill.Exact && s.Bill.Total() > 0 {
			complain("no backend knows of %+v", s)
		}
	}
	off := func(says, is int64) float64 { return 100 * float64(says-is) / float64(is) }
	t.Logf("%d attempts exact, of which %d were retries; estimated: %v; %d unknown to backends", exact, retried, estimated, len(b.said))
	t.Logf("billed %d, the gateway says %d: off by %.4f %%; charged %d, the gateway says %d: off by %.2f %%", is, says, off(says, is), counted, counts, off(counts, counted))
	if math.Abs(off(says, is)) > most {
		t.Errorf("off by more than %v %%", most)
	}
	for _, why := range []string{"client-gone/client-gone", "cut-fault/cut-fault", "cut-fault/stream-error-fault", "cut-fault/truncate-fault",
		"malformed-answer/malformed-fault", "malformed-answer/wrong-length-fault", "upstream-error/cut-fault", "upstream-error/outage-fault"} {
		if estimated[why] == 0 {
			t.Errorf("nobody saw %s", why)
		}
	}
}

// In the short form a single answer counts for much, and a busy machine is late to see who left.
func TestAccount(t *testing.T) { account(t, 3000, 32, 0.5) }

func TestSoakAccount(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("set FOUNDRYLAB_SOAK=1 for 100,000 requests")
	}
	account(t, 100_000, 64, 0.1)
}
