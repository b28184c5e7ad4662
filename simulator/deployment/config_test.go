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

// The table against Microsoft's of 2026-05-21 (the figures that sizing rests on).
func TestModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range models {
		if seen[m.name] || m.inputTPM < 1 || m.outputWeight < 1 || m.regionalMin != 25 && m.regionalMin != 50 {
			t.Errorf("%+v: twice, or out of range", m)
		}
		seen[m.name] = true
	}
	for _, want := range []model{{"gpt-4.1", 3_000, 4, 50}, {"gpt-4.1-mini", 14_900, 4, 25}, {"gpt-5", 4_750, 8, 50}, {"gpt-5.4", 2_400, 6, 50}, {"gpt-4o-mini", 37_000, 4, 25}, {"o4-mini", 5_400, 4, 25}} {
		if got, ok := modelNamed(want.name); !ok || got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if m, ok := modelNamed("other"); ok || m.inputTPM != 3_000 || m.outputWeight != 4 {
		t.Errorf("an unknown model is %+v, known %v", m, ok)
	}
}
