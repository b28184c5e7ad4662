package gateway

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/gateway/account"
	"foundrylab/internal/record"
)

// An attempt for which there was no token was never sent: it costs nothing, and that is certain.
func TestAttemptsWithoutATokenCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Spent
		lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
			cfg.Backends[0].Key, cfg.Backends[0].Credential = "", oneToken{err: errors.New("AADSTS7000215")}
			cfg.Account = func(s Spent) { told = append(told, s) }
		})
		if got := lb.post(v1, chat); got.status != 200 || got.header.Get("X-Gateway-Backend") != "b" {
			t.Errorf("%d %s", got.status, got.body)
		}
		synctest.Wait()
		if len(told) != 2 || told[0].Backend != "a" || told[0].Reason != record.ConnectError || told[0].Entry != (account.Entry{Bill: account.Bill{Exact: true}}) {
			t.Errorf("%+v", told)
		}
	})
}

// What an answer used is known however long it is, wherever in it that stands.
func TestLongAnswersAreAccounted(t *testing.T) {
	const used = `"usage":{"completion_tokens":300000,"prompt_tokens":20,"total_tokens":300020}`
	content := `"choices":[{"finish_reason":"stop","index":0,"message":{"content":"` + strings.Repeat(`\"usage\":{} `, 100_000) + `","role":"assistant"}}]`
	for _, answer := range []string{"{" + content + "," + used + "}", "{" + used + "," + content + "}"} {
		for _, begins := range []string{"content", "headers"} {
			synctest.Test(t, func(t *testing.T) {
				var told []Spent
				lb := newLab(t, []*fake{always(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, answer)
				})}, func(cfg *Config) {
					cfg.Core.Retry.Begins = begins
					cfg.Account = func(s Spent) { told = append(told, s) }
				})
				if got := lb.post(v1, chat); got.body != answer || len(answer) <= maxMetered {
					t.Errorf("%d bytes of %d", len(got.body), len(answer))
				}
				synctest.Wait()
				if len(told) != 1 || told[0].Bill != (account.Bill{Prompt: 20, Completion: 300000, Exact: true, Least: 300020, Most: 300020}) {
					t.Errorf("begins with its %s, %.20s: %+v", begins, answer, told)
				}
				if last := lb.effects[len(lb.effects)-1]; last.Completion != 300000 {
					t.Errorf("%+v", last)
				}
			})
		}
	}
}
