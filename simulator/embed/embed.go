// Package embed turns texts into vectors. Each word and each three letters of a text push some places of the vector up
// or down, always the same ones, so that texts which share words lie near each other: semantic caches and retrieval
// demos behave. It knows nothing of meaning: synonyms are strangers. Pure; safe for concurrent use.
package embed

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Vector returns the embedding of a text: natural places, of which the first wanted are kept and made of length 1 again,
// as the service shortens. wanted is from 1 to natural. The same text has the same bits on every machine.
func Vector(text string, natural, wanted int) []float32 {
	sums := make([]int32, natural)
	features(text, func(hash uint64, weight int32) { push(sums, hash, weight) })
	push(sums, golden, 1) // an empty text has a direction too
	sums = sums[:wanted]
	square := int64(0)
	for _, v := range sums {
		square += int64(v) * int64(v)
	}
	if square == 0 {
		sums[0], square = 1, 1
	}
	length := math.Sqrt(float64(square))
	vector := make([]float32, wanted)
	for i, v := range sums {
		vector[i] = float32(float64(v) / length)
	}
	return vector
}

// How much a feature counts, and how many places it pushes.
const (
	wordWeight  = 4
	threeWeight = 1
	places      = 24
)

const golden = 0x9e3779b97f4a7c15

// features calls add for every word in lower case, and for every three letters within one.
func features(text string, add func(hash uint64, weight int32)) {
	word := make([]rune, 0, 32)
	flush := func() {
		if len(word) == 0 {
			return
		}
		add(hashOf(word), wordWeight)
		for i := 0; i+3 <= len(word); i++ {
			add(hashOf(word[i:i+3])^golden, threeWeight)
		}
		word = word[:0]
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			word = append(word, unicode.ToLower(r))
			if len(word) < cap(word) {
				continue
			}
		}
		flush()
	}
	flush()
}

// hashOf is FNV-1a over runes, finished so that near words push other places.
func hashOf(word []rune) uint64 {
	h := uint64(14695981039346656037)
	for _, r := range word {
		h = (h ^ uint64(r)) * 1099511628211
	}
	return mix(h)
}

// push adds a feature to the places that are its own.
func push(sums []int32, hash uint64, weight int32) {
	for k := range uint64(places) {
		v := mix(hash + k*golden)
		place := (v >> 32) % uint64(len(sums))
		if v&1 == 0 {
			sums[place] += weight
		} else {
			sums[place] -= weight
		}
	}
}

// mix is SplitMix64's finalizer.
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// AppendFloats appends the vector as a JSON array.
func AppendFloats(dst []byte, vector []float32) []byte {
	dst = append(dst, '[')
	for i, v := range vector {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendFloat(dst, float64(v), 'g', -1, 32)
	}
	return append(dst, ']')
}

// AppendBase64 appends the vector as a JSON string: its little-endian floats in base64.
func AppendBase64(dst []byte, vector []float32) []byte {
	raw := make([]byte, 0, 4*len(vector))
	for _, v := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, raw)
	return append(dst, '"')
}
