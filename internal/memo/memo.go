// Package memo remembers what was found out of a credential, by its SHA-256, so that it need not be verified at each
// request. It owns the bound on that; whether what it remembers is still so is for its caller to see.
package memo

import (
	"crypto/sha256"
	"sync"
)

// Digest stands for a credential: a memo holds no secret.
type Digest = [sha256.Size]byte

// Generation bounds the credentials of a generation, of which there are two.
const Generation = 1024

// Memo remembers the credentials that were used last: of two generations the older is dropped once the younger is full.
// Where only valid ones are put in, nobody without one can push them out. The zero value is ready. Safe for concurrent
// use.
type Memo[V any] struct {
	mu           sync.Mutex
	young, older map[Digest]V
}

// Get returns what was put in for a credential.
func (m *Memo[V]) Get(of Digest) (v V, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, known = m.young[of]; known {
		return v, true
	}
	if v, known = m.older[of]; known {
		m.add(of, v)
	}
	return v, known
}

// Put remembers v for a credential.
func (m *Memo[V]) Put(of Digest, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(of, v)
}

// Len returns how many credentials are kept: at most two generations.
func (m *Memo[V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.young) + len(m.older)
}

// add puts a credential into the younger generation; with mu.
func (m *Memo[V]) add(of Digest, v V) {
	if len(m.young) >= Generation {
		m.older, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = make(map[Digest]V)
	}
	m.young[of] = v
}
