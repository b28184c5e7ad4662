package gateway

import (
	"fmt"
	"strings"
	"testing"

	"foundrylab/gateway/core"
)

func TestPolicyHasTheDefaults(t *testing.T) {
	p := Policy([]string{"a"}, []string{"b", "c: d"})
	got := fmt.Sprintln(p.Route.Policy, p.Route.Groups, p.Retry.Attempts, p.Breaker.Failures, p.MaxInFlight)
	if want := "weighted [[a] [b c: d]] 3 3 200000\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every mistake is told, each with what to do, and no key is repeated.
func TestNewTellsEveryMistake(t *testing.T) {
	_, err := New(Config{
		Core: func() core.Config {
			p := Policy([]string{"a", "nobody"})
			p.MaxInFlight, p.Retry.Attempts = 0, 99
			return p
		}(),
		Backends: []Backend{{Name: "a", URL: "http://user:pass@a.test"}, {Name: "a", URL: "a.test"}, {URL: "http://"}, {Name: "d", URL: "http://%zz:pass@d"}},
		Clients:  []Client{{Name: "x", Key: "secret"}, {Name: "y", Key: "secret"}, {Key: "other"}, {Name: "z"}, {Name: "x\r\ny: z", Key: "fourth"}},
		MaxBody:  -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"max_in_flight", "retry.attempts", "MaxBody is -1",
		`backends[0] (a): URL has a user, query or fragment`,
		`backends[1]: name "a" is empty or taken`, `backends[1] (a): URL is neither http nor https`,
		`backends[2]: name "" is empty or taken`, `backends[2] (): URL has no host`, `backends[3] (d): URL cannot be read`,
		`route.groups[0][1]: there is no backend "nobody"`,
		`identity.keys[1]: the same key is listed twice`, `clients[2]: name "" is empty`, `clients[4]: name "x\r\ny: z"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pass") {
		t.Errorf("a secret is told")
	}
	if t.Failed() {
		t.Log(err)
	}
}

// What the gateway would ask for in vain is refused; a resource may be below a path.
func TestURLsOfBackends(t *testing.T) {
	for url, good := range map[string]bool{
		"https://contoso.openai.azure.com":                                  true,
		"https://contoso.openai.azure.com/":                                 true,
		"http://127.0.0.1:8080/resources/contoso-fra":                       true,
		"https://apim.test/openai":                                          true,
		"https://contoso.openai.azure.com/openai/v1":                        false,
		"https://contoso.openai.azure.com/openai/v1/":                       false,
		"http://127.0.0.1:4000/v1":                                          false,
		"https://contoso.openai.azure.com/openai/deployments/gpt-4.1/chat/": false,
	} {
		if why := badURL(url); (why == "") != good {
			t.Errorf("%s: %q", url, why)
		}
	}
}

// A tenant that nobody can be is a mistake, and so is one that is not there.
func TestNewTellsOfIdentity(t *testing.T) {
	cfg := Config{Core: Policy([]string{"a"}), Backends: []Backend{{Name: "a", URL: "http://a.test"}}, Clients: []Client{{Name: "x"}}}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "clients[0] (x): there is no key, and no other identity") {
		t.Errorf("%v", err)
	}
	cfg.Identity.Anonymous = "y"
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), `identity.anonymous: there is no tenant "y"`) {
		t.Errorf("%v", err)
	}
	cfg.Identity.Anonymous = "x"
	if _, err := New(cfg); err != nil {
		t.Error(err)
	}
}

func TestNewWithoutAnything(t *testing.T) {
	_, err := New(Config{})
	if err == nil || !strings.Contains(err.Error(), "start from Policy") || !strings.Contains(err.Error(), "0 backends: give 1 to 64") {
		t.Errorf("%v", err)
	}
}
