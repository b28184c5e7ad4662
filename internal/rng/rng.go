// Package rng holds the dice. A draw is a pure function of (seed, purpose,
// entity, request key, attempt), not the next value of a shared sequence, so
// leaving out one tenant, adding a gateway or running live changes nobody
// else's draws. It refuses shared state and floating point.
package rng

import (
	"encoding/binary"
	"math/bits"
)

// Purpose names what a draw decides; two purposes never share a draw.
type Purpose uint8

// The purposes. Values are part of the determinism contract: append only.
const (
	Arrival Purpose = 1 + iota
	PromptLength
	OutputLength
	FirstToken
	Pace
	RouteChoice
	FaultHit
	FaultSize
	Backoff
	Think
	Phase
	ContentText
	SlowAnswer
	BurstSizes
	PrefixVariant
	FlexWait
	SpareCapacity
	Reasoning
	Visibility
	WaitJitter
	CanarySide
)

// Die draws for one (seed, purpose, entity). It is a value; copies draw alike.
type Die struct{ base uint64 }

// Entity hashes a name (FNV-1a) into the entity of a die, so that a draw
// depends on who somebody is and not on their place in a list.
func Entity[T string | []byte](name T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// New returns the die of a purpose and entity under a seed.
func New(seed uint64, purpose Purpose, entity uint64) Die {
	return Die{mix(mix(seed+0x9e3779b97f4a7c15, entity|1), uint64(purpose)<<32|0x5bd1e995)}
}

// Draw returns 64 uniform bits for a request key and an attempt of it.
func (d Die) Draw(key uint64, attempt uint32) uint64 {
	return mix(d.base^key, 0xa0761d6478bd642f^uint64(attempt)*0xe7037ed1a0b428db)
}

// Stream starts a sequence that belongs to this die alone; for the inside of
// one arrival process, where draws are consumed in order.
func (d Die) Stream() Stream { return Stream{die: d} }

// Stream is a sequence of draws owned by one process.
type Stream struct {
	die Die
	n   uint64
}

// Next returns the next 64 uniform bits.
func (s *Stream) Next() uint64 {
	s.n++
	return s.die.Draw(s.n, 0)
}

// mix folds two words through a 128-bit product twice (the construction of
// wyhash); good avalanche for about two nanoseconds.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x8bb84b93962eacc9, b^0x2d358dccaa6c78a5)
	a = hi ^ lo
	hi, lo = bits.Mul64(a^0x4b33a62ed433d4a3, b^0x4d5a2da51de1aa47)
	return hi ^ lo
}

// Below returns a uniform integer in [0, n) from 64 uniform bits; n > 0.
func Below(u uint64, n int64) int64 {
	hi, _ := bits.Mul64(u, uint64(n))
	return int64(hi)
}

// Digest hashes a text of any length, sixteen bytes at a time: the same on every machine, and good for dice and tables,
// but no defence against who looks for two texts of one digest.
func Digest(text []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h, n := uint64(0xa0761d6478bd642f), uint64(len(text))
	for ; len(text) >= 16; text = text[16:] {
		h = mix(binary.LittleEndian.Uint64(text)^odd, binary.LittleEndian.Uint64(text[8:])^h)
	}
	var rest [16]byte
	copy(rest[:], text)
	return mix(mix(binary.LittleEndian.Uint64(rest[:])^odd, binary.LittleEndian.Uint64(rest[8:])^h), n)
}
