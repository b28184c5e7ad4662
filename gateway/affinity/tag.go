package affinity

import "crypto/sha256"

// Size is the length of a tag in bytes.
const Size = 1 + named + checked

// A tag is a mark, what it names, and what shows that it is one: an id that
// happens to end like it does so in one of a million.
const (
	mark    = '_'
	named   = 8 // characters of 5 bits
	checked = 4
)

// digits may stand in ids, URLs and JSON as they are.
const digits = "abcdefghijklmnopqrstuvwxyz234567"

// Tag names a backend at the end of an id.
type Tag [Size]byte

// TagOf returns the tag of a backend, by its name.
func TagOf(backend string) (t Tag) {
	t[0] = mark
	spell(t[1:1+named], "foundrylab backend "+backend)
	check := t.check()
	copy(t[1+named:], check[:])
	return t
}

// check is what the end of a tag must be.
func (t *Tag) check() (c [checked]byte) {
	spell(c[:], "foundrylab tag "+string(t[1:1+named]))
	return c
}

// spell fills dst with digits of a text's digest.
func spell(dst []byte, text string) {
	sum := sha256.Sum256([]byte(text))
	for i := range dst {
		dst[i] = digits[sum[i]%32]
	}
}

// Cut returns the tag at the end of an id, of any gateway and any backend; ok is
// false where there is none, and where there is nothing before it.
func Cut(id string) (bare string, t Tag, ok bool) {
	if len(id) <= Size || id[len(id)-Size] != mark {
		return id, Tag{}, false
	}
	copy(t[:], id[len(id)-Size:])
	if check := t.check(); string(check[:]) != string(t[1+named:]) {
		return id, Tag{}, false
	}
	return id[:len(id)-Size], t, true
}
