package loadgen

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"foundrylab/loadgen/body"
	"foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
)

// APIVersion is the version of the classic API that requests name.
const APIVersion = "2024-10-21"

// Target is where the load goes.
type Target struct {
	// URL is the endpoint without the operation. One whose path has a v1 in it
	// is spoken to in the v1 style (deployment in the body), any other in the
	// classic style (deployment in the path).
	URL        string
	Deployment string // of tenants that name none
	Key        string // of tenants that have none
	// CompletionLimit sends the output cap as max_completion_tokens, which
	// reasoning models demand.
	CompletionLimit bool
}

// agent is how a client library shows on the wire.
type agent struct {
	client    string // as in tenant.Clients
	userAgent string // "": that of the load generator
	counts    bool   // every try says which it is
}

// agents lists the clients of tenant.Clients; adding one is a line here. The
// versions are the newest of November 2026.
var agents = []agent{
	{client: "none"},
	{client: "openai-python", userAgent: "OpenAI/Python 3.54.0", counts: true},
	{client: "openai-go", userAgent: "OpenAI/Go 3.96.0", counts: true},
}

func agentNamed(client string) agent {
	for _, a := range agents {
		if a.client == client && a.userAgent != "" {
			return a
		}
	}
	return agent{client: client, userAgent: "foundrylab"}
}

// wire is how one tenant's requests look; it is not changed.
type wire struct {
	url             string
	header          http.Header
	model           string // in the body; "": it is in the path
	completionLimit bool
	counts          bool
	openLoop        bool
	shared          tenant.Shared
	tier            string
}

func newWires(target Target, tenants []Tenant) ([]wire, error) {
	u, err := url.Parse(target.URL)
	if err != nil {
		return nil, fmt.Errorf("target URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("target URL %q: give only http or https, a host and perhaps a path, such as http://localhost:8080 or http://localhost:8080/openai/v1", target.URL)
	}
	wires := make([]wire, len(tenants))
	for i, t := range tenants {
		if t.Deployment == "" {
			t.Deployment = target.Deployment
		}
		if t.Key == "" {
			t.Key = target.Key
		}
		if t.Deployment == "" {
			return nil, fmt.Errorf("tenant %q has no deployment, and the target names none", t.Name)
		}
		wires[i] = newWire(u, target, t)
	}
	return wires, nil
}

func newWire(u *url.URL, target Target, t Tenant) wire {
	a := agentNamed(t.Client)
	w := wire{completionLimit: target.CompletionLimit, counts: a.counts, openLoop: t.OpenLoop, shared: t.Shared, tier: t.Tier, header: http.Header{
		"Accept":       {"application/json"},
		"Content-Type": {"application/json"},
		"User-Agent":   {a.userAgent},
	}}
	v1 := strings.Contains(u.Path+"/", "/v1/")
	if v1 {
		w.model = t.Deployment
		w.url = u.JoinPath("chat", "completions").String()
	} else {
		w.url = u.JoinPath("openai", "deployments", url.PathEscape(t.Deployment), "chat", "completions").String() + "?api-version=" + APIVersion
	}
	if t.Key != "" {
		w.header["Api-Key"] = []string{t.Key}
		if v1 {
			w.header["Authorization"] = []string{"Bearer " + t.Key}
		}
	}
	return w
}

// headers returns those of a try, for the caller to keep.
func (w *wire) headers(number uint16) http.Header {
	h := maps.Clone(w.header)
	if w.counts {
		h["X-Stainless-Retry-Count"] = []string{strconv.Itoa(int(number))}
	}
	return h
}

// body returns the body that meets a Send's integers.
func (w *wire) body(e *core.Effect) []byte {
	user, prefix := body.PromptChars(int(e.PromptTokens), int(w.shared.Tokens))
	return body.Append(make([]byte, 0, user+prefix+len(w.model)+320), body.Request{
		Model:           w.model,
		Key:             e.Key,
		Try:             int(e.Tries),
		PromptTokens:    int(e.PromptTokens),
		Prefix:          w.shared.Name(e.Key),
		PrefixTokens:    int(w.shared.Tokens),
		OutputTokens:    int(e.OutputTokens),
		MaxTokens:       int(e.MaxTokens),
		CompletionLimit: w.completionLimit,
		Stream:          e.Flag,
		IncludeUsage:    e.Flag,
		ServiceTier:     w.tier,
	})
}
