package budget

// Length is how long a tenant's answers are: a running mean. The zero Length has seen none. O(1), 0 allocations. Not safe
// for concurrent use.
type Length struct {
	mean  int64 // in tokens, times lengthUnit
	known bool
}

// The mean follows each answer by a sixteenth.
const (
	lengthUnit   = 256
	lengthFollow = 16
)

// Learn follows an answer of so many tokens.
func (l *Length) Learn(completion int32) {
	now := int64(completion) * lengthUnit
	if !l.known {
		l.mean, l.known = now, true
		return
	}
	l.mean += (now - l.mean) / lengthFollow
}

// Expected is how long an answer may be taken to be, in tokens; negative: there
// was none yet.
func (l *Length) Expected() int32 {
	if !l.known {
		return -1
	}
	return int32(l.mean / lengthUnit)
}
