package simulator

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"foundrylab/simulator/content"
	"foundrylab/simulator/identity"
)

// tenantRoutes are the endpoints of the local tenant, which every resource serves beside its own: Entra has them on
// another host, but one address is easier to point a program at.
var tenantRoutes = []struct {
	name, method, path string
	answer             func(c *call, tenant string) identity.Reply
}{
	{"tenant.discovery", http.MethodGet, identity.DiscoveryPath, (*call).discover},
	{"tenant.keys", http.MethodGet, identity.KeysPath, (*call).tenantKeys},
	{"tenant.token", http.MethodPost, identity.TokenPath, (*call).exchange},
}

// ofTenant answers what a client asks of the tenant. Nothing of it may be kept in a cache: a token is a secret.
func ofTenant(answer func(c *call, tenant string) identity.Reply) endpoint {
	return func(c *call) {
		reply := answer(c, mux.Vars(c.r)["tenant"])
		c.w.Header()["Cache-Control"] = notKept
		c.answer(content.Answer{Status: reply.Status, Body: reply.Body})
	}
}

// notKept is a header of every answer of the tenant. Never mutated.
var notKept = []string{"no-store, no-cache"}

func (c *call) discover(tenant string) identity.Reply {
	base := "http://" + c.r.Host
	if c.r.TLS != nil {
		base = "https://" + c.r.Host
	}
	return c.srv.issuer.Discover(tenant, base)
}

func (c *call) tenantKeys(tenant string) identity.Reply { return c.srv.issuer.Keys(tenant) }

// maxTokenForm bounds the form that asks for a token, in bytes: a client assertion is a JWT itself.
const maxTokenForm = 64 << 10

func (c *call) exchange(tenant string) identity.Reply {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxTokenForm)
	if c.r.ParseForm() != nil {
		return identity.BadForm()
	}
	return c.srv.issuer.Exchange(tenant, c.r.PostForm, time.Unix(0, int64(c.srv.clock.Now())))
}
