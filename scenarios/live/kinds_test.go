package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/internal/record"
	"foundrylab/simulator"
	"foundrylab/simulator/fault"
)

// seenKinds has every kind of fault, and every mode of an outage: what a raw
// socket sees of it, scheduled and asked for by a request, and why attempts end
// that it strikes, live and in virtual time alike.
var seenKinds = []struct {
	kind, fault string
	ask         string // header x-foundrylab-fault; empty: no request can ask for it
	whole       bool   // the request is not streamed
	reason      record.Reason
	seen        func(*testing.T, *wire)
}{
	{"status", "status: {code: 503}", "status=503", false, record.StatusFault, answered("HTTP/1.1 503 ", "temporarily unable to process")},
	{"outage reset", "outage: {mode: reset}", "outage", false, record.OutageFault, func(t *testing.T, w *wire) {
		if w.text != "" || !errors.Is(w.err, syscall.ECONNRESET) {
			t.Errorf("%q, %v", w.text, w.err)
		}
	}},
	{"outage refused", "outage: {mode: refused}", "", false, record.RefusedFault, refused},
	{"outage unknown_host", "outage: {mode: unknown_host}", "", false, record.UnknownHostFault, refused}, // by a client that does not ask the run for names
	{"outage tls", "outage: {mode: tls}", "", false, record.TLSFault, func(t *testing.T, w *wire) {
		const alert, fatal = 21, 2
		if len(w.text) != 7 || w.text[0] != alert || w.text[5] != fatal {
			t.Errorf("the answer to a ClientHello is % x, want a fatal alert", w.text)
		}
		if _, err := net.Dial("tcp", w.host); err != nil {
			t.Errorf("nobody listens: %v", err)
		}
	}},
	{"latency", "latency: {add: 300ms}", "latency=300ms", false, record.NoReason, after(300*time.Millisecond, `"role":"assistant"`)},
	{"slow_headers", "slow_headers: {add: 300ms}", "slow_headers=300ms", false, record.NoReason, after(300*time.Millisecond, "HTTP/1.1 200 OK")},
	{"throttle", "throttle: {retry_after: 1s}", "throttle=1", false, record.ThrottleFault,
		func(t *testing.T, w *wire) {
			answered("HTTP/1.1 429 ", "Retry-After: 1\r\n", "high demand", "Please retry after 1 second.")(t, w)
			if strings.Contains(w.text, "X-Ratelimit-") {
				t.Errorf("no limiter speaks: %s", w.text)
			}
		}},
	{"capacity", "capacity: {share: 10%}", "capacity=10%", false, record.RequestLimit, func(t *testing.T, w *wire) {
		answered("HTTP/1.1 200 OK")(t, w)
		if n, _ := strconv.Atoi(w.header("X-Ratelimit-Remaining-Tokens")); n > 60_000 || n < 50_000 {
			t.Errorf("%d tokens are left of a tenth of 600,000", n)
		}
	}},
	{"peak", "peak: {}", "peak", false, record.NoCapacity, answered("HTTP/1.1 429 ", `"code":"resource_unavailable"`)},
	{"token_expiry", "token_expiry: {}", "token_expiry", false, record.TokenExpiryFault, answered("HTTP/1.1 401 ", `{"statusCode":401,"message":"Unauthorized. `)},
	{"deleted", "deleted: {}", "deleted", false, record.DeletedFault, answered("HTTP/1.1 404 ", `{"error":{"code":"DeploymentNotFound",`)},
	{"abort", "abort: {}", "abort", false, record.CutFault, brokenOff("", false)},
	{"truncate", "truncate: {}", "truncate", false, record.TruncateFault, brokenOff("", true)},
	{"error_in_stream", "error_in_stream: {}", "error_in_stream", false, record.StreamErrorFault, brokenOff("currently overloaded", true)},
	{"malformed", "malformed: {}", "malformed", false, record.MalformedFault, func(t *testing.T, w *wire) {
		brokenOff("", true)(t, w)
		events := strings.Split(strings.TrimSpace(strings.TrimSuffix(w.text, "0\r\n\r\n")), "data: ")
		if last := strings.TrimSpace(events[len(events)-1]); strings.HasSuffix(last, "}") {
			t.Errorf("the last event is whole: %s", last)
		}
	}},
	{"stall", "stall: {for: 400ms}", "stall", false, record.NoReason, func(t *testing.T, w *wire) {
		answered("HTTP/1.1 200 OK", "data: [DONE]")(t, w)
		gap := time.Duration(0)
		for i := 1; i < len(w.reads); i++ {
			gap = max(gap, w.reads[i].at.Sub(w.reads[i-1].at))
		}
		if gap < 300*time.Millisecond { // on a busy machine what comes before it is read late
			t.Errorf("the longest pause was %v", gap)
		}
	}},
	{"stale", "stale: {}", "stale", false, record.NoReason, staleSeen},
	{"wrong_length", "wrong_length: {}", "wrong_length", true, record.WrongLengthFault, lengthOff(100)},
	{"wrong_length, too small", "wrong_length: {by: -7}", "wrong_length=-7", true, record.WrongLengthFault, lengthOff(-7)},
}

// Every kind of fault, and every mode of an outage, is in the table: a new one
// is shown to a raw socket, and to both ways of running a scenario.
func TestEveryKindIsSeen(t *testing.T) {
	want := map[string]bool{}
	for _, k := range fault.Kinds {
		want[k.Name] = true
	}
	delete(want, "outage")
	mode, _ := reflect.TypeFor[fault.Outage]().FieldByName("Mode")
	for m := range strings.SplitSeq(mode.Tag.Get("enum"), "|") {
		want["outage "+m] = true
	}
	for _, k := range seenKinds {
		name, _, _ := strings.Cut(k.kind, ",")
		delete(want, name)
		if k.ask != "" {
			if _, err := fault.ParseAsk(k.ask); err != nil {
				t.Errorf("%s: %v", k.kind, err)
			}
		}
	}
	for _, missing := range slices.Sorted(maps.Keys(want)) {
		t.Errorf("nobody has seen %s: add it to seenKinds", missing)
	}
}

// tiered is a model that has service tiers, for faults that strike one of them.
const tiered = "gpt-5.6-sol"

// lone is 20 seconds of one backend that a fault strikes for ten seconds,
// and another.
const lone = `
version: 1
duration: 20s
backends:
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 600%s}
  - {name: other, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 600}
gateway: {route: {groups: [[std], [other]]}, breaker: {open: 1s}}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 4/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 4, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
`

// What a fault of each kind does is the same to every request and attempt,
// live and in virtual time; and it does something.
func TestEveryKindLiveAsVirtual(t *testing.T) {
	plain := runAlike(t, fmt.Sprintf(lone, ""), "1")
	tiers := strings.NewReplacer("gpt-4.1", tiered, "max_tokens: 200", "max_tokens: 200, service_tier: flex")
	for _, k := range seenKinds {
		t.Run(k.kind, func(t *testing.T) {
			secure := ""
			if k.kind == "outage tls" {
				secure = ", tls: true"
			}
			src := fmt.Sprintf(lone, secure)
			if k.kind == "peak" {
				src = tiers.Replace(src)
			}
			f := runAlike(t, src+"faults: [{name: f, backend: std, at: 5300ms, for: 10s, "+k.fault+"}]\n", "1")
			if k.reason != record.NoReason && f.reasons[k.reason] < 3 {
				t.Errorf("%d attempts ended by %v", f.reasons[k.reason], k.reason)
			}
			// no load builds upon a stored response, which is all that stale strikes
			if same := maps.Equal(f.attempts, plain.attempts); same != (k.kind == "stale") {
				t.Errorf("nothing is different: %v", same)
			}
		})
	}
}

// A client that knows nothing of this project sees each fault on its socket:
// a scheduled one, and one that it asks for.
func TestEveryKindOnTheWire(t *testing.T) {
	for _, k := range seenKinds {
		t.Run(k.kind, func(t *testing.T) {
			t.Parallel()
			k.seen(t, look(t, k.fault, "", k.whole))
		})
		if k.ask != "" {
			t.Run(k.kind+", asked for", func(t *testing.T) {
				t.Parallel()
				k.seen(t, look(t, "", k.ask, k.whole))
			})
		}
	}
}

// wire is what a raw socket saw.
type wire struct {
	host  string
	ask   string // the fault that it asked for
	sent  time.Time
	reads []read
	text  string // of all reads
	err   error  // of the dial, or that the reading ended with; nil: the end
}

type read struct {
	at   time.Time
	text string
}

// look serves a backend that a fault strikes, sends it one request by hand,
// and reads until the connection ends.
func look(t *testing.T, scheduled, ask string, whole bool) *wire {
	t.Helper()
	src := "version: 1\nduration: 1h\ngateway: {route: {groups: [[std]]}}\ntenants: [{name: chat, users: 1}]\n" +
		"backends: [{name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, output: 40, tls: " + strconv.FormatBool(strings.Contains(scheduled, "tls")) +
		", latency: {ttft: {p50: 40ms, p95: 40ms}, tokens_per_s: 500, filter: asynchronous}}]\n"
	tier := ""
	if scheduled == "peak: {}" || ask == "peak" {
		src, tier = strings.Replace(src, "gpt-4.1", tiered, 1), `"service_tier": "flex", `
	}
	if scheduled != "" {
		src += "faults: [{name: f, backend: std, at: 0s, for: 1h, " + scheduled + "}]\n"
	}
	where := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := loadScenario(t, src)
	go func() {
		ended <- ServeBackends(ctx, s, zerolog.Nop(), simulator.Sharing{}, nil, nil, func(_, url, _ string) { where <- url })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(<-where)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{host: u.Host, ask: ask, sent: time.Now()}
	w.exchange(u.Scheme == "https", ask, fmt.Sprintf(`{"model": "std", %s"stream": %v, "messages": [{"role": "user", "content": "Hello"}]}`, tier, !whole))
	return w
}

func (w *wire) exchange(secure bool, ask, body string) {
	conn, err := net.Dial("tcp", w.host)
	if err != nil {
		w.err = err
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	text := fmt.Sprintf("POST /openai/v1/chat/completions HTTP/1.1\r\nHost: %s\r\nApi-Key: foundrylab-key\r\nConnection: close\r\nContent-Length: %d\r\n", w.host, len(body))
	if ask != "" {
		text += "X-Foundrylab-Fault: " + ask + "\r\n"
	}
	request := []byte(text + "\r\n" + body)
	if secure {
		request = clientHello()
	}
	if _, w.err = conn.Write(request); w.err != nil {
		return
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			w.reads = append(w.reads, read{time.Now(), string(buf[:n])})
			w.text += string(buf[:n])
		}
		if err != nil {
			if err != io.EOF {
				w.err = err
			}
			return
		}
	}
}

// clientHello is what a TLS client says first.
func clientHello() []byte {
	var said bytes.Buffer
	tls.Client(mute{&said}, &tls.Config{ServerName: "localhost"}).Handshake()
	return said.Bytes()
}

// mute is a connection whose other end never says anything.
type mute struct{ io.Writer }

func (mute) Read([]byte) (int, error)         { return 0, io.EOF }
func (mute) Close() error                     { return nil }
func (mute) LocalAddr() net.Addr              { return at("") }
func (mute) RemoteAddr() net.Addr             { return at("") }
func (mute) SetDeadline(time.Time) error      { return nil }
func (mute) SetReadDeadline(time.Time) error  { return nil }
func (mute) SetWriteDeadline(time.Time) error { return nil }

func (w *wire) header(name string) string {
	_, rest, _ := strings.Cut(w.text, "\r\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// answered is an answer that has all of some texts, the first at its beginning.
func answered(begin string, others ...string) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		t.Helper()
		if w.err != nil || !strings.HasPrefix(w.text, begin) {
			t.Errorf("%v, %q", w.err, w.text)
		}
		for _, s := range others {
			if !strings.Contains(w.text, s) {
				t.Errorf("no %q in %q", s, w.text)
			}
		}
	}
}

func refused(t *testing.T, w *wire) {
	if !errors.Is(w.err, syscall.ECONNREFUSED) {
		t.Errorf("%v, %q", w.err, w.text)
	}
}

// after is an answer in which a text comes no sooner than that.
func after(least time.Duration, text string) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		answered("HTTP/1.1 200 OK", text, "data: [DONE]")(t, w)
		for _, r := range w.reads {
			if strings.Contains(r.text, text) {
				if d := r.at.Sub(w.sent); d < least || d > least+5*time.Second {
					t.Errorf("it came after %v, want %v", d, least)
				}
				return
			}
		}
	}
}

// brokenOff is a stream of ten tokens without its end; whole: the response has
// one all the same.
func brokenOff(text string, whole bool) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		answered("HTTP/1.1 200 OK", text)(t, w)
		if n := len(regexp.MustCompile(`"delta":\{"content":"[^"]`).FindAllString(w.text, -1)); n != 10 || strings.Contains(w.text, "[DONE]") {
			t.Errorf("%d tokens in %q", n, w.text)
		}
		if strings.HasSuffix(w.text, "\r\n0\r\n\r\n") != whole {
			t.Errorf("whole %v: %q", whole, w.text[max(len(w.text)-50, 0):])
		}
	}
}

// staleSeen: a chat is spared, and so is what builds upon nothing; what it
// stored cannot be found.
func staleSeen(t *testing.T, w *wire) {
	answered("HTTP/1.1 200 OK", "data: [DONE]")(t, w)
	do := func(method, tail, body string) string {
		req, err := http.NewRequest(method, "http://"+w.host+"/openai/v1/responses"+tail, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Api-Key", "foundrylab-key")
		if w.ask != "" {
			req.Header.Set("X-Foundrylab-Fault", w.ask)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Status + " " + string(text)
	}
	made := do("POST", "", `{"model":"std","input":"Hello"}`)
	_, id, _ := strings.Cut(made, `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	for _, c := range []struct{ got, begins, has string }{
		{made, "200 OK", `"object":"response"`},
		{do("POST", "", `{"model":"std","input":"Go on","previous_response_id":"`+id+`"}`), "400 ", `"Previous response with id '` + id + `' not found."`},
		{do("GET", "/"+id, ""), "404 ", `"Response with id '` + id + `' not found."`},
	} {
		if !strings.HasPrefix(c.got, c.begins) || !strings.Contains(c.got, c.has) {
			t.Errorf("%s\nwant %s%s", c.got, c.begins, c.has)
		}
	}
}

// lengthOff is a whole answer whose Content-Length is off.
func lengthOff(by int) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		answered("HTTP/1.1 200 OK", `"usage":{`)(t, w)
		_, body, _ := strings.Cut(w.text, "\r\n\r\n")
		if n, err := strconv.Atoi(w.header("Content-Length")); err != nil || n != len(body)+by {
			t.Errorf("Content-Length %d of a body of %d bytes, want it off by %d", n, len(body), by)
		}
	}
}
