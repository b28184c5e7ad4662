package deployment

import (
	_ "embed" // the table below
	"fmt"
	"strconv"
	"strings"
)

// model holds what admission needs to know of a model.
type model struct {
	name         string
	inputTPM     int64 // input tokens per minute of one PTU
	outputWeight int64 // one output token counts as this many input tokens
	target       int64 // tokens per second that the service aims at in the median
	regional     sizes
	global       sizes // of data zones too
}

// sizes are the least PTU of a deployment, and the step above it.
type sizes struct{ least, step int64 }

// modelFile is Microsoft's provisioned throughput table, by its date. What the
// page leaves open is assumed, and its note says so.
const modelFile = "ptu-2026-05-21.csv"

//go:embed ptu-2026-05-21.csv
var modelText string

var models = parseModels(modelFile, modelText)

// modelHead is the first line of the file.
const modelHead = "model,input_tpm_per_ptu,output_weight,latency_target_tokens_per_s,regional_minimum,regional_step,global_minimum,global_step,note"

// parseModels reads the file's text, which is part of the program: what is
// wrong with it panics. No field is quoted or has a comma.
func parseModels(file, text string) []model {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != modelHead {
		panic(fmt.Sprintf("deployment: %s:1: the columns must be %s", file, modelHead))
	}
	var all []model
	for i, line := range lines[1:] {
		m, err := parseModel(line)
		for _, earlier := range all {
			if err == nil && earlier.name == m.name {
				err = fmt.Errorf("%q is there already", m.name)
			}
		}
		if err != nil {
			panic(fmt.Sprintf("deployment: %s:%d: %v", file, i+2, err))
		}
		all = append(all, m)
	}
	return all
}

func parseModel(line string) (model, error) {
	fields := strings.Split(line, ",")
	if want := strings.Count(modelHead, ",") + 1; len(fields) != want || fields[0] == "" {
		return model{}, fmt.Errorf("needs a name and %d fields, has %d", want, len(fields))
	}
	m := model{name: fields[0]}
	for i, n := range []*int64{&m.inputTPM, &m.outputWeight, &m.target, &m.regional.least, &m.regional.step, &m.global.least, &m.global.step} {
		var err error
		if *n, err = strconv.ParseInt(fields[i+1], 10, 64); err != nil || *n < 1 {
			return model{}, fmt.Errorf("%q is no number above 0", fields[i+1])
		}
	}
	return m, nil
}

// fallback lends its figures to a model that is not in the table.
const fallback = "gpt-4.1"

func modelNamed(name string) (model, bool) {
	var other model
	for _, m := range models {
		if m.name == name {
			return m, true
		}
		if m.name == fallback {
			other = m
		}
	}
	other.name = name
	return other, false
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
	s := m.global
	if sku == "ProvisionedManaged" {
		s = m.regional
	}
	return s.least, s.step
}

// OutputWeight returns how many input tokens one output token of a model
// counts as on a provisioned deployment.
func OutputWeight(name string) int64 {
	m, _ := modelNamed(name)
	return m.outputWeight
}
