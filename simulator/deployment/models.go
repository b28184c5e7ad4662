package deployment

import "strings"

// model holds what admission needs to know of a model.
type model struct {
	name         string
	inputTPM     int64 // input tokens per minute of one PTU
	outputWeight int64 // one output token counts as this many input tokens
	regionalMin  int64 // PTU, minimum and step of a regional deployment
}

// models is Microsoft's provisioned throughput table of 2026-05-21.
var models = []model{
	{"gpt-4.1", 3_000, 4, 50}, {"gpt-4.1-mini", 14_900, 4, 25}, {"gpt-4.1-nano", 59_400, 4, 25},
	{"gpt-4o", 2_500, 4, 50}, {"gpt-4o-mini", 37_000, 4, 25},
	{"gpt-5", 4_750, 8, 50}, {"gpt-5.1", 4_750, 8, 50}, {"gpt-5-mini", 23_750, 8, 25},
	{"gpt-5.2", 3_400, 8, 50}, {"gpt-5.4", 2_400, 6, 50}, {"gpt-5.5", 1_200, 6, 50},
	{"o3", 3_000, 4, 50}, {"o3-mini", 2_500, 4, 25}, {"o4-mini", 5_400, 4, 25},
}

func modelNamed(name string) (model, bool) {
	for _, m := range models {
		if m.name == name {
			return m, true
		}
	}
	return model{name: name, inputTPM: 3_000, outputWeight: 4, regionalMin: 50}, false
}

func modelNames() string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

// minimum returns the least size and the step of a provisioned SKU.
func (m model) minimum(sku string) (least, step int64) {
	if sku == "ProvisionedManaged" {
		return m.regionalMin, m.regionalMin
	}
	return 15, 5
}

// OutputWeight returns how many input tokens one output token of a model
// counts as on a provisioned deployment.
func OutputWeight(name string) int64 {
	m, _ := modelNamed(name)
	return m.outputWeight
}
