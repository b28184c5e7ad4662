package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How an issuer's keys are kept.
const (
	keysFresh   = time.Hour        // after that they are fetched again, behind the scenes
	keysStale   = 24 * time.Hour   // so long they are good while the issuer cannot be reached
	fetchEvery  = 30 * time.Second // at most, however many tokens name unknown keys
	fetchAgain  = time.Second      // at most, while there are no keys at all
	fetchTime   = 5 * time.Second  // bound on one fetch, discovery included
	maxDocument = 1 << 20          // bytes
)

// keyPlace is where an issuer's keys are.
type keyPlace struct{ issuer, discovery, jwks string }

func placeOf(i *Issuer) keyPlace {
	p := keyPlace{issuer: i.Issuer, discovery: i.Discovery, jwks: i.JWKS}
	if p.jwks == "" && p.discovery == "" {
		p.discovery = strings.TrimSuffix(i.Issuer, "/") + "/.well-known/openid-configuration"
	}
	return p
}

// keySet is the keys of an issuer, as they were last seen. Safe for concurrent use.
type keySet struct {
	place  keyPlace
	client *http.Client
	clock  func() time.Time
	now    atomic.Pointer[fetched] // nil: never

	mu       sync.Mutex
	tried    time.Time     // when a fetch last began
	fetching chan struct{} // closed when the one under way is over; nil: none is
}

// fetched is a set of keys and when it came. It is not changed.
type fetched struct {
	at   time.Time
	keys map[string]signingKey // by kid
}

func newKeySet(place keyPlace, o Options) *keySet {
	return &keySet{place: place, clock: o.Now, client: &http.Client{Transport: o.Transport, Timeout: fetchTime,
		// What a redirect leads to is not what was configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// find returns the public key of that name for that algorithm; the error is a Refusal. A key that is not known is looked for
// once at the issuer, if the last look is long enough ago; that is waited for.
func (s *keySet) find(ctx context.Context, id, alg string, now time.Time) (any, error) {
	if k, ok := s.look(id, now); ok {
		if s.age(now) > keysFresh {
			s.fetch(now) // meanwhile this one is good
		}
		return k.forAlgorithm(alg)
	}
	if over := s.fetch(now); over != nil {
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
	if k, ok := s.look(id, now); ok {
		return k.forAlgorithm(alg)
	}
	if s.age(now) > keysStale {
		return nil, KeysUnavailable
	}
	return nil, TokenSigningKey
}

// look returns a key that is known, and not too old.
func (s *keySet) look(id string, now time.Time) (signingKey, bool) {
	if s.age(now) > keysStale {
		return signingKey{}, false
	}
	k, ok := s.now.Load().keys[id]
	return k, ok
}

// age is how long ago the keys came.
func (s *keySet) age(now time.Time) time.Duration {
	if f := s.now.Load(); f != nil {
		return now.Sub(f.at)
	}
	return 1<<63 - 1
}

// fetch begins to fetch the keys unless that is under way, or was begun just before. The channel closes when it is over;
// nil: nothing is under way.
func (s *keySet) fetch(now time.Time) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetching != nil {
		return s.fetching
	}
	least := fetchEvery
	if s.age(now) > keysStale {
		least = fetchAgain
	}
	if !s.tried.IsZero() && now.Sub(s.tried) < least {
		return nil
	}
	s.tried, s.fetching = now, make(chan struct{})
	go s.run(s.fetching)
	return s.fetching
}

func (s *keySet) run(over chan struct{}) {
	defer func() {
		s.mu.Lock()
		s.fetching = nil
		s.mu.Unlock()
		close(over)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
	defer cancel()
	if keys, err := s.load(ctx); err == nil { // else the old ones stay
		s.now.Store(&fetched{s.clock(), keys})
	}
}

// load fetches the keys.
func (s *keySet) load(ctx context.Context) (map[string]signingKey, error) {
	from := s.place.jwks
	if from == "" {
		var says struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		if err := s.get(ctx, s.place.discovery, &says); err != nil {
			return nil, err
		}
		if says.Issuer != s.place.issuer || !isSafeURL(says.JWKS) {
			return nil, errors.New("the discovery document is of another issuer, or names no safe place for the keys")
		}
		from = says.JWKS
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := s.get(ctx, from, &set); err != nil {
		return nil, err
	}
	keys := readKeys(set.Keys)
	if len(keys) == 0 {
		return nil, errors.New("there is no key that can be used")
	}
	return keys, nil
}

func (s *keySet) get(ctx context.Context, from string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", from, resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("%s answers more than %d bytes", from, maxDocument)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
