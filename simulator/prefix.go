package simulator

import (
	"sync"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// A prompt of somebody else's says nothing of what it shares with others, so it is compared: as the hashes of its text up
// to every blockSize bytes, which are about 128 tokens. The first routedBlocks of them, about 256 tokens, name the machine
// that a request goes to.
const (
	blockSize    = 512
	routedBlocks = 2
)

// blocks are the hashes of a prompt's text up to the end of each of its blocks.
type blocks struct {
	hashes []uint64
	bytes  int // of the whole text
}

// blocksOf returns those of all messages. Roles count too: the same text said by another is another beginning.
func blocksOf(messages []ops.Message) (b blocks) {
	h := uint64(0)
	for i := range messages {
		h = rng.Hash(h, messages[i].Role)
		for text := messages[i].Text; text != ""; {
			n := min(blockSize-b.bytes%blockSize, len(text))
			h = rng.Hash(h, text[:n])
			if b.bytes += n; b.bytes%blockSize == 0 {
				b.hashes = append(b.hashes, h)
			}
			text = text[n:]
		}
	}
	return b
}

// name returns the name of what the prompts share that go to one machine, 0 where the prompt is too short to matter. A
// caller's prompt_cache_key is part of it.
func (b *blocks) name(cacheKey string) uint64 {
	if len(b.hashes) < routedBlocks {
		return 0
	}
	return withCacheKey(b.hashes[routedBlocks-1], cacheKey)
}

func withCacheKey(name uint64, cacheKey string) uint64 {
	if name == 0 || cacheKey == "" {
		return name
	}
	return rng.Hash(name, cacheKey) | 1 // never 0: no prefix
}

// seenBlocks is how many blocks of prompts a deployment remembers: 32 MB of text.
const seenBlocks = 1 << 16

// sights remembers which blocks a deployment has seen, in a table of fixed size; a block that was pushed out is new again.
type sights struct {
	mu   sync.Mutex
	rows []sight // none before the first
}

type sight struct {
	hash uint64
	at   tick.Instant
}

func (s *sights) row(hash uint64) *sight { return &s.rows[hash*0x9e3779b97f4a7c15>>(64-16)] }

// shared returns how many of a prompt's tokens were seen within a time before now, from its beginning on: as many of them
// as its bytes are.
func (s *sights) shared(now tick.Instant, within time.Duration, b *blocks, promptTokens int32) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		return 0
	}
	n := 0
	for _, h := range b.hashes {
		if r := s.row(h); r.hash != h || now.Sub(r.at) > within {
			break
		}
		n++
	}
	if n == 0 {
		return 0
	}
	return int32(tick.MulDiv(int64(promptTokens), int64(n*blockSize), int64(b.bytes)))
}

// forget makes every block new again.
func (s *sights) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = nil
}

// add notes that a prompt was answered at now.
func (s *sights) add(now tick.Instant, b *blocks) {
	if len(b.hashes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = make([]sight, seenBlocks)
	}
	for _, h := range b.hashes {
		*s.row(h) = sight{h, now}
	}
}
