package fault

import "foundrylab/internal/record"

// TokenExpiry lets credentials expire: a token that was not renewed in time,
// or a key that was rotated away.
type TokenExpiry struct{}

var tokenExpiryKind = Kind{
	Name:    "token_expiry",
	Help:    "Requests are answered with 401 and the service's body for an expired Entra token, whichever credential they carry. Running streams go on.",
	Example: "token_expiry: {}",
	asked:   Config{TokenExpiry: &TokenExpiry{}},
	compile: func(c Config, r *Rule) bool {
		if c.TokenExpiry == nil {
			return false
		}
		r.Refuse, r.Status = record.TokenExpiryFault, 401
		return true
	},
}
