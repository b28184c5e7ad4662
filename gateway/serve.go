package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash/fnv"
	"math"
	"net/http"
	"strings"

	"foundrylab/gateway/core"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/tokens"
)

// serve returns the handler of a route: who asks, what, and then an exchange.
func (g *Gateway) serve(id int, rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tenant, ok := g.identify(r)
		if !ok {
			g.refuse(w, rt, unauthorized)
			return
		}
		body, problem := g.read(w, r)
		if problem != nil {
			g.refuse(w, rt, problem)
			return
		}
		x := &exchange{g: g, route: rt, routeID: id, w: w, r: r, body: body, tenant: tenant, began: g.cfg.Clock.Now()}
		if rt.body {
			if x.template, ok = splitAtModel(body); !ok {
				g.refuse(w, rt, notAnObject)
				return
			}
		}
		x.run(g.describe(rt.op, body, tenant))
	}
}

// identify returns the tenant that the request's key belongs to. The service
// takes a key in either header.
func (g *Gateway) identify(r *http.Request) (tenant uint16, ok bool) {
	if len(g.clients) == 0 {
		return record.NoTenant, true
	}
	key := r.Header.Get("api-key")
	if key == "" {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if strings.EqualFold(scheme, "Bearer") {
			key = strings.TrimSpace(rest)
		}
	}
	tenant, ok = g.clients[sha256.Sum256([]byte(key))]
	return tenant, ok
}

// read takes the whole body in before anything is sent. A retry needs it; and
// a body that is still copied while the answer begins makes net/http tear down
// the connection to the backend, since the server closes the body when the
// answer's headers are written (golang/go#40747).
func (g *Gateway) read(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if r.ContentLength > g.cfg.MaxBody {
		return nil, tooLarge
	}
	var body bytes.Buffer
	// A length is only a claim: what a client says it will send does not make
	// the gateway set aside much.
	body.Grow(int(min(max(r.ContentLength, 0), 256<<10)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, g.cfg.MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, unreadable
	}
	return body.Bytes(), nil
}

// describe returns the Request event of a body. The gateway does not judge a
// body: what is wrong with it the backend says better, so an error of Peek
// leaves only less known.
func (g *Gateway) describe(op *ops.Operation, body []byte, tenant uint16) core.Event {
	peeked, _ := op.Peek(new(ops.Peeker), body)
	ev := core.Event{
		Kind: core.Request, Tenant: tenant, Stream: peeked.Stream, MaxTokens: int32(peeked.OutputLimit()),
		PromptTokens: int32(min(tokens.EstimateParts(peeked.PartChars), math.MaxInt32)),
	}
	if m, ok := peeked.Marker(); ok {
		ev.Key, ev.PromptTokens = m.Key, int32(m.Prompt)
		return ev
	}
	// Bodies of one content must not all meet the same dice, or a weighted
	// choice sends them all to one backend: so their number goes in.
	h := fnv.New64a()
	h.Write(body)
	ev.Key = h.Sum64() + g.unmarked.Add(1)
	return ev
}
