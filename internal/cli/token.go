package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"foundrylab/simulator/access"
	"foundrylab/simulator/identity"
)

// issuerKey is that of the local tenant that signs and verifies tokens: its key is in a file that all commands share.
type issuerKey struct{ path string }

func (t *issuerKey) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.path, "issuer-key", "", "`file` with the key that tokens are signed with, made where there is none; default: foundrylab/issuer.pem among the user's configuration")
}

// issuer opens the file that the flag names. That of the user is touched only once a token is about; a user without one
// has an issuer for this process alone.
func (t *issuerKey) issuer() (*identity.Issuer, error) {
	if t.path != "" {
		i, err := identity.Open(t.path)
		if err != nil {
			return nil, usage("--issuer-key: %v", err)
		}
		return i, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return identity.New(), nil
	}
	return identity.At(filepath.Join(dir, "foundrylab", "issuer.pem")), nil
}

const tokenLong = `token prints an access token as Microsoft Entra ID gives them, signed by a local
tenant whose key is in a file. A simulator of the same user takes it for its own:

  foundrylab sim --strict-auth
  curl -s http://127.0.0.1:8080/openai/v1/models -H "Authorization: Bearer $(foundrylab token)"

Between machines or containers, give both the same --issuer-key. The token speaks of
an application or of the principal that --oid names, who has the roles that the
resource gives it, and those of --role. docs/auth.md tells of resources with roles.`

// tokenCommand is the command with its flags.
type tokenCommand struct {
	issuerKey
	scope, oid string
	roles      []string
	lifetime   time.Duration
}

func newToken() *cobra.Command {
	var t tokenCommand
	c := &cobra.Command{
		Use:   "token",
		Short: "Print an access token of the local tenant, which a simulator takes for one of Entra ID",
		Long:  tokenLong,
		Example: `  foundrylab token
  foundrylab token --lifetime -1h
  foundrylab token --scope https://ai.azure.com/.default
  foundrylab token --oid 11111111-1111-4111-8111-111111111111 --role Reader
  foundrylab token --role Microsoft.CognitiveServices/accounts/OpenAI/models/read`,
		Args: takes(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return t.print(c) },
	}
	c.Flags().StringVar(&t.scope, "scope", identity.Audiences()[0]+"/.default", "`scope`: what the token is for, and /.default")
	c.Flags().StringVar(&t.oid, "oid", identity.Application, "object `id` of the principal")
	c.Flags().StringArrayVar(&t.roles, "role", nil, "`role` or data action that the principal has everywhere, beside what the resource gives it; may be repeated")
	c.Flags().DurationVar(&t.lifetime, "lifetime", time.Hour, "`time` until it expires; a negative one has expired")
	t.issuerKey.flags(c)
	return c
}

// maxLifetime bounds the life of a token.
const maxLifetime = 10 * 365 * 24 * time.Hour

func (t *tokenCommand) print(c *cobra.Command) error {
	audience, fits := strings.CutSuffix(t.scope, "/.default")
	if !fits || audience == "" {
		return usage("--scope %s: write a resource and /.default, such as %s/.default", t.scope, identity.Audiences()[0])
	}
	for _, role := range t.roles {
		if !access.KnownRole(role) {
			return usage("--role %s: unknown role%s\nChoose %s, or a data action such as Microsoft.CognitiveServices/accounts/OpenAI/models/read",
				role, didYouMean(role, access.Roles()), strings.Join(access.Roles(), ", "))
		}
	}
	if t.oid == "" {
		return usage("--oid: name a principal")
	}
	if t.lifetime > maxLifetime || t.lifetime < -maxLifetime {
		return usage("--lifetime %v: choose up to %v", t.lifetime, maxLifetime)
	}
	i, err := t.issuer()
	if err != nil {
		return err
	}
	text, err := i.Token(identity.Grant{Audience: audience, OID: t.oid, Roles: t.roles, Lifetime: t.lifetime}, time.Now())
	if err != nil {
		return usage("%v\nName another file with --issuer-key", err)
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), text)
	return err
}
