package entra

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"foundrylab/gateway/identity"
	"foundrylab/internal/yamlconf"
)

// fake gives tokens for an hour, each of which takes a second; down: none.
type fake struct {
	calls, down atomic.Int64
}

func (f *fake) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	n := f.calls.Add(1)
	time.Sleep(time.Second)
	if f.down.Load() > 0 {
		return azcore.AccessToken{}, errors.New("AADSTS-something")
	}
	return azcore.AccessToken{Token: fmt.Sprint(o.Scopes[0], "#", n), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// A token is fetched once for all who need it, renewed before it ends, and used to its end while that fails.
func TestTokenThroughTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s, began := newSource(f, "scope"), time.Now()
		step := func(at time.Duration, want string, calls int64, took time.Duration) {
			t.Helper()
			time.Sleep(at - time.Since(began))
			asked := time.Now()
			got, err := s.Token(t.Context())
			if err != nil {
				got = err.Error()
			}
			waited := time.Since(asked)
			synctest.Wait() // until a renewal behind the scenes has begun
			if waited != took || got != want || f.calls.Load() != calls {
				t.Errorf("after %v: %s in %v with %d calls, want %s in %v with %d", at, got, waited, f.calls.Load(), want, took, calls)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got, err := s.Token(t.Context()); got != "scope#1" || err != nil {
					t.Error(got, err)
				}
			})
		}
		all.Wait()
		end := time.Second + time.Hour
		step(end-renewBefore-1, "scope#1", 1, 0)
		f.down.Store(1)
		step(end-renewBefore, "scope#1", 2, 0) // the renewal begins
		step(end-renewBefore+2*time.Second, "scope#1", 2, 0)
		step(end-renewBefore+renewEvery, "scope#1", 3, 0)
		step(end-1, "scope#1", 4, 0)
		step(end, "AADSTS-something", 4, time.Second-1)
		step(end+10*time.Second, "AADSTS-something", 4, 0) // it has just failed: nobody waits
		f.down.Store(0)
		step(end+renewEvery, "scope#5", 5, time.Second)
	})
}

func TestTokenAllocatesNothing(t *testing.T) {
	s := newSource(nil, "scope")
	s.now.Store(&token{"x", time.Now().Add(time.Hour), time.Now().Add(time.Hour)})
	if n := testing.AllocsPerRun(100, func() { s.Token(t.Context()) }); n > 1 { // one: t.Context
		t.Errorf("%v allocations", n)
	}
}

func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                       "",
		"{kind: managed-identity}": "",
		"{kind: client-secret, tenant_id: t, client_id: c, secret: {env: S}}": "",
		"{kind: client-secret}":                                 "tenant_id: is needed",
		"{kind: client-secret, tenant_id: t, secret: {env: S}}": "client_id: is needed",
		"{secret: {env: S}}":                                    "secret: is needed for kind: client-secret, and for no other",
		"{authority: 'https://a'}":                              "authority: is for",
		"{kind: secret}":                                        "kind",
	} {
		doc, err := yamlconf.Parse("x", []byte(text))
		if err == nil {
			err = doc.Decode(new(Config))
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is wrong is told without the secret.
func TestNew(t *testing.T) {
	from := identity.Source{Env: func(name string) (string, bool) { return "hush-hush", name == "S" }}
	for _, c := range []struct {
		cfg  Config
		fail bool
	}{
		{Config{Kind: "default"}, false},
		{Config{Kind: "managed-identity", ClientID: "c"}, false},
		{Config{Kind: "client-secret", TenantID: "t", ClientID: "c", Secret: &identity.Secret{Env: "S"}, Authority: "https://localhost"}, false},
		{Config{Kind: "client-secret", TenantID: "t", ClientID: "c", Secret: &identity.Secret{Env: "NONE"}}, true},
		{Config{Kind: "client-secret", TenantID: "not/an/id", ClientID: "c", Secret: &identity.Secret{Env: "S"}}, true},
		{Config{Kind: "client-secret"}, true},
	} {
		_, err := New(&c.cfg, from, nil)
		if (err != nil) != c.fail || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
