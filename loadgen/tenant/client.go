package tenant

import (
	"fmt"
	"time"

	"foundrylab/internal/rng"
)

// Client is how a client library reacts to a failed try. One row of Clients
// each; the figures were read from the libraries' sources of August 2026.
type Client struct {
	Name    string
	Help    string
	Retries int           // after the first try
	Honour  time.Duration // a named wait up to this is honoured
	Cap     time.Duration // a longer one is cut to this; 0: not retried at all
}

// Clients lists the known client libraries; adding one is a line here and its
// name in Config's enum.
var Clients = []Client{
	{Name: "none", Help: "No retries: shows the raw rate of refusals."},
	{Name: "openai-python", Help: "2 retries on 408, 409, 429, 5xx and connection errors; waits of up to 120 s are honoured, longer ones mean giving up; else 0.5 s doubling to 8 s, less up to a quarter.",
		Retries: 2, Honour: 120 * time.Second},
	{Name: "openai-go", Help: "2 retries on the same; a named wait is cut to 8 s; else 0.5 s doubling to 8 s, less up to a quarter.",
		Retries: 2, Honour: 8 * time.Second, Cap: 8 * time.Second},
}

func clientNamed(name string) Client {
	for _, c := range Clients {
		if c.Name == name {
			return c
		}
	}
	panic(fmt.Sprintf("tenant: unknown client %q", name))
}

// Answer is what a client's decision depends on.
type Answer struct {
	Status  uint16 // 0: the connection failed
	Wait    time.Duration
	HasWait bool // the answer named a wait
	Begun   bool // the answer had begun: it is never asked for again
}

// Retry decides whether the client tries a request again after its try number
// n (from 0) ended badly, and after which wait.
func (t *Tenant) Retry(key uint64, n uint16, a Answer) (wait time.Duration, again bool) {
	c := t.Client
	if a.Begun || int(n) >= c.Retries || !retried(a.Status) {
		return 0, false
	}
	if a.HasWait && a.Wait > 0 {
		if a.Wait <= c.Honour {
			return a.Wait, true
		}
		return c.Cap, c.Cap > 0
	}
	wait = min(500*time.Millisecond<<n, 8*time.Second)
	wait -= time.Duration(rng.Below(t.backoffDie.Draw(key, uint32(n)), int64(wait)/4+1))
	return wait, true
}

func retried(status uint16) bool {
	return status == 0 || status == 408 || status == 409 || status == 429 || status >= 500
}
