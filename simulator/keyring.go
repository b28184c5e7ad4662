package simulator

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"sync/atomic"

	"foundrylab/simulator/deployment"
)

// keyring is the two keys of a resource, which are good at the same time so that one can be renewed while clients use the
// other. Safe for concurrent use.
type keyring struct {
	resource   string    // as the deployments name it
	configured [2]string // what it began with
	now        atomic.Pointer[[2]string]
}

// ringOf returns the keyring of a deployment: deployments of one resource with the same keys have one together.
func ringOf(rings []*keyring, d *deployment.Config) *keyring {
	for _, k := range rings {
		if k.resource == d.Resource && k.configured == [2]string{d.Key, d.Key2} {
			return k
		}
	}
	k := &keyring{resource: d.Resource, configured: [2]string{d.Key, d.Key2}}
	k.now.Store(&[2]string{d.Key, d.Key2})
	return k
}

// has reports whether a key is one of the two. Nothing is no key.
func (k *keyring) has(key string) bool {
	pair := k.now.Load()
	first, second := equalKeys(key, pair[0]), equalKeys(key, pair[1])
	return key != "" && (first || second)
}

func equalKeys(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// renew replaces one of the keys, 0 or 1, by a new one, and returns both. Calls take their turns elsewhere.
func (k *keyring) renew(which int) [2]string {
	pair := *k.now.Load()
	pair[which] = newKey()
	k.now.Store(&pair)
	return pair
}

// restore puts the keys back that it began with.
func (k *keyring) restore() {
	pair := k.configured
	k.now.Store(&pair)
}

// newKey returns a key as the service has had them for long: 32 hexadecimal digits.
func newKey() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
