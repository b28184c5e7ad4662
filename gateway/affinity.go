package gateway

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"foundrylab/gateway/affinity"
	"foundrylab/gateway/core"
)

// idPattern is what the service's ids are made of, and tags. It keeps a path a
// path, whoever wrote the id.
const idPattern = "{id:[A-Za-z0-9_-]{1,256}}"

// responsesOperation is the operation that makes responses.
const responsesOperation = "Responses_Create"

// bound is what ties a request of the Responses API to a backend.
type bound struct {
	on  bool   // tags are put on ids and taken off
	pin uint8  // as in core.Event
	id  string // that binds it, as the client has it, with its tag; "": none does
	of  string // id that the path names, without a tag
}

// bindBody takes the tags off the ids in a body, and binds the request to the
// backend that made what it builds upon.
func (x *exchange) bindBody() {
	in := x.settings()
	if x.bound.on = !in.Core.Affinity.Off; !x.bound.on {
		return
	}
	bare, id := affinity.Strip(x.body, func(t affinity.Tag) bool { return in.pinOf(t) > 0 })
	if id == nil {
		return
	}
	x.body, x.bound.id = bare, string(id)
	x.template, _, _ = splitAtModel(bare) // it was one before
	_, tag, _ := affinity.Cut(x.bound.id)
	x.bound.pin = in.pinOf(tag)
}

// bindPath binds a request whose path names a response, and returns the pool
// that has its backend.
func (s *settings) bindPath(v *visitor, r *http.Request) (b bound, to *pool, problem *refusal) {
	id := mux.Vars(r)["id"]
	bare, tag, tagged := affinity.Cut(id)
	var rest *poolSettings // where an id goes that says nothing
	gone := false          // the backend, and not in another pool
	for _, p := range s.pools {
		if !v.mayUse(p) {
			continue
		}
		if pin := p.pinOf(tag); tagged && !p.Core.Affinity.Off && pin > 0 {
			if !p.gone && pin != core.PinGone {
				return bound{on: true, pin: pin, id: id, of: bare}, p.pool, nil
			}
			gone = true
		}
		if !p.gone && (rest == nil || p == s.rest) {
			rest = p
		}
	}
	switch {
	case rest == nil:
		return bound{}, nil, modelNotAllowed
	case gone:
		return bound{on: true, pin: core.PinGone, id: id, of: bare}, rest.pool, nil
	}
	return bound{on: !rest.Core.Affinity.Off, of: id}, rest.pool, nil
}

// mayUse reports whether a visitor may use a pool by any of its names.
func (v *visitor) mayUse(p *poolSettings) bool {
	if v.may == nil || p.Name == "" || v.may.Allows(p.Name) {
		return true
	}
	for _, name := range p.Aliases {
		if v.may.Allows(name) {
			return true
		}
	}
	return false
}

// pinOf returns the pin of a tag; 0: it is none that this gateway has put on an
// id, but maybe part of it, or of a gateway behind.
func (s *poolSettings) pinOf(t affinity.Tag) uint8 {
	for i := range s.backends {
		switch b := &s.backends[i]; {
		case b.tag != t:
		case b.gone:
			return core.PinGone
		default:
			return uint8(i + 1)
		}
	}
	return 0
}

// target puts the id into a path that wants one, and takes the tag off the id
// that a page is to begin after.
func (b *bound) target(path, query string) (string, string) {
	path = strings.Replace(path, "{id}", b.of, 1)
	if b.id == "" || !strings.Contains(query, "after=") {
		return path, query
	}
	parts, tag := strings.Split(query, "&"), b.id[len(b.of):]
	for i, part := range parts {
		if strings.HasPrefix(part, "after=") {
			parts[i] = strings.TrimSuffix(part, tag)
		}
	}
	return path, strings.Join(parts, "&")
}

// previousNotFound is the code of the answer of a resource that does not know the response that a request builds upon.
var previousNotFound = []byte(`"previous_response_not_found"`)

// told is an error as it is for the client, who knows the id by its tag.
func (b *bound) told(body []byte) []byte {
	bare, _, tagged := affinity.Cut(b.id)
	if !tagged {
		return body
	}
	return bytes.ReplaceAll(body, []byte("'"+bare+"'"), []byte("'"+b.id+"'"))
}

// tagger puts tags on an answer of a backend, and writes it on. It keeps little
// while it waits for more.
type tagger struct {
	http.ResponseWriter
	editor *affinity.Editor
	buffer []byte
}

// tagged returns where to write an answer of a backend with those headers.
func (x *exchange) tagged(b *backend, from http.Header) http.ResponseWriter {
	if !x.bound.on || from.Get("Content-Encoding") != "" {
		return x.w
	}
	x.w.Header().Del("Content-Length") // it becomes longer
	return &tagger{x.w, affinity.NewEditor(b.tag, isEventStream(from)), nil}
}

// Write implements http.ResponseWriter.
func (t *tagger) Write(p []byte) (int, error) {
	out := t.editor.Append(t.buffer[:0], p)
	if cap(out) <= maxIdle {
		t.buffer = out
	}
	_, err := t.ResponseWriter.Write(out)
	return len(p), err
}

// Unwrap lets an http.ResponseController through.
func (t *tagger) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// maxIdle bounds what a tagger keeps between two writes, in bytes.
const maxIdle = 2 << 10

// backendGone answers who builds upon what a backend has that is no more. The
// code is the one by which clients know that they must begin anew.
func (b *bound) backendGone() any {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	e := body{"The backend of the gateway that has '" + b.id + "' is gone, and what it had with it. Begin anew.", "invalid_request_error", nil, "previous_response_not_found"}
	if b.of == "" {
		param := "previous_response_id"
		e.Param = &param
	}
	return struct {
		Error body `json:"error"`
	}{e}
}
