package gateway

import (
	"strings"
	"testing"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/identity"
	"foundrylab/internal/unit"
)

const totalsFile = `version: 1
pools:
- name: large
  aliases: [big]
  backends: [{name: east, url: http://a.test}]
- name: small
  backends: [{name: east, url: http://a.test}]
  gateway: {budget: {prices: {prompt: 1, completion: 4}}}
gateway:
  budget: {prices: {prompt: 2, completion: 8}}
tenants: [{name: chat}, {name: batch, models: [small]}]
totals:
- tenant: chat
  limits: {tpm: 200k, rpm: 600, concurrency: 50, quota: [{amount: 50, period: month}, {tokens: 10M, period: day}]}
- {tenant: batch, limits: {quota: [{amount: 5, period: day}]}}
identity: {anonymous: chat}
`

// What a file grants of all pools together is granted.
func TestFileOfTotals(t *testing.T) {
	for _, src := range []string{totalsFile,
		"version: 1\nbackends: [{name: a, url: http://a.test}]\ntenants: [{name: batch}, {name: chat}]\nidentity: {anonymous: chat}\n" +
			"totals: [{tenant: chat, limits: {tpm: 200k, rpm: 600, concurrency: 50, quota: [{tokens: 1, period: hour}, {tokens: 10M, period: day}]}}]\n"} {
		f, err := ReadFile("g.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := f.Config(identity.Source{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		for i, c := range cfg.Clients {
			got := g.present.Load().totals[i]
			if (got.total != nil) != (c.Name == "chat" || src == totalsFile) {
				t.Errorf("%s has %+v", c.Name, got.limits)
			}
			if use := got.limits; c.Name == "chat" && (use.TPM != 200_000 || use.RPM != 600 || use.Concurrency != 50 || use.Quota[1].Tokens != 10_000_000) {
				t.Errorf("%+v", use)
			}
		}
	}
}

// Each mistake in totals is told once, where it stands, and all of them at once.
func TestFileOfTotalsTellsMistakes(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"- tenant: chat", "- tenant: chats", `g.yaml:13:11: totals[0].tenant: "chats" is not among tenants, did you mean "chat"?`},
		{"{tenant: batch", "{tenant: chat", `g.yaml:15:12: totals[1].tenant: "chat" is listed twice`},
		{"{tenant: batch, limits", "{limits", `totals[1].tenant: is required`},
		{"{tenant: batch, limits: {quota: [{amount: 5, period: day}]}}", "{tenant: batch}", `totals[1].limits: is required`},
		{"{quota: [{amount: 5, period: day}]}", "{}", `g.yaml:15:27: totals[1].limits: say nothing`},
		{"{amount: 5, period: day}", "{amount: 5, period: day}, {amount: 6, period: day}", `totals[1].limits.quota[1].period: there is such a quota for each day already`},
		{"period: day}]}}", "period: week}]}}", `totals[1].limits.quota[0].period`},
		{"budget: {prices: {prompt: 2, completion: 8}}", "max_in_flight: 5", `g.yaml:14:67: totals[0].limits.quota[0].amount: needs budget.prices to say what tokens cost in pool "large"`}, // batch may not use it
		{"{prices: {prompt: 1, completion: 4}}", "{reserve: 5%}", `g.yaml:15:45: totals[1].limits.quota[0].amount: needs budget.prices to say what tokens cost in pool "small"`},
		{"prices: {prompt: 2, completion: 8}", "prizes: {prompt: 2, completion: 8}", `gateway.budget.prizes: unknown key`}, // and nothing of quotas
		{"prices: {prompt: 2, completion: 8}", "prices: {prompt: x, completion: 0}", `gateway.budget.prices.prompt`},
		{"models: [small]", "models: 5", `tenants[1].models`},
	} {
		src := strings.Replace(totalsFile, c.from, c.to, 1)
		switch c.from {
		case "models: [small]": // and large has no prices
			src = strings.Replace(src, "budget: {prices: {prompt: 2, completion: 8}}", "max_in_flight: 5", 1)
			fallthrough
		case "{prices: {prompt: 1, completion: 4}}": // chat is told too where its quota is of money
			src = strings.Replace(src, "{amount: 50, period: month}, ", "", 1)
		}
		_, err := ReadFile("g.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(strings.Split(strings.TrimSpace(err.Error()), "\n")) != 1 {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	src := strings.NewReplacer("- tenant: chat", "- tenant: who", "prompt: 1, completion: 4", "", "{tenant: batch", "{tenant: batch, limits: {}}\n- {tenant: batch").Replace(totalsFile)
	_, err := ReadFile("g.yaml", []byte(src))
	for _, want := range []string{`totals[0].tenant: "who" is not among`, "totals[1].limits: say nothing", `totals[2].tenant: "batch" is listed twice`, "totals[2].limits.quota[0].amount: needs"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s in\n%v", want, err)
		}
	}
	one := "version: 1\nbackends: [{name: a, url: http://a.test}]\ntenants: [{name: x, models: [y]}]\nidentity: {anonymous: x}\ntotals: [{tenant: x, limits: {quota: [{amount: 1, period: day}]}}]\n"
	if _, err := ReadFile("g.yaml", []byte(one)); err == nil || !strings.Contains(err.Error(), "totals[0].limits.quota[0].amount: needs budget.prices to say what tokens cost\n") && !strings.HasSuffix(err.Error(), "cost") {
		t.Errorf("%v", err)
	}
}

// Totals that are made in Go keep to the same rules.
func TestNewTellsOfTotals(t *testing.T) {
	money := func(period string) budget.Limits {
		return budget.Limits{Quota: []budget.Quota{{Amount: 1_000_000, Period: period}}}
	}
	_, err := New(Config{Core: Policy([]string{"a"}), Backends: []Backend{{Name: "a", URL: "http://a.test"}},
		Clients: []Client{{Name: "x", Key: "k"}, {Name: "y", Key: "l"}},
		Totals:  []Total{{"x", money("day")}, {"x", budget.Limits{RPM: 1}}, {"z", money("week")}, {"y", budget.Limits{TPM: unit.Count(1) << 60}}, {"y", budget.Limits{}}}})
	for _, want := range []string{"totals[0].limits.quota[0].amount: needs budget.prices", `totals[1]: there is no client "x", or it has a total already`, `totals[2]: there is no client "z"`,
		"totals[2].limits.quota[0].period", "totals[3].limits", "totals[4].limits: say nothing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s in\n%v", want, err)
		}
	}
}

// A quota in money wants prices of those pools alone that its tenant may use, by whichever name.
func TestPricesOfTotals(t *testing.T) {
	pools := []Pool{{Name: "large", Aliases: []string{"big", "huge"}}, {Name: "small"}}
	pools[1].Core.Budget.Prices = budget.Prices{Completion: 1}
	total := Total{"x", budget.Limits{Quota: []budget.Quota{{Tokens: 1, Period: "day"}, {Amount: 1, Period: "day"}}}}
	for models, want := range map[string]string{"": "quota[1]", "small": "", "b*": "quota[1]", "other huge": "quota[1]", "s*": "", "large": "quota[1]"} {
		told := ""
		total.eachUnpriced(strings.Fields(models), pools, func(path, why string) { told += path + ": " + why })
		if want != "" {
			want = `limits.quota[1].amount: needs budget.prices to say what tokens cost in pool "large"`
		}
		if told != want {
			t.Errorf("%q: %s", models, told)
		}
	}
}
