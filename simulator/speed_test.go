//go:build linux

package simulator

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"foundrylab/simulator/content"
)

// TestSpeed measures what a client gets of a server that has one thread: of the simulator, with exact counting of
// distinct prompts, limits, ledger, metrics and the access log, and of bare net/http handlers that give the same answers
// without thinking: the same headers, the same bytes. Rounds take turns, and the median counts.
//
// The simulator writes in one go what is due at once, and the bare handler never: so beside streams as fast as can be there
// are streams of a pace, whose every event is written alone by both, and what they take of the processor is compared.
//
// A response of the service has 15 headers, which cost net/http a quarter of all it does for them. How the simulator
// stands against a handler that writes but two is said too.
func TestSpeed(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("measures for a minute; make bench runs it")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bare, barest, ours := speedServer(t, "bare"), speedServer(t, "barest"), speedServer(t, "simulator")
	for _, c := range []struct {
		what, model string
		streams     bool
		beside      *speedProcess
		paced       bool
		least       float64
	}{
		{"whole answers", "a", false, bare, false, 0.5},
		{"whole answers, beside two headers", "a", false, barest, false, 0.38},
		{"events of streams", "a", true, bare, false, 0.6},
		{"events of streams with a pace", "paced", true, bare, true, 0.6},
	} {
		requests := speedRequests(c.model, c.streams)
		var seconds, processor [2][]float64 // the bare handler's and the simulator's
		for range 5 {
			for i, p := range []*speedProcess{c.beside, ours} {
				r := p.rate(t, requests)
				seconds[i], processor[i] = append(seconds[i], r.second), append(processor[i], r.processor)
			}
		}
		ratio, thrift := medianOf(seconds[1])/medianOf(seconds[0]), medianOf(processor[1])/medianOf(processor[0])
		t.Logf("%s: in a second bare %.0f, simulator %.0f, ratio %.2f; in one of the processor bare %.0f, simulator %.0f, ratio %.2f",
			c.what, medianOf(seconds[0]), medianOf(seconds[1]), ratio, medianOf(processor[0]), medianOf(processor[1]), thrift)
		if c.paced {
			ratio = thrift
		}
		if ratio < c.least {
			t.Errorf("%s: %.2f of the bare handler's, and should be %.2f  (%.0f, %.0f)", c.what, ratio, c.least, seconds, processor)
		}
	}
	a, b, c := bare.perStream(t), ours.perStream(t), barest.perStream(t)
	t.Logf("memory of an open stream: bare %.0f B, simulator %.0f B, ratio %.2f; %.2f of a bare one with one header", a, b, b/a, b/c)
	if b > 1.1*a {
		t.Errorf("an open stream takes %.0f B, %.2f times the bare handler's", b, b/a)
	}
}

func medianOf(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// speedRequests are 10,000 requests of a model, of 1 KB each, no two alike.
func speedRequests(model string, streams bool) [][]byte {
	dice := rand.New(rand.NewPCG(1, 2))
	requests := make([][]byte, 10_000)
	for i := range requests {
		text := content.AppendProse(nil, dice.Uint64(), 160)
		text = fmt.Appendf(text, " %x", dice.Uint64())
		more := ""
		if streams {
			more = `,"stream":true`
		}
		body := fmt.Sprintf(`{"model":"%s","max_tokens":24%s,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"%s"}]}`, model, more, text)
		requests[i] = fmt.Appendf(nil, "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: sim\r\nApi-Key: foundrylab-key\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	return requests
}
