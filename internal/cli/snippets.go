package cli

import (
	"embed"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// snippet is a program, or a part of a shell, that a person pastes to talk to the simulator.
type snippet struct{ name, about, file string }

// snippets in the order in which they are listed. Tests run each that can be run where they are.
var snippets = []snippet{
	{"env", "what the SDKs read from the environment", "env.sh"},
	{"curl", "curl, v1", "curl.sh"},
	{"curl-azure", "curl, a stream, with the deployment in the path", "curl-azure.sh"},
	{"python", "OpenAI, Python", "python.py"},
	{"python-azure", "Azure OpenAI, Python", "python-azure.py"},
	{"node", "OpenAI, Node", "node.mjs"},
	{"node-azure", "Azure OpenAI, Node", "node-azure.mjs"},
	{"go", "OpenAI, Go", "go.txt"},
	{"go-azure", "Azure OpenAI, Go", "go-azure.txt"},
	{"anthropic-python", "Anthropic, Python", "anthropic-python.py"},
	{"anthropic-node", "Anthropic, Node", "anthropic-node.mjs"},
	{"anthropic-go", "Anthropic, Go", "anthropic-go.txt"},
	{"langchain", "LangChain, Python", "langchain.py"},
	{"semantic-kernel", "Semantic Kernel, Python", "semantic-kernel.py"},
	{"semantic-kernel-dotnet", "Semantic Kernel, C#", "semantic-kernel.cs"},
}

//go:embed snippets
var snippetFiles embed.FS

func snippetNames() (names []string) {
	for _, s := range snippets {
		names = append(names, s.name)
	}
	return names
}

// place is where a snippet finds the simulator, and whom it asks.
type place struct{ url, key, model string }

// text returns the snippet for a place.
func (s snippet) text(p place) string {
	src, err := snippetFiles.ReadFile("snippets/" + s.file)
	if err != nil {
		panic(err) // the table names a file that is not there
	}
	return strings.NewReplacer("{{URL}}", p.url, "{{KEY}}", p.key, "{{MODEL}}", p.model).Replace(string(src))
}

// check refuses what would not be text in every language there is.
func (p *place) check() error {
	u, err := url.Parse(p.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return usage("--url %s: give the simulator's address, such as http://127.0.0.1:8080", p.url)
	}
	p.url = strings.TrimSuffix(p.url, "/")
	for _, given := range []struct{ flag, text string }{{"url", p.url}, {"key", p.key}, {"model", p.model}} {
		if given.text == "" || strings.ContainsFunc(given.text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'`\\${}", r) }) {
			return usage("--%s %q: may have no spaces, quotes, backslashes, braces or dollar signs", given.flag, given.text)
		}
	}
	return nil
}

func newSnippets() *cobra.Command {
	p := place{}
	c := &cobra.Command{
		Use:   "snippets [NAME]",
		Short: "Print code that talks to the simulator, ready to paste: curl, SDKs, frameworks",
		Long: `snippets prints a short program in the language and for the SDK that NAME says. It
asks a simulator that foundrylab sim serves. Without NAME it lists all there are.`,
		Example: `  foundrylab snippets
  foundrylab snippets python > ask.py
  foundrylab snippets go-azure --url http://127.0.0.1:9000 --model my-deployment
  eval "$(foundrylab snippets env)"`,
		Args: takes(0, 1, "at most one name"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
			if len(args) == 0 {
				for _, s := range snippets {
					fmt.Fprintf(c.OutOrStdout(), "%-23s %s\n", s.name, s.about)
				}
				return nil
			}
			for _, s := range snippets {
				if s.name == args[0] {
					_, err := io.WriteString(c.OutOrStdout(), s.text(p))
					return err
				}
			}
			return usage("there is no snippet %q%s\nThere are: %s", args[0], didYouMean(args[0], snippetNames()), strings.Join(snippetNames(), ", "))
		},
	}
	c.Flags().StringVar(&p.url, "url", "http://127.0.0.1:8080", "`URL` of the simulator")
	c.Flags().StringVar(&p.key, "key", defaultKey, "api `key` to send")
	c.Flags().StringVar(&p.model, "model", "gpt-4.1", "the `MODEL` to ask, which is a deployment's name")
	return c
}

// reachable is a listener's URL as a client on this machine calls it: nobody connects to all addresses.
func reachable(listening string) string {
	u, err := url.Parse(listening)
	if err != nil {
		return listening
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}
