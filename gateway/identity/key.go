package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
	"unsafe"
)

// Key is a key of a client. What is configured is its SHA-256: keys are random and long, so that it says nothing of them.
type Key struct {
	Tenant    string  `yaml:"tenant" required:"true" doc:"whose it is"`
	ID        string  `yaml:"id" doc:"its name in logs; default: the beginning of its digest"`
	SHA256    string  `yaml:"sha256" doc:"hexadecimal digest of the key, as foundrylab gateway key prints it"`
	Secret    *Secret `yaml:"secret" doc:"instead of sha256: where the key itself is"`
	NotBefore Moment  `yaml:"not_before" doc:"when it begins to be good; default: it is"`
	Expires   Moment  `yaml:"expires" doc:"when it is no longer good; default: never"`
	Revoked   bool    `yaml:"revoked" doc:"it is not good, whatever the clock says; unlike a key that is taken out, the log tells who still uses it"`
}

// minKey is how short the key of a Secret may be, in bytes: a digest tells a shorter one to who tries them all.
const minKey = 16

// keyPrefix lets tools that search for leaked secrets know a key.
const keyPrefix = "flg_"

// NewKey returns a new key of 256 random bits, to be given to a client, and the Key to be configured, which does not
// tell it.
func NewKey(tenant string) (secret string, k Key) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	secret = keyPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, KeyOf(tenant, secret)
}

// KeyOf returns the Key of a secret that there is already.
func KeyOf(tenant, secret string) Key {
	sum := digest(secret)
	text := hex.EncodeToString(sum[:])
	return Key{Tenant: tenant, ID: text[:idDigits], SHA256: text}
}

// idDigits is how much of a digest names its key.
const idDigits = 8

// Validate implements yamlconf.Validator.
func (k Key) Validate(fail func(path, format string, args ...any)) {
	switch {
	case (k.SHA256 == "") == (k.Secret == nil):
		fail("", "give either sha256 or secret")
	case k.SHA256 != "" && !isDigest(k.SHA256):
		fail("sha256", "is no SHA-256 in hexadecimal, which has 64 digits")
	}
	if len(k.ID) > maxID || !isPrintable(k.ID) {
		fail("id", "write at most %d printable characters without spaces", maxID)
	}
	if !k.Expires.IsZero() && !k.NotBefore.IsZero() && !k.Expires.After(k.NotBefore.Time) {
		fail("expires", "is not after not_before")
	}
}

// maxID bounds a name in logs, in bytes.
const maxID = 64

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// key is a compiled Key.
type key struct {
	digest      [sha256.Size]byte
	tenant      int
	by          string
	from, until time.Time // zero: no bound
	revoked     bool
}

// key returns the key of a digest. How long a look-up takes may say something of the digests, of which no key follows;
// the comparison that decides takes one time.
func (v *Verifier) key(of *[sha256.Size]byte) (*key, bool) {
	k, ok := v.keys[*of]
	if !ok || subtle.ConstantTimeCompare(k.digest[:], of[:]) != 1 {
		return nil, false
	}
	return k, true
}

// caller returns whose key it is. Of one that is not good it returns its name alone, so that the log tells who goes on
// using it.
func (k *key) caller(clock func() time.Time) (Caller, error) {
	if k.revoked {
		return Caller{Nobody, k.by}, KeyRevoked
	}
	if !k.from.IsZero() || !k.until.IsZero() {
		switch now := clock(); {
		case now.Before(k.from):
			return Caller{Nobody, k.by}, KeyEarly
		case !k.until.IsZero() && !now.Before(k.until):
			return Caller{Nobody, k.by}, KeyExpired
		}
	}
	return Caller{k.tenant, k.by}, nil
}

func compileKey(k *Key, tenant int, from Source) (*key, error) {
	c := &key{tenant: tenant, from: k.NotBefore.Time, until: k.Expires.Time, revoked: k.Revoked}
	if k.Secret != nil {
		secret, err := from.Read(k.Secret)
		switch {
		case err != nil:
			return nil, err
		case len(secret) < minKey:
			return nil, fmt.Errorf("is shorter than %d bytes: who has its digest could find it out", minKey)
		}
		c.digest = digest(secret)
	} else if n, err := hex.Decode(c.digest[:], []byte(k.SHA256)); err != nil || n != sha256.Size {
		return nil, fmt.Errorf("sha256 is no SHA-256 in hexadecimal")
	}
	id := k.ID
	if len(id) > maxID || !isPrintable(id) {
		return nil, fmt.Errorf("id: write at most %d printable characters without spaces", maxID)
	}
	if id == "" {
		id = hex.EncodeToString(c.digest[:idDigits/2])
	}
	c.by = "key:" + id
	return c, nil
}

// digest is SHA-256 of a text, without a copy of it.
func digest(s string) [sha256.Size]byte {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(s), len(s))) // Sum256 only reads
}
