package simulator

import (
	"strings"
	"time"

	"github.com/gorilla/mux"

	"foundrylab/simulator/access"
	"foundrylab/simulator/content"
	"foundrylab/simulator/identity"
)

// Without a caller's key, or with one that is not right, requests go no further than this file. Its answers stand in
// Azure's own envelopes in every route family, Anthropic's included: they come from the layer in front.

// credential returns what the caller authenticates with, and whether it is a token. The header api-key comes before
// x-api-key, which is Anthropic's, and both before a bearer token.
func (c *call) credential() (secret string, token bool) {
	if key := c.r.Header.Get("Api-Key"); key != "" {
		return key, false
	}
	if key := c.r.Header.Get("X-Api-Key"); key != "" && c.route.family == "anthropic" {
		return key, false
	}
	scheme, bearer, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if bearer = strings.TrimSpace(bearer); bearer == "" || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return bearer, identity.TokenShaped(bearer) || !c.route.bearsKeys()
}

// bearsKeys reports whether the family takes a key as bearer token too, as the plain clients of OpenAI send it, and that of
// Anthropic for Python from 2.14 on.
func (r *route) bearsKeys() bool {
	return r.family == "v1" || r.family == "project" || r.family == "plain" || r.family == "anthropic"
}

// admitted reports whether the caller may do what the route is for, or answers why not.
func (c *call) admitted() bool {
	by, why := c.caller()
	verdict := c.srv.rules.Judge(by)
	if verdict == access.Allowed {
		return true
	}
	c.srv.log.Info().Str("route", c.route.name).Stringer("denied", verdict).AnErr("token", why).Msg("request denied")
	c.answer(c.denial(verdict, by.OID))
	return false
}

// caller finds out who asks. The error says why a token is not valid.
func (c *call) caller() (by access.Caller, why error) {
	secret, token := c.credential()
	by.Action = c.route.action
	switch {
	case secret == "":
	case !token && c.srv.opens(secret):
		by.Credential = access.GoodKey
	case !token:
		by.Credential = access.WrongKey
	case !c.srv.rules.Strict:
		by.Credential = access.GoodToken
	default:
		p, err := c.srv.issuer.Verify(secret, time.Unix(0, int64(c.srv.clock.Now())))
		if err != nil {
			by.Credential = access.WrongToken
			return by, err
		}
		by.Credential, by.OID, by.Roles, by.Project = access.GoodToken, p.OID, p.Roles, mux.Vars(c.r)["project"]
	}
	return by, nil
}

// opens reports whether a key is that of any deployment: a key is the resource's, and is asked for before anything else.
func (s *Server) opens(key string) bool {
	if !s.rules.Strict {
		return true
	}
	for _, ring := range s.rings {
		if ring.has(key) {
			return true
		}
	}
	return false
}

// opens reports whether the credential of a caller who was admitted is good for a deployment too.
func (c *call) opens(b *backend) bool {
	if !c.srv.rules.Strict {
		return true
	}
	secret, token := c.credential()
	return token || b.ring.has(secret)
}

// keyRefused answers a wrong key. Under /anthropic that is the body of token errors, as was seen.
func (c *call) keyRefused() content.Answer {
	if c.route.family == "anthropic" {
		return content.InvalidToken()
	}
	return content.InvalidKey()
}

// denial answers a verdict on the principal oid.
func (c *call) denial(v access.Verdict, oid string) content.Answer {
	switch v {
	case access.TokenRefused:
		return content.InvalidToken()
	case access.LocalAuthDisabled:
		return content.KeyAuthDisabled()
	case access.FirewallDenied:
		c.w.Header()["Policy-Id"] = trafficDenied
		return content.FirewallDenied()
	case access.PublicAccessDisabled:
		return content.PublicAccessDisabled()
	case access.RegionalDenied:
		return content.RegionalEndpointDenied()
	case access.ActionDenied:
		if c.srv.rules.Wording == "older" {
			return content.PermissionDenied()
		}
		return content.ActionDenied(oid, c.route.action, c.route.operation, c.route.family == "project")
	}
	return c.keyRefused()
}

// trafficDenied was seen beside the answer of a firewall. Never mutated.
var trafficDenied = []string{"ThrowExceptionDueToTrafficDenied"}
