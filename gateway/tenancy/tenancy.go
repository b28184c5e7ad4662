// Package tenancy says what a tenant of a gateway may ask for: which models, and what a request's body and headers must
// keep to.
//
// It owns those rules and the edit that makes a body keep to them. It refuses to find out who asks (that is
// gateway/identity), and what a tenant's share of the capacity is (gateway/core).
package tenancy

import (
	"slices"
	"strings"

	"foundrylab/internal/unit"
)

// Tenant is one team, application or customer behind a gateway. The zero rules forbid nothing.
type Tenant struct {
	Name   string   `yaml:"name" required:"true" doc:"letters, digits, - _ and ., at most 64, the first a letter or digit: it stands in logs and metrics"`
	Models []string `yaml:"models" doc:"the only deployments it may ask for, by the names that clients use; one that ends in * stands for all that begin so; default: every one"`
	Rules  Rules    `yaml:"compliance" doc:"what its requests must keep to"`
}

// Rules are what the requests of a tenant must keep to.
type Rules struct {
	MaxTokens *Cap       `yaml:"max_tokens" doc:"bound on max_tokens, max_completion_tokens and max_output_tokens; a request without any of them passes"`
	N         *Cap       `yaml:"n" doc:"bound on n, the answers of one request"`
	BestOf    *Cap       `yaml:"best_of" doc:"bound on best_of, the candidates for one answer"`
	BodySize  unit.Count `yaml:"body_size" default:"0" min:"0" doc:"bound on a body in bytes, below that of the gateway; 0: none of its own"`
	Tools     string     `yaml:"tools" default:"allow" enum:"allow|deny" doc:"whether a request may declare tools"`
	Headers   []string   `yaml:"required_headers" doc:"headers that each request must bring, with a value"`
}

// Cap is a bound on a number in a body.
type Cap struct {
	Max    unit.Count `yaml:"max" required:"true" min:"1" doc:"largest value"`
	Action string     `yaml:"action" default:"reject" enum:"clamp|reject" doc:"what becomes of a larger one: it is replaced by the largest, or the request is refused"`
}

// Bounds on a configuration.
const (
	maxName    = 64
	maxModels  = 1000
	maxHeaders = 32
)

// Validate implements yamlconf.Validator.
func (t Tenant) Validate(fail func(path, format string, args ...any)) {
	if !NameFits(t.Name) {
		fail("name", "%q: write letters, digits, - _ and ., at most %d, the first a letter or digit", t.Name, maxName)
	}
	if len(t.Models) > maxModels {
		fail("models", "%d are more than %d", len(t.Models), maxModels)
	}
	if slices.Contains(t.Models, "") {
		fail("models", "one has no name; leave the list out to allow every model")
	}
}

// Validate implements yamlconf.Validator.
func (r Rules) Validate(fail func(path, format string, args ...any)) {
	if len(r.Headers) > maxHeaders {
		fail("required_headers", "%d are more than %d", len(r.Headers), maxHeaders)
	}
	for _, name := range r.Headers {
		if !isToken(name) {
			fail("required_headers", "%q is no name of a header", name)
		}
	}
}

// NameFits reports whether a text may name a tenant: it can break out of no header, label or line of a log.
func NameFits(name string) bool {
	if name == "" || len(name) > maxName || !isAlnum(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isToken reports whether a text is a token of RFC 9110, 5.6.2, as a header's name must be.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// Allows reports whether the tenant may ask for a model, by the name that its client uses.
func (t *Tenant) Allows(model string) bool {
	for _, allowed := range t.Models {
		if stem, open := strings.CutSuffix(allowed, "*"); allowed == model || open && strings.HasPrefix(model, stem) {
			return true
		}
	}
	return len(t.Models) == 0
}

// Missing returns the first required header that has no value, or "". get returns the value of a header, as
// http.Header's does.
func (r *Rules) Missing(get func(name string) string) string {
	for _, name := range r.Headers {
		if get(name) == "" {
			return name
		}
	}
	return ""
}
