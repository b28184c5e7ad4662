package identity

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Paths of the endpoints, as Entra has them below the authority's host; {tenant} is a path segment.
const (
	DiscoveryPath = "/{tenant}/v2.0/.well-known/openid-configuration"
	KeysPath      = "/{tenant}/discovery/v2.0/keys"
	TokenPath     = "/{tenant}/oauth2/v2.0/token"
)

// tokenLifetime is how long a token of the endpoint is valid. Entra's live for 60 to 90 minutes.
const tokenLifetime = time.Hour

// Reply is an answer of an endpoint: a status and a JSON body.
type Reply struct {
	Status int
	Body   []byte
}

// Discover answers DiscoveryPath; base is the URL that the client reached this host by, such as https://localhost:8443.
func (i *Issuer) Discover(tenant, base string) Reply {
	if tenant != Tenant {
		return unknownTenant(tenant)
	}
	at := func(path string) string { return base + strings.Replace(path, "{tenant}", Tenant, 1) }
	return reply(http.StatusOK, map[string]any{"issuer": issuer, "token_endpoint": at(TokenPath), "jwks_uri": at(KeysPath),
		"authorization_endpoint": base + "/" + Tenant + "/oauth2/v2.0/authorize", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"}})
}

// Keys answers KeysPath: the public half of the key, as a JSON Web Key Set (RFC 7517).
func (i *Issuer) Keys(tenant string) Reply {
	if tenant != Tenant {
		return unknownTenant(tenant)
	}
	key, err := i.key()
	if err != nil {
		return refuse(http.StatusInternalServerError, "server_error", "the signing key cannot be made")
	}
	enc := base64.RawURLEncoding
	return reply(http.StatusOK, map[string]any{"keys": []map[string]string{{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.id, "issuer": issuer,
		"n": enc.EncodeToString(key.N.Bytes()), "e": enc.EncodeToString(big.NewInt(int64(key.E)).Bytes())}}})
}

// Exchange answers TokenPath: the client credentials grant (RFC 6749, 4.4). Any client is known, by any secret or
// assertion; its object id is its client id.
func (i *Issuer) Exchange(tenant string, form url.Values, now time.Time) Reply {
	client := form.Get("client_id")
	audience, ok := audienceOf(form.Get("scope"))
	switch {
	case tenant != Tenant:
		return unknownTenant(tenant)
	case form.Get("grant_type") != "client_credentials":
		return refuse(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: only the grant client_credentials is supported here.")
	case client == "" || len(client) > 128:
		return refuse(http.StatusBadRequest, "invalid_request", "AADSTS900144: The request body must contain the following parameter: 'client_id'.")
	case form.Get("client_secret") == "" && form.Get("client_assertion") == "":
		return refuse(http.StatusUnauthorized, "invalid_client", "AADSTS7000216: 'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type.")
	case !ok:
		return refuse(http.StatusBadRequest, "invalid_scope", "AADSTS1002012: The scope must be a resource and /.default, such as "+Audiences()[0]+"/.default.")
	}
	token, err := i.Token(Grant{Audience: audience, AppID: client, Lifetime: tokenLifetime}, now)
	if err != nil {
		return refuse(http.StatusInternalServerError, "server_error", "the token cannot be signed")
	}
	seconds := int(tokenLifetime/time.Second) - 1
	return reply(http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token})
}

// audienceOf returns the one resource that scopes are about. Microsoft's libraries also ask for those of OpenID Connect,
// which are nothing to an application.
func audienceOf(scopes string) (audience string, ok bool) {
	for scope := range strings.FieldsSeq(scopes) {
		switch scope {
		case "openid", "profile", "offline_access", "email":
			continue
		}
		resource, whole := strings.CutSuffix(scope, "/.default")
		if !whole || resource == "" || len(resource) > 256 || audience != "" {
			return "", false
		}
		audience = resource
	}
	return audience, audience != ""
}

// BadForm answers a TokenPath whose form cannot be read.
func BadForm() Reply {
	return refuse(http.StatusBadRequest, "invalid_request", "AADSTS900144: The body must be a form (application/x-www-form-urlencoded) of at most 64 KiB.")
}

func unknownTenant(tenant string) Reply {
	return refuse(http.StatusBadRequest, "invalid_tenant", fmt.Sprintf("AADSTS90002: Tenant %.64q not found. The one here is %s.", tenant, Tenant))
}

// refuse is an error as RFC 6749, 5.2 has it. The words are this project's, the AADSTS codes Entra's.
func refuse(status int, code, why string) Reply {
	return reply(status, map[string]any{"error": code, "error_description": why})
}

func reply(status int, says map[string]any) Reply {
	body, err := json.Marshal(says)
	if err != nil {
		panic("identity: " + err.Error()) // strings and numbers always marshal
	}
	return Reply{status, body}
}
