package identity

import "time"

// verified is what a token was found to say, and when it is valid.
type verified struct {
	Principal
	from, until time.Time
}

// in reports whether the token is valid at now. The end is not part of it, as RFC 7519, 4.1.4 has it.
func (v *verified) in(now time.Time) bool { return !now.Before(v.from) && now.Before(v.until) }
