package gateway

import (
	"errors"
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
