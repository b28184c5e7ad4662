package yamlconf

import (
	"fmt"

	"foundrylab/internal/unit"
)

// lab is a config with one of everything; the tests of this package share it.
type lab struct {
	Version  int        `yaml:"version" required:"true" min:"1" max:"1" doc:"Format of this file."`
	Name     string     `yaml:"name" required:"true" doc:"Shown in <reports>."`
	Seed     uint64     `yaml:"seed" default:"1"`
	Note     string     `yaml:"note"`
	Date     string     `yaml:"date" default:"2024-10-21"`
	Mode     string     `yaml:"mode" enum:"live|virtual" default:"virtual"`
	Strict   bool       `yaml:"strict" default:"true"`
	Warmup   *bool      `yaml:"warmup"`
	Tenants  []tenant   `yaml:"tenants" required:"true" doc:"Who sends."`
	Gateway  *gateway   `yaml:"gateway"`
	Limits   limitation `yaml:"limits"`
	Groups   [][]string `yaml:"groups"`
	Regions  []string   `yaml:"regions" enum:"east|west|north" default:"[east]"`
	Tree     *tree      `yaml:"tree"`
	internal int        //lint:ignore U1000 an unexported field must be passed over
	Ignored  func()     `yaml:"-"`
}

type tenant struct {
	Name     string         `yaml:"name" required:"true"`
	Weight   int8           `yaml:"weight" default:"1" min:"1" max:"100"`
	Prompt   amount         `yaml:"prompt" default:"1k"`
	Arrivals arrivals       `yaml:"arrivals" required:"true"`
	Deadline *unit.Duration `yaml:"deadline" min:"1ms" doc:"When the client gives up."`
	Share    unit.Ratio     `yaml:"share" max:"1"`
	Retry    *retry         `yaml:"retry"`
}

type amount struct {
	Constant  *unit.Count `yaml:"constant" scalar:"true" min:"1" doc:"Always the same."`
	Lognormal *lognormal  `yaml:"lognormal" doc:"Spread."`
}

func (amount) OneOf() {}

type lognormal struct {
	P50 unit.Count `yaml:"p50" required:"true"`
	P99 unit.Count `yaml:"p99" required:"true"`
}

func (l lognormal) Validate(fail func(path, format string, args ...any)) {
	if l.P99 < l.P50 {
		fail("p99", "must not be below p50 (%s), found %s", l.P50, l.P99)
	}
}

type arrivals struct {
	Poisson *poisson `yaml:"poisson"`
	Closed  *closed  `yaml:"closed"`
	Spike   *[]int   `yaml:"spike"`
}

func (arrivals) OneOf() {}

type poisson struct {
	Rate unit.Rate `yaml:"rate" required:"true"`
}

type closed struct {
	Users uint8 `yaml:"users" default:"5"`
}

type retry struct {
	Attempts int           `yaml:"attempts" default:"3" min:"0" max:"10"`
	Wait     unit.Duration `yaml:"wait" default:"500ms"`
}

type gateway struct {
	Listen   string   `yaml:"listen" default:":8080"`
	Backends []string `yaml:"backends" required:"true"`
}

// limitation is held by value: absent means {}.
type limitation struct {
	Queue   unit.Count    `yaml:"queue" default:"100"`
	Timeout unit.Duration `yaml:"timeout" default:"30s"`
	Inner   struct {
		Depth int32 `yaml:"depth"`
	} `yaml:"inner"`
}

type tree struct {
	Leaf int    `yaml:"leaf"`
	Kids []tree `yaml:"kids"`
}

func (l *lab) Validate(fail func(path, format string, args ...any)) {
	seen := map[string]bool{}
	for _, t := range l.Tenants {
		seen[t.Name] = true
	}
	for i, group := range l.Groups {
		for j, name := range group {
			if !seen[name] {
				hint := ""
				if near, ok := Nearest(name, l.names()); ok {
					hint = fmt.Sprintf(", did you mean %q?", near)
				}
				fail(fmt.Sprintf("groups[%d][%d]", i, j), "no tenant is named %q%s", name, hint)
			}
		}
	}
	if l.Limits.Queue > 1_000_000 {
		fail("limits.queue", "must be at most 1M, found %s", l.Limits.Queue)
	}
	if l.Name == "forbidden" {
		fail("", "the lab as a whole is forbidden")
		fail("gateway.backends[0]", "and so is a backend that is not there")
	}
}

func (l *lab) names() []string {
	var list []string
	for _, t := range l.Tenants {
		list = append(list, t.Name)
	}
	return list
}
