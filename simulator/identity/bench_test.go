package identity

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// BenchmarkVerify measures tokens that are verified anew and that are known again, beside golang-jwt alone, which checks the
// signature, the issuer and the times and no more. vs-bare is the ratio of tokens a second.
func BenchmarkVerify(b *testing.B) {
	i := New()
	key, err := i.key()
	if err != nil {
		b.Fatal(err)
	}
	token, err := i.Token(Grant{OID: ana, Lifetime: time.Hour, Roles: []string{"Azure AI User"}}, now)
	if err != nil {
		b.Fatal(err)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
	ours := func(*jwt.Token) (any, error) { return &key.PublicKey, nil }
	bare := 0.0
	for _, way := range []struct {
		name   string
		verify func() error
	}{
		{"bare", func() error { _, err := parser.ParseWithClaims(token, &claims{}, ours); return err }},
		{"anew", func() error { _, err := i.check(token, now); return err }},
		{"known", func() error { _, err := i.Verify(token, now); return err }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := way.verify(); err != nil {
					b.Fatal(err)
				}
			}
			perSecond := float64(b.N) / b.Elapsed().Seconds()
			if way.name == "bare" {
				bare = perSecond
			}
			b.ReportMetric(perSecond/bare, "vs-bare")
		})
	}
}
