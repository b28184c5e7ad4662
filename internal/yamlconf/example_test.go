package yamlconf_test

import (
	"fmt"

	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

type Config struct {
	Version int      `yaml:"version" required:"true" min:"1" max:"1" doc:"Format of this file."`
	Tenants []Tenant `yaml:"tenants" required:"true" doc:"Who sends requests."`
}

type Tenant struct {
	Name    string        `yaml:"name" required:"true"`
	Prompt  Prompt        `yaml:"prompt" default:"1k" doc:"Prompt tokens of a request."`
	Timeout unit.Duration `yaml:"timeout" default:"30s"`
}

// Prompt is written {constant: 4000} or just 4000, or {spread: {...}}.
type Prompt struct {
	Constant *unit.Count `yaml:"constant" scalar:"true"`
	Spread   *Spread     `yaml:"spread"`
}

func (Prompt) OneOf() {}

type Spread struct {
	P50 unit.Count `yaml:"p50" required:"true"`
	P99 unit.Count `yaml:"p99" required:"true"`
}

func (s Spread) Validate(fail func(path, format string, args ...any)) {
	if s.P99 < s.P50 {
		fail("p99", "must not be below p50 (%s), found %s", s.P50, s.P99)
	}
}

func Example() {
	doc, err := yamlconf.Parse("lab.yaml", []byte(`
version: 1
tenants:
  - name: chat
  - name: batch
    prompt: {spread: {p50: 1k, p99: 4k}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := doc.Set("tenants[chat].timeout", "5s"); err != nil {
		fmt.Println(err)
		return
	}
	var config Config
	if err := doc.Decode(&config); err != nil {
		fmt.Println(err)
		return
	}
	text, err := yamlconf.Encode(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// version: 1
	// tenants:
	//   - name: chat
	//     prompt: 1k
	//     timeout: 5s
	//   - name: batch
	//     prompt:
	//       spread:
	//         p50: 1k
	//         p99: 4k
	//     timeout: 30s
}

func Example_problems() {
	doc, err := yamlconf.Parse("lab.yaml", []byte(`
version: 1
tenants:
  - name: chat
    promt: 4000
  - prompt: {spread: {p50: 4k, p99: 1k}}
    timeout: 30
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := doc.Set("tenants[0].timeout", "soon"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Decode(new(Config)))
	// Output:
	// lab.yaml:5:5: tenants[0].promt: unknown key, did you mean "prompt"?
	// lab.yaml:6:5: tenants[1].name: is required
	// lab.yaml:6:37: tenants[1].prompt.spread.p99: must not be below p50 (4k), found 1k
	// lab.yaml:7:14: tenants[1].timeout: "30" has no unit: add one, such as 30s or 30ms
	// --set tenants[0].timeout=soon: tenants[0].timeout: "soon" does not start with a number
}
