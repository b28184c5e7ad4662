package gateway

import (
	"testing"
	"testing/synctest"
)

// Clients of the Messages API find the type of an error where they look for it; a key that is wrong is told as the service
// tells it.
func TestOwnAnswersToMessages(t *testing.T) {
	const path, body = "/anthropic/v1/messages", `{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`
	for _, c := range []struct {
		backend *fake
		status  int
		want    string
	}{
		{always(reset), 502, `{"type":"error","error":{"type":"api_error","message":"The connection to the backend failed before it answered. Retry with backoff."}}`},
		{always(status(429, "Retry-After", "20")), 429, `{"error":{"code":"429","message":"says the backend"}}`}, // the backend's own
	} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{c.backend}, func(c *Config) { c.Core.Retry.Jitter = 0 })
			if got := lb.post(path, body); got.status != c.status || got.body != c.want {
				t.Errorf("%d %s", got.status, got.body)
			}
			if c.status != 429 {
				return
			}
			want := `{"type":"error","error":{"type":"rate_limit_error","message":"Every backend of the gateway has asked to be left alone. Retry after 20 seconds."}}`
			if got := lb.post(path, body); got.status != 429 || got.body != want {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	for status, want := range map[uint16]string{403: "permission_error", 429: "rate_limit_error", 502: "api_error", 503: "overloaded_error", 504: "timeout_error"} {
		if got := anthropicError(status, "why").Error.Type; got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) { c.Clients = []Client{{Name: "a", Key: "k1"}} })
		if got := lb.post(path, body, "X-Api-Key", "wrong"); got.status != 401 || got.code() != "401" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
