package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// verified is what a token was found to say, and when it is valid.
type verified struct {
	Principal
	from, until time.Time
}

// in reports whether the token is valid at now. The end is not part of it, as RFC 7519, 4.1.4 has it.
func (v *verified) in(now time.Time) bool { return !now.Before(v.from) && now.Before(v.until) }

// memo remembers the tokens that were used last: of two generations the older is dropped once the younger is full. Only
// valid tokens come in, so nobody else can push them out. Safe for concurrent use.
type memo struct {
	mu           sync.Mutex
	young, older map[digest]verified
}

// digest stands for a token: a memo holds no secret.
type digest = [sha256.Size]byte

// generation bounds the tokens of a generation.
const generation = 1024

func (m *memo) get(of digest) (v verified, known bool) {
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

func (m *memo) put(of digest, v verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(of, v)
}

// add puts a token into the younger generation; with mu.
func (m *memo) add(of digest, v verified) {
	if len(m.young) >= generation {
		m.older, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = make(map[digest]verified)
	}
	m.young[of] = v
}
