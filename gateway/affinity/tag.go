package affinity

import "crypto/sha256"

// A tag is a mark and then digits of 5 bits, which may stand in ids, URLs and
// JSON as they are.
const (
	mark   = '_'
	digits = "abcdefghijklmnopqrstuvwxyz234567"
)

// Size is the length of a tag in bytes.
const Size = 13

// Tag names a backend at the end of an id. That an id ends with one by chance,
// or that two backends have the same, is not to be expected: there are 2 to the
// 60th.
type Tag [Size]byte

// TagOf returns the tag of a backend, by its name.
func TagOf(backend string) (t Tag) {
	sum := sha256.Sum256([]byte("foundrylab backend " + backend))
	for i := range t {
		t[i] = digits[sum[i]%32]
	}
	t[0] = mark
	return t
}

// Cut cuts off what may be a tag at the end of an id; ok is false where nothing
// can be one, or nothing is before it.
func Cut(id string) (bare string, t Tag, ok bool) {
	if len(id) <= Size || id[len(id)-Size] != mark {
		return id, Tag{}, false
	}
	return id[:len(id)-Size], Tag([]byte(id[len(id)-Size:])), true
}
