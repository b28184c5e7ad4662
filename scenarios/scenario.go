// Package scenarios is the scenario format: one file says what backends there
// are, what gateway stands in front, who asks for what, what goes wrong and
// what must hold. It owns defaults, validation and the shipped library; it
// refuses to run anything and to read files itself.
package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
	"foundrylab/scenarios/assert"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// Scenario is a scenario file.
type Scenario struct {
	Version     int           `yaml:"version" required:"true" min:"1" max:"1" doc:"version of the format: 1"`
	Name        string        `yaml:"name" doc:"name in reports; default: the file's name"`
	Description string        `yaml:"description" doc:"what it shows"`
	Seed        int64         `yaml:"seed" default:"1" min:"0" max:"9007199254740991" doc:"seed of every draw"`
	Start       string        `yaml:"start" default:"2026-01-05T09:00:00Z" doc:"virtual: when the run starts (RFC 3339)"`
	Duration    unit.Duration `yaml:"duration" required:"true" doc:"how long requests arrive"`
	Warmup      unit.Duration `yaml:"warmup" default:"0s" doc:"left out of totals, quantiles and assertions"`
	Drain       unit.Duration `yaml:"drain" default:"2m" doc:"after the duration, what is still in flight is given up"`
	MaxInFlight int           `yaml:"max_in_flight" default:"200000" min:"1" max:"1000000" doc:"bound on requests in flight; above it sends are dropped and the run is void"`

	Backends []deployment.Config `yaml:"backends" required:"true" doc:"model deployments"`
	Gateway  core.Config         `yaml:"gateway" required:"true" doc:"the gateway between tenants and backends"`
	Tenants  []tenant.Config     `yaml:"tenants" required:"true" doc:"who asks for what"`
	Faults   []fault.Config      `yaml:"faults" doc:"what goes wrong, and when"`
	Quota    []Pool              `yaml:"quota" doc:"tokens per minute that the standard deployments of a model may have together; default: nothing is checked"`
	SLO      SLO                 `yaml:"slo" doc:"what recovered means"`
	Assert   []string            `yaml:"assert" doc:"expressions that must hold, else exit code 10"`
	Warn     []string            `yaml:"warn" doc:"expressions that are reported when they do not hold"`

	rows     [][]arrival.Row // by tenant; nil where it plays no trace
	programs []*assert.Program
	text     string
}

// SLO says when service counts as recovered after a fault.
type SLO struct {
	Success    unit.Ratio `yaml:"success" default:"99%" doc:"share of the success rate before the fault"`
	TTFTFactor unit.Ratio `yaml:"ttft_factor" default:"1.5" doc:"TTFT p95 may be this many times its value before the fault"`
}

// ReadFile hands in the file a scenario refers to by a path relative to it.
type ReadFile func(path string) ([]byte, error)

// Set is a --set path=value.
type Set struct{ Path, Value string }

// Load reads a scenario. file names it in problems; sets override it. The
// error is of type yamlconf.Problems where the input is at fault, and has every
// mistake of the scenario, of the sets and of the files it names.
func Load(file string, src []byte, sets []Set, read ReadFile) (*Scenario, error) {
	doc, err := yamlconf.Parse(file, src)
	if err != nil {
		return nil, err
	}
	var wrong yamlconf.Problems
	for _, set := range sets {
		if err := doc.Set(set.Path, set.Value); err != nil {
			wrong = append(wrong, problems(err)...)
		}
	}
	s := &Scenario{}
	err = doc.DecodeAll(s, func(got any, wasRead func(string) bool, fail yamlconf.Fail) {
		c := check{Scenario: got.(*Scenario), wasRead: wasRead, fail: fail}
		c.all(read)
	})
	if err != nil {
		wrong = append(wrong, problems(err)...)
	}
	if len(wrong) > 0 {
		return nil, yamlconf.Merge(wrong)
	}
	if s.Name == "" {
		s.Name = baseName(file)
	}
	text, err := yamlconf.Encode(s)
	if err != nil {
		return nil, fmt.Errorf("printing the effective scenario: %w", err)
	}
	s.text = string(text)
	return s, nil
}

// problems is an error of a yamlconf.Doc, all of which are of this type.
func problems(err error) yamlconf.Problems {
	var p yamlconf.Problems
	if !errors.As(err, &p) {
		panic(fmt.Sprintf("scenarios: %T is no list of problems: %v", err, err))
	}
	return p
}

func baseName(file string) string {
	if i := strings.LastIndexAny(file, `/\`); i >= 0 {
		file = file[i+1:]
	}
	return strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".yml")
}

// Text returns the effective scenario as canonical YAML: every default spelled
// out. Loading it gives the same scenario.
func (s *Scenario) Text() string { return s.text }

// Programs returns the compiled assertions, those of Assert first.
func (s *Scenario) Programs() []*assert.Program { return s.programs }

// Rows returns the trace of a tenant, nil where it plays none.
func (s *Scenario) Rows(tenant int) []arrival.Row { return s.rows[tenant] }

// StartTime returns the virtual start.
func (s *Scenario) StartTime() time.Time {
	t, err := time.Parse(time.RFC3339, s.Start)
	if err != nil {
		panic("scenarios: start was not validated: " + s.Start)
	}
	return t
}

// Schema returns the JSON Schema of the format.
func Schema() []byte { return yamlconf.Schema(Scenario{}, "foundrylab scenario") }
