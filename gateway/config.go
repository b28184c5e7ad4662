package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"foundrylab/gateway/affinity"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/ops"
	"foundrylab/internal/prompt"
	"foundrylab/internal/record"
	"foundrylab/internal/yamlconf"
)

// check returns every mistake of the configuration.
func (c *Config) check() error {
	var found []error
	fail := func(format string, args ...any) { found = append(found, fmt.Errorf("gateway: "+format, args...)) }
	c.checkPools(fail)
	pools := c.pools()
	for i := range pools {
		found = append(found, pools[i].check()...)
	}
	if c.MaxBody < 0 {
		fail("MaxBody is %d: give a bound in bytes, or 0 for %d", c.MaxBody, DefaultMaxBody)
	}
	if len(c.Clients) >= int(record.NoTenant) {
		fail("%d clients: the bound is %d", len(c.Clients), record.NoTenant-1)
	}
	called := map[string]bool{}
	for i, cl := range c.Clients {
		if cl.Name == "" || called[cl.Name] || strings.ContainsFunc(cl.Name, unicode.IsControl) {
			fail("clients[%d]: name %q is empty, taken, or holds control characters: give each its own", i, cl.Name)
		}
		called[cl.Name] = true
		if cl.Key == "" && !c.Identity.Enabled() {
			fail("clients[%d] (%s): there is no key, and no other identity: nobody could use it", i, cl.Name)
		}
	}
	c.checkTotals(fail)
	return errors.Join(found...)
}

// checkPolicy holds a policy made in Go to the rules of one read from a file,
// by writing it down and reading it.
func checkPolicy(policy core.Config) error {
	text, err := yamlconf.Encode(policy)
	if err != nil {
		return fmt.Errorf("gateway: policy: %w", err)
	}
	doc, err := yamlconf.Parse("policy", text)
	if err == nil {
		err = doc.Decode(new(core.Config))
	}
	if err != nil {
		return fmt.Errorf("gateway: start from Policy, which has every default:\n%w", err)
	}
	return nil
}

// badURL says what is wrong with a backend's URL; it never repeats the URL,
// which may hold a password.
func badURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "cannot be read"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is neither http nor https"
	case u.Host == "":
		return "has no host"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "has a user, query or fragment"
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1") || strings.Contains(u.Path, "/deployments/"):
		return "is an SDK's base URL or a deployment's, to which the gateway would add that path once more"
	}
	return ""
}

// route is one path of one operation. Its place in routes is its id.
type route struct {
	name string // for logs
	path string // mux template
	op   *ops.Operation
	size prompt.Rule // of its prompts
	body bool        // the deployment is the body's model, not in the path
	v1   bool        // no api-version says what its bodies may hold

	ids   bool // of the Responses API: its ids say which backend made what they name
	named bool // its path has one
}

// forwarded are the route families that the gateway serves, as its backends have them. Not those of a project, whose name
// would have to be mapped, and not OpenAI's own, which the service does not have.
const forwarded = ops.InClassic | ops.InResource | ops.InV1 | ops.InModels | ops.InAnthropic

// marks are those of what comes of an attempt.
func (r *route) marks() core.Marks {
	if r.op.Peek == nil {
		return core.Apart
	}
	return 0
}

func routes() []*route {
	var list []*route
	for _, op := range slices.Concat(ops.All, ops.Beside) {
		op.In &= forwarded
		ids, named := strings.HasPrefix(op.Name, "Responses_"), strings.Contains(op.Tail, "{id}")
		var size prompt.Rule
		switch {
		case op.Peek == nil: // it has no prompt
		case ids:
			size = prompt.Of(responsesOperation)
		default:
			size = prompt.Of(op.Name)
		}
		for _, r := range op.Routes() {
			list = append(list, &route{name: op.Name + "/" + r.Family.Name, path: r.Path, op: &op, size: size,
				body: r.Family.ModelInBody && !named, v1: r.Family.Name == "v1", ids: ids, named: named})
		}
	}
	return list
}

// backend is a compiled Backend.
type backend struct {
	Backend
	rule    budget.Rule                  // by which it charges
	targets []*url.URL                   // by route id
	tag     affinity.Tag                 // on ids
	outline *atomic.Pointer[ops.Outline] // of the chunks of its streams, as the last one that was unlike the one before had them
	mute    *atomic.Int64                // until this instant it is not asked for the usage of streams
}

func compileBackend(b Backend, rule budget.Rule, shared http.RoundTripper) backend {
	if b.Deployment == "" {
		b.Deployment = b.Name
	}
	if b.Transport == nil {
		b.Transport = shared
	}
	c := backend{Backend: b, rule: rule, tag: affinity.TagOf(b.Name), mute: new(atomic.Int64), outline: new(atomic.Pointer[ops.Outline])}
	for _, rt := range routes() {
		path := strings.ReplaceAll(rt.path, "{deployment}", url.PathEscape(b.Deployment))
		target, err := url.Parse(strings.TrimRight(b.URL, "/") + path)
		if err != nil {
			panic(fmt.Sprintf("gateway: backend %s: %v", b.Name, err)) // check has read the URL
		}
		c.targets = append(c.targets, target)
	}
	return c
}

// remember takes over what is known of how a backend answers from an earlier
// configuration, in which it had the same place: as long as it is the same one.
func (b *backend) remember(before *backend) {
	if b.Name == before.Name && b.URL == before.URL && b.Deployment == before.Deployment {
		b.mute, b.outline = before.mute, before.outline
	}
}
