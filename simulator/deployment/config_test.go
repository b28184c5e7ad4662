package deployment

import (
	"fmt"
	"strings"
	"testing"

	"foundrylab/internal/yamlconf"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{name: eastus, model: gpt-4.1, sku: GlobalStandard, tpm: 300k}", ""},
		{"{name: gpt-4.1_EU.2, model: my-model, sku: Standard, tpm: 1, rpm: 1, latency: {preset: o3}}", ""},
		{"{name: p, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15}", ""},
		{"{name: p, model: gpt-4.1, sku: DataZoneProvisionedManaged, ptu: 20}", ""},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged, ptu: 100}", ""},
		{"{name: p, model: o4-mini, sku: ProvisionedManaged, ptu: 75}", ""},
		{"{name: p, model: o1, sku: ProvisionedManaged, ptu: 75}", ""},
		{"{name: p, model: DeepSeek-R1, sku: GlobalProvisionedManaged, ptu: 50}", "ptu: GlobalProvisionedManaged of DeepSeek-R1 takes at least 100 PTU in steps of 100"},
		{"{name: a, model: claude-opus-4-1, sku: GlobalStandard}", ""},
		{"{name: a, model: claude-opus-4-1, sku: GlobalStandard, output_tpm: 1k, output_charge: max_tokens}", ""},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1, output_tpm: 1k}", "output_tpm: only standard deployments of Claude models have a limit on output tokens, and this is gpt-4.1 on GlobalStandard"},
		{"{name: a, model: gpt-4.1, sku: Standard, tpm: 1, dynamic_quota: {}}", ""},
		{"{name: a, model: gpt-4.1, sku: Standard, tpm: 1, dynamic_quota: {spare: 1001%}}", "dynamic_quota.spare: must be at most 1000%"},
		{"{name: a, model: gpt-4.1, sku: Standard, tpm: 1, dynamic_quota: {share: 101%}}", "dynamic_quota.share: must be at most 100%"},
		{"{name: a, model: gpt-4.1, sku: Standard, tpm: 1, dynamic_quota: {every: 59s}}", "dynamic_quota.every: must be at least 1m0s, the window of the tokens"},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged, ptu: 50, dynamic_quota: {}}", "dynamic_quota: only standard deployments have it, and this is ProvisionedManaged"},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1, usage_tier: {}}", ""},
		{"{name: a, model: my-model, sku: GlobalStandard, tpm: 1, usage_tier: {tokens: 30000M, used: 5, slow_down: 1}}", ""},
		{"{name: a, model: my-model, sku: GlobalStandard, tpm: 1, usage_tier: {}}", `usage_tier.tokens: no usage tier is known of "my-model": give one, such as 30000M`},
		{"{name: a, model: gpt-4.1, sku: Standard, tpm: 1, usage_tier: {}}", "usage_tier: only GlobalStandard deployments have one, and this is Standard"},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1, usage_tier: {slow_down: 0.9}}", "usage_tier.slow_down: must be from 1 to 100"},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1, usage_tier: {slow_down: 101}}", "usage_tier.slow_down: must be from 1 to 100"},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard}", "tpm: a GlobalStandard deployment needs tpm, such as 300k"},
		{"{name: a, model: gpt-4.1, sku: GlobalStandard, ptu: 15}", "ptu: a GlobalStandard deployment is sized in tpm, not in ptu"},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged}", "ptu: a ProvisionedManaged deployment needs ptu"},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged, ptu: 50, rpm: 1}", "tpm: a ProvisionedManaged deployment is sized in ptu, not in tpm or rpm"},
		{"{name: p, model: my-model, sku: ProvisionedManaged, ptu: 50}", `model: no PTU figures are known for "my-model"; known: gpt-4.1, gpt-4.1-mini, `},
		{"{name: p, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 10}", "ptu: GlobalProvisionedManaged of gpt-4.1 takes at least 15 PTU in steps of 5"},
		{"{name: p, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 17}", "at least 15 PTU in steps of 5"},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged, ptu: 75}", "ptu: ProvisionedManaged of gpt-4.1 takes at least 50 PTU in steps of 50"},
		{"{name: p, model: gpt-4.1-mini, sku: ProvisionedManaged, ptu: 60}", "at least 25 PTU in steps of 25"},
		{"{name: p, model: gpt-4.1, sku: ProvisionedManaged, ptu: 50, utilization_window: 0s}", "utilization_window: must be longer than zero"},
		{"{name: a b, model: gpt-4.1, sku: Standard, tpm: 1}", `name: "a b" is no deployment name: use up to 64 letters, digits, dots, hyphens and underscores`},
		{"{name: -a, model: gpt-4.1, sku: Standard, tpm: 1}", `name: "-a" is no deployment name`},
		{"{name: " + strings.Repeat("a", 65) + ", model: gpt-4.1, sku: Standard, tpm: 1}", "is no deployment name"},
		{"{name: " + strings.Repeat("a", 64) + ", model: gpt-4.1, sku: Standard, tpm: 1}", ""},
	} {
		doc, err := yamlconf.Parse("f", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		err = doc.Decode(new(Config))
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

// The table against Microsoft's of 2026-05-21 (the figures that sizing rests
// on), and against the rule of its page for OpenAI's own models: 15 and 5 in
// global and data-zone deployments, 50 and 50 in regional ones, the small
// models 25 and 25.
func TestModels(t *testing.T) {
	if len(models) != strings.Count(modelText, "\n")-1 {
		t.Errorf("%d models in %d lines", len(models), strings.Count(modelText, "\n"))
	}
	fifty, small, global := sizes{50, 50}, sizes{25, 25}, sizes{15, 5}
	for _, want := range []model{
		{"gpt-4.1", 3_000, 4, 80, fifty, global}, {"gpt-4.1-mini", 14_900, 4, 90, small, global}, {"gpt-4.1-nano", 59_400, 4, 100, small, global},
		{"gpt-4o", 2_500, 4, 25, fifty, global}, {"gpt-4o-mini", 37_000, 4, 33, small, global},
		{"gpt-5", 4_750, 8, 50, fifty, global}, {"gpt-5.1", 4_750, 8, 50, fifty, global}, {"gpt-5-mini", 23_750, 8, 80, small, global},
		{"gpt-5.2", 3_400, 8, 50, fifty, global}, {"gpt-5.4", 2_400, 6, 50, fifty, global}, {"gpt-5.5", 1_200, 6, 100, fifty, global},
		{"o1", 230, 4, 25, sizes{25, 50}, global}, {"o3", 3_000, 4, 80, fifty, global}, {"o3-mini", 2_500, 4, 66, small, global},
		{"o4-mini", 5_400, 4, 90, small, global},
		{"DeepSeek-R1", 4_000, 4, 50, sizes{100, 100}, sizes{100, 100}}, {"gpt-oss-120b", 13_500, 4, 50, sizes{80, 40}, sizes{80, 40}},
	} {
		if got, ok := modelNamed(want.name); !ok || got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	other, ok := modelNamed("other")
	like, _ := modelNamed("gpt-4.1")
	like.name = "other"
	if ok || other != like {
		t.Errorf("an unknown model is %+v, known %v", other, ok)
	}
}

func TestBrokenModelsPanic(t *testing.T) {
	const good = "m,1,2,3,4,5,6,7,note\n"
	for _, c := range []struct{ text, want string }{
		{"", "f.csv:1: the columns must be model,"},
		{"model\n" + good, "f.csv:1: the columns must be model,"},
		{modelHead + "\n" + good + "n,1,2,3,4,5,6,7\n", "f.csv:3: needs a name and 9 fields, has 8"},
		{modelHead + "\n" + good + "\n", "f.csv:3: needs a name and 9 fields, has 1"},
		{modelHead + "\n,1,2,3,4,5,6,7,\n", "f.csv:2: needs a name"},
		{modelHead + "\nm,1,2,3,4,5,6,0,\n", `f.csv:2: "0" is no number above 0`},
		{modelHead + "\nm,1.5,2,3,4,5,6,7,\n", `f.csv:2: "1.5" is no number above 0`},
		{modelHead + "\n" + good + good, `f.csv:3: "m" is there already`},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("%q: %s, want %s", c.text, got, c.want)
				}
			}()
			parseModels("f.csv", c.text)
		}()
	}
	if got := parseModels("f.csv", modelHead+"\n"+good); len(got) != 1 || got[0] != (model{"m", 1, 2, 3, sizes{4, 5}, sizes{6, 7}}) {
		t.Errorf("%+v", got)
	}
}
