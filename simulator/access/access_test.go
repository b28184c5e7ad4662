package access

import (
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/ops"
	"foundrylab/internal/yamlconf"
)

// The verdict on every kind of caller by every kind of rule, in the order of the checks.
func TestJudge(t *testing.T) {
	no := false
	chat := Action("ChatCompletions_Create", "POST", "v1")
	models := Action("models", "GET", "v1")
	user := func(p ...Principal) Config { return Config{Principals: p} }
	for name, tt := range map[string]struct {
		rules Config
		by    Caller
		want  Verdict
	}{
		"a good key":                             {Config{}, Caller{Credential: GoodKey, Action: chat}, Allowed},
		"a wrong key":                            {Config{}, Caller{Credential: WrongKey, Action: chat}, KeyRefused},
		"nothing":                                {Config{}, Caller{Action: chat}, KeyRefused},
		"a good token":                           {Config{}, Caller{Credential: GoodToken, OID: "ana", Action: chat}, Allowed},
		"a wrong token":                          {Config{}, Caller{Credential: WrongToken, Action: chat}, TokenRefused},
		"keys off: a good key":                   {Config{LocalAuth: &no}, Caller{Credential: GoodKey}, LocalAuthDisabled},
		"keys off: a wrong key":                  {Config{LocalAuth: &no}, Caller{Credential: WrongKey}, LocalAuthDisabled},
		"keys off: nothing":                      {Config{LocalAuth: &no}, Caller{}, KeyRefused},
		"keys off: a good token":                 {Config{LocalAuth: &no}, Caller{Credential: GoodToken}, Allowed},
		"keys off comes before the net":          {Config{LocalAuth: &no, Network: "firewall"}, Caller{Credential: GoodKey}, LocalAuthDisabled},
		"firewall":                               {Config{Network: "firewall"}, Caller{Credential: GoodKey}, FirewallDenied},
		"firewall after the key":                 {Config{Network: "firewall"}, Caller{Credential: WrongKey}, KeyRefused},
		"firewall after the token":               {Config{Network: "firewall"}, Caller{Credential: WrongToken}, TokenRefused},
		"private":                                {Config{Network: "private"}, Caller{Credential: GoodToken}, PublicAccessDisabled},
		"regional":                               {Config{Network: "regional"}, Caller{Credential: GoodKey}, RegionalDenied},
		"firewall before roles":                  {Config{Network: "firewall", Principals: []Principal{{OID: "bo"}}}, Caller{Credential: GoodToken, OID: "ana", Action: chat}, FirewallDenied},
		"no such principal":                      {user(Principal{OID: "bo", Roles: []string{"Azure AI User"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, ActionDenied},
		"principals do not bind keys":            {user(Principal{OID: "bo"}), Caller{Credential: GoodKey, Action: chat}, Allowed},
		"no role":                                {user(Principal{OID: "ana"}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, ActionDenied},
		"the role":                               {user(Principal{OID: "ana", Roles: []string{"Cognitive Services OpenAI User"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, Allowed},
		"a role without data actions":            {user(Principal{OID: "ana", Roles: []string{"Reader"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, ActionDenied},
		"models alone: models":                   {user(Principal{OID: "ana", Roles: []string{models}}), Caller{Credential: GoodToken, OID: "ana", Action: models}, Allowed},
		"models alone: chat":                     {user(Principal{OID: "ana", Roles: []string{models}}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, ActionDenied},
		"OpenAI's role for Claude":               {user(Principal{OID: "ana", Roles: []string{"Cognitive Services OpenAI User"}}), Caller{Credential: GoodToken, OID: "ana", Action: Action("Messages_Create", "POST", "anthropic")}, ActionDenied},
		"the wider role for Claude":              {user(Principal{OID: "ana", Roles: []string{"Cognitive Services User"}}), Caller{Credential: GoodToken, OID: "ana", Action: Action("Messages_Create", "POST", "anthropic")}, Allowed},
		"its project":                            {user(Principal{OID: "ana", Roles: []string{"Azure AI User"}, Projects: []string{"p1"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat, Project: "p1"}, Allowed},
		"another project":                        {user(Principal{OID: "ana", Roles: []string{"Azure AI User"}, Projects: []string{"p1"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat, Project: "p2"}, ActionDenied},
		"no project, with one of its own":        {user(Principal{OID: "ana", Roles: []string{"Azure AI User"}, Projects: []string{"p1"}}), Caller{Credential: GoodToken, OID: "ana", Action: chat}, ActionDenied},
		"a role in the token":                    {user(Principal{OID: "bo"}), Caller{Credential: GoodToken, OID: "ana", Action: chat, Roles: []string{"Azure AI User"}}, Allowed},
		"a role in the token that is not enough": {Config{}, Caller{Credential: GoodToken, OID: "ana", Action: chat, Roles: []string{"Reader"}}, ActionDenied},
		"what needs no permission":               {user(Principal{OID: "bo"}), Caller{Credential: GoodToken, OID: "ana"}, Allowed},
	} {
		if got := tt.rules.Judge(tt.by); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, action string
		want            bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/bc", false}, {"a/B", "A/b", true}, {"*", "", true}, {"*", "a/b", true},
		{"a/*", "a/b/c", true}, {"a/*", "b/a/c", false}, {"a/*/read", "a/b/c/read", true}, {"a/*/read", "a/read", false},
		{"a/*/read", "a/read/read", true}, {"*b*b", "ab", false}, {"*b*b", "abxb", true}, {"a*b*c", "abbc", true}, {"a*b*c", "acb", false}, {"**", "x", true},
	} {
		if got := matches(tt.pattern, tt.action); got != tt.want {
			t.Errorf("%s, %s: %v", tt.pattern, tt.action, got)
		}
	}
}

// Every operation needs an action of its own layer, which one role grants and another does not; what is not in the table
// needs none.
func TestEveryOperationNeedsAnAction(t *testing.T) {
	var seen []string
	for _, op := range ops.All {
		action := Action(op.Name, op.Method, "v1")
		if action == "" || slices.Contains(seen, action) {
			t.Errorf("%s has no data action of its own: %q", op.Name, action)
		}
		seen = append(seen, action)
		if !grant([]string{"Cognitive Services OpenAI User"}, action) || grant([]string{"Reader"}, action) {
			t.Errorf("%s: %s", op.Name, action)
		}
		for _, family := range []string{"models", "anthropic"} {
			if action := Action(op.Name, op.Method, family); !strings.Contains(action, "/MaaS/") {
				t.Errorf("%s in %s: %s", op.Name, family, action)
			}
		}
	}
	if action := Action("healthz", "GET", "v1"); action != "" {
		t.Errorf("healthz needs %s", action)
	}
}

// Who may read a response may not change or delete it.
func TestActionFollowsTheMethod(t *testing.T) {
	for _, tt := range []struct{ does, method, family, want string }{
		{"ChatCompletions_Create", "POST", "classic", "OpenAI/deployments/chat/completions/action"},
		{"ChatCompletions_Create", "POST", "models", "MaaS/chat/completions/action"},
		{"Responses_Create", "GET", "v1", "OpenAI/responses/read"},
		{"Responses_Create", "POST", "v1", "OpenAI/responses/write"},
		{"Responses_Create", "DELETE", "project", "OpenAI/responses/delete"},
		{"models", "GET", "resource", "OpenAI/models/read"},
		{"models", "GET", "models", "MaaS/models/read"},
		{"count_tokens", "POST", "anthropic", "MaaS/messages/action"},
	} {
		if got := Action(tt.does, tt.method, tt.family); got != account+tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestMistakesOfAFile(t *testing.T) {
	for _, tt := range []struct{ src, says string }{
		{"network: closed", "network"},
		{"principals: [{roles: [Reader]}]", "oid"},
		{"principals: [{oid: a, roles: [Owner]}]", `"Owner" is no role`},
		{"principals: [{oid: a}, {oid: a}]", "twice"},
		{"principals: [{oid: a}]", "only where strict is true"},
		{"keys: []", "keys"},
		{"principals: [" + strings.Repeat("{oid: a}, ", maxPrincipals+1) + "]", "more than 1000"},
	} {
		doc, err := yamlconf.Parse("access.yaml", []byte(tt.src))
		if err == nil {
			err = doc.Decode(&Config{})
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.60s: %v, want %q", tt.src, err, tt.says)
		}
	}
}
