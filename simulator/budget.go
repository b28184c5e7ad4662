package simulator

import (
	"sync"

	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// SharePool returns a pool that deployments may draw from at the same time.
func SharePool(p *deployment.Pool) deployment.Budget { return &sharedPool{pool: p} }

type sharedPool struct {
	mu   sync.Mutex // taken under a deployment's lock, and takes none itself
	pool *deployment.Pool
}

// Reserve implements deployment.Budget.
func (s *sharedPool) Reserve(now tick.Instant, tokens int32) deployment.Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.Reserve(now, tokens)
}

// Look implements deployment.Budget.
func (s *sharedPool) Look(now tick.Instant, tokens int32) deployment.Grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.Look(now, tokens)
}
