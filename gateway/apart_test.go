package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/upstream"
	"foundrylab/internal/record"
)

// counting answers as ok does, but for the count of a prompt's tokens.
func counting(count http.HandlerFunc) *fake {
	return &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/count_tokens") {
			count(w, r)
			return
		}
		ok(w, r)
	}}
}

const (
	messagesPath = "/anthropic/v1/messages"
	countPath    = messagesPath + "/count_tokens"
	message      = `{"model":"claude","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}`
)

// The count of tokens has limits of its own, and not every backend has it: what
// becomes of it is told to who asked, and is nothing to who wants an answer.
func TestCountTokensIsApart(t *testing.T) {
	for name, c := range map[string]struct {
		count  http.HandlerFunc
		status int
	}{
		"refused":  {status(429, "Retry-After", "60"), 429},
		"missing":  {status(501), 501},
		"answered": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"input_tokens":9}`) }, 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{counting(c.count)}, nil)
			for range 4 {
				if r := lb.post(countPath, message); r.status != c.status {
					t.Errorf("%s: %d %s", name, r.status, r.body)
				}
			}
			if r := lb.post(messagesPath, message); r.status != 200 {
				t.Errorf("%s, and then: %d %s", name, r.status, r.body)
			}
			lb.idle()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{nil}, nil)
		if r := lb.post(countPath, message); r.status != 502 || !strings.HasPrefix(r.body, `{"type":"error","error":{"type":"api_error"`) {
			t.Errorf("the gateway's own answer: %d %s", r.status, r.body)
		}
		lb.idle()
	})
}

// What a backend keeps, and what may use tools there, is not asked for twice.
func TestResponsesAreNotHedged(t *testing.T) {
	for path, want := range map[string]int{"/openai/v1/responses": 0, v1: 1} {
		synctest.Test(t, func(t *testing.T) {
			second := always(ok)
			lb := newLab(t, []*fake{later(3*time.Second, ok).fake, second}, hedging(2*time.Second))
			if r := lb.post(path, `{"model":"gpt-4.1","input":"Pay the bill","messages":[]}`); r.status != 200 || len(second.requests()) != want {
				t.Errorf("%s: %d, and the second backend was asked %d times", path, r.status, len(second.requests()))
			}
			lb.idle()
		})
	}
}

// Whatever goes wrong in what the gateway's owner does with its account, a request
// whose client has left is over, and its place is free for another one.
func TestPanicOfTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := true
		lb := newLab(t, []*fake{{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
			if slow {
				<-r.Context().Done()
			}
			ok(w, r)
		}}}, func(c *Config) {
			c.Account = func(s Spent) {
				if s.Reason == record.ClientGone {
					panic(http.ErrAbortHandler)
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if resp, err := lb.request(ctx, v1, chat); err == nil {
			resp.Body.Close()
			t.Error("there is an answer")
		}
		synctest.Wait()
		slow = false
		if r := lb.post(v1, chat); r.status != 200 {
			t.Errorf("the next one: %d %s", r.status, r.body)
		}
		lb.idle()
	})
}

// A hedge that was outrun before it had a connection has cost nothing.
func TestUnsentHedgeCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		billed := map[string]int32{}
		dials := upstream.New(upstream.Options{DialTimeout: time.Hour, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		lb := newLab(t, []*fake{later(5*time.Second, ok).fake, always(ok)}, func(c *Config) {
			hedging(2 * time.Second)(c)
			c.Backends[1].Transport = dials
			c.Account = func(s Spent) { billed[s.Backend+" "+s.Reason.String()] = s.Bill.Prompt + s.Bill.Completion }
		})
		r := lb.post(v1, chat)
		synctest.Wait()
		if got, there := billed["b outrun"]; r.status != 200 || !there || got != 0 || billed["a none"] == 0 {
			t.Errorf("%d, %v", r.status, billed)
		}
		lb.idle()
	})
}
