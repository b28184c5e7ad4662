// Package access says who may do what with a resource: network rules, ways to authenticate, and the roles of principals.
//
// It owns the rules and their order. It refuses to verify anything: it is told what a caller proved.
package access

import (
	"slices"
	"strings"
)

// Config are the rules of a resource. The zero Config is a resource on the public internet that takes every key and every
// token, and whose principals may do everything.
type Config struct {
	Strict     bool        `yaml:"strict" default:"false" doc:"whether keys must be the resource's, and tokens must be signed by the local issuer, current and meant for it; else any will do, but not none"`
	Network    string      `yaml:"network" default:"open" enum:"open|firewall|private|regional" doc:"who is let through: all; nobody, by firewall rules; nobody, as public access is disabled; nobody, as the host is that of the region"`
	LocalAuth  *bool       `yaml:"local_auth" doc:"whether keys are accepted beside tokens; default true"`
	Wording    string      `yaml:"wording" default:"newer" enum:"newer|older" doc:"of the 401 for what a principal may not do: with the data action, or without"`
	Principals []Principal `yaml:"principals" doc:"who has roles; default: every token may do everything"`
}

// Principal is a user, an application or a managed identity.
type Principal struct {
	OID      string   `yaml:"oid" required:"true" doc:"its object id, as in the token's oid"`
	Roles    []string `yaml:"roles" doc:"names of built-in roles, or data actions with * for anything"`
	Projects []string `yaml:"projects" doc:"the only projects in which it has them; default: everywhere in the resource"`
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if len(c.Principals) > 0 && !c.Strict {
		fail("principals", "are asked for only where strict is true: a token that is not verified says nothing of who sent it")
	}
	seen := make([]string, 0, len(c.Principals))
	if len(c.Principals) > maxPrincipals {
		fail("principals", "%d are more than %d", len(c.Principals), maxPrincipals)
		return
	}
	for _, p := range c.Principals {
		if slices.Contains(seen, p.OID) {
			fail("principals", "%q is there twice", p.OID)
		}
		seen = append(seen, p.OID)
	}
}

// Validate implements yamlconf.Validator.
func (p Principal) Validate(fail func(path, format string, args ...any)) {
	for _, role := range p.Roles {
		if !KnownRole(role) {
			fail("roles", "%q is no role with data actions, and no data action either; roles are %s", role, strings.Join(Roles(), ", "))
		}
	}
}

// maxPrincipals bounds a list of principals: it is searched one by one.
const maxPrincipals = 1000

// Credential is what a caller came with, after it was looked at.
type Credential uint8

// The kinds of credentials.
const (
	None      Credential = iota
	GoodKey              // a key of the resource; without Strict any key
	WrongKey             // another key
	GoodToken            // a token that was verified; without Strict any
	WrongToken
)

// Caller is who asks for what.
type Caller struct {
	Credential Credential
	OID        string   // of a GoodToken
	Roles      []string // of a GoodToken, beside those of its principal
	Action     string   // data action that the operation needs, see Action; "": none
	Project    string   // of a project's route
}

// Verdict is what comes of it.
type Verdict uint8

// The verdicts, in the order in which they are reached: authentication, network, permission.
const (
	Allowed Verdict = iota
	LocalAuthDisabled
	KeyRefused
	TokenRefused
	FirewallDenied
	PublicAccessDisabled
	RegionalDenied
	ActionDenied
)

// String names a verdict for a log.
func (v Verdict) String() string {
	return [...]string{"allowed", "keys are disabled", "no key or a wrong one", "token refused", "firewall", "public access is disabled", "regional host name",
		"data action not granted"}[v]
}

// Judge applies the rules. It does not change c.
func (c *Config) Judge(by Caller) Verdict {
	key := by.Credential == GoodKey || by.Credential == WrongKey
	switch {
	case key && c.LocalAuth != nil && !*c.LocalAuth:
		return LocalAuthDisabled
	case by.Credential == None || by.Credential == WrongKey:
		return KeyRefused
	case by.Credential == WrongToken:
		return TokenRefused
	case c.Network == "firewall":
		return FirewallDenied
	case c.Network == "private":
		return PublicAccessDisabled
	case c.Network == "regional":
		return RegionalDenied
	case key || c.permits(&by):
		return Allowed
	}
	return ActionDenied
}

// permits reports whether a principal has the action. The roles of a token hold everywhere.
func (c *Config) permits(by *Caller) bool {
	if len(c.Principals) == 0 && len(by.Roles) == 0 || by.Action == "" || grant(by.Roles, by.Action) {
		return true
	}
	at := slices.IndexFunc(c.Principals, func(p Principal) bool { return p.OID == by.OID })
	if at < 0 {
		return false
	}
	p := &c.Principals[at]
	return (len(p.Projects) == 0 || slices.Contains(p.Projects, by.Project)) && grant(p.Roles, by.Action)
}
