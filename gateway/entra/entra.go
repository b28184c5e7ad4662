// Package entra gets access tokens of Microsoft Entra ID, with which a gateway shows itself to its backends.
//
// It owns when a token is renewed. The flows are azidentity's; nothing of them, and no token, is logged.
package entra

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"foundrylab/gateway/identity"
)

// Config says as whom a gateway gets tokens.
type Config struct {
	Kind      string           `yaml:"kind" default:"default" enum:"default|managed-identity|workload-identity|client-secret" doc:"how: azidentity's DefaultAzureCredential, the managed identity of the machine, that of a Kubernetes pod, or an application with a secret"`
	TenantID  string           `yaml:"tenant_id" doc:"client-secret: id of the Entra tenant"`
	ClientID  string           `yaml:"client_id" doc:"client-secret: id of the application; managed-identity: of a user-assigned one, default the machine's own"`
	Secret    *identity.Secret `yaml:"secret" doc:"client-secret: where the secret is"`
	Scope     string           `yaml:"scope" default:"https://cognitiveservices.azure.com/.default" doc:"what the tokens are for"`
	Authority string           `yaml:"authority" doc:"client-secret: URL of another authority than that of the public cloud, over https"`
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	bySecret := c.Kind == "client-secret"
	for _, needed := range []struct {
		path string
		has  bool
	}{{"tenant_id", c.TenantID != ""}, {"secret", c.Secret != nil}} {
		if needed.has != bySecret {
			fail(needed.path, "is needed for kind: client-secret, and for no other")
		}
	}
	if bySecret && c.ClientID == "" {
		fail("client_id", "is needed for kind: client-secret")
	}
	if c.Authority != "" && !bySecret {
		fail("authority", "is for kind: client-secret")
	}
}

// When tokens are renewed.
const (
	renewBefore = 5 * time.Minute  // the end of a token; behind the scenes
	renewEvery  = 30 * time.Second // at most, while that fails
	fetchTime   = 20 * time.Second // bound on one renewal, with azidentity's own tries
)

// Source is where a backend's tokens come from. Safe for concurrent use.
type Source struct {
	credential azcore.TokenCredential
	scopes     []string
	now        atomic.Pointer[token] // nil: none yet

	mu       sync.Mutex
	tried    time.Time
	failed   error         // how the last renewal ended
	fetching chan struct{} // closed when the one under way is over; nil: none is
}

// token is an access token. It is not changed.
type token struct {
	text         string
	renew, until time.Time
}

// New returns a Source; client is what it reaches Entra with, nil: azidentity's own. It asks nothing yet. Errors hold no
// secret.
func New(cfg *Config, from identity.Source, client *http.Client) (*Source, error) {
	options := azcore.ClientOptions{}
	if client != nil {
		options.Transport = client
	}
	var credential azcore.TokenCredential
	var err error
	switch cfg.Kind {
	case "managed-identity":
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if cfg.ClientID != "" {
			o.ID = azidentity.ClientID(cfg.ClientID)
		}
		credential, err = azidentity.NewManagedIdentityCredential(o)
	case "workload-identity":
		credential, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options, ClientID: cfg.ClientID})
	case "client-secret":
		credential, err = bySecret(cfg, from, options)
	default:
		credential, err = azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
	}
	if err != nil {
		return nil, err
	}
	return newSource(credential, cfg.Scope), nil
}

func bySecret(cfg *Config, from identity.Source, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	if cfg.Secret == nil {
		return nil, errors.New("there is no secret")
	}
	secret, err := from.Read(cfg.Secret)
	if err != nil {
		return nil, err
	}
	o := &azidentity.ClientSecretCredentialOptions{ClientOptions: options}
	if cfg.Authority != "" {
		o.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: cfg.Authority}
		o.DisableInstanceDiscovery = true // which would ask the public cloud about the authority
	}
	return azidentity.NewClientSecretCredential(cfg.TenantID, cfg.ClientID, secret, o)
}

func newSource(credential azcore.TokenCredential, scope string) *Source {
	return &Source{credential: credential, scopes: []string{scope}}
}

// Token returns a token that is good. It waits only where there is none.
func (s *Source) Token(ctx context.Context) (string, error) {
	now := time.Now()
	t := s.now.Load()
	if t != nil && now.Before(t.renew) {
		return t.text, nil
	}
	over := s.fetch(now)
	if t != nil && now.Before(t.until) {
		return t.text, nil // while the next one is fetched
	}
	if over != nil {
		select {
		case <-over:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if t := s.now.Load(); t != nil && time.Now().Before(t.until) {
		return t.text, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return "", s.failed
}

// fetch begins a renewal unless one is under way, or has just failed. The channel closes when it is over; nil: none is.
func (s *Source) fetch(now time.Time) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetching != nil {
		return s.fetching
	}
	if s.failed != nil && now.Sub(s.tried) < renewEvery {
		return nil
	}
	s.tried, s.fetching = now, make(chan struct{})
	go s.run(s.fetching)
	return s.fetching
}

func (s *Source) run(over chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	got, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: s.scopes})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		t := &token{got.Token, got.RefreshOn, got.ExpiresOn}
		if t.renew.IsZero() || t.renew.After(t.until) {
			t.renew = t.until.Add(-renewBefore)
		}
		s.now.Store(t)
	}
	s.failed, s.fetching = err, nil
	close(over)
}
