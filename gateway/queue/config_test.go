package queue

import (
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

func TestDefaults(t *testing.T) {
	var cfg Config
	if err := decode(t, "{}", &cfg); err != nil {
		t.Fatal(err)
	}
	want := Config{Discipline: "vtc", MaxRequests: 10_000, MaxBytes: 256_000_000, TTL: unit.Duration(30 * time.Second), Quantum: 1000}
	if cfg.Discipline != want.Discipline || cfg.MaxRequests != want.MaxRequests || cfg.MaxBytes != want.MaxBytes ||
		cfg.TTL != want.TTL || cfg.Quantum != want.Quantum || len(cfg.Bands) != 0 {
		t.Errorf("%+v, want %+v", cfg, want)
	}
}

// Every mistake of a file is told at once, with its path.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"{bands: [{name: z}, {name: a, min_share: 40%}, {name: b, min_share: 50%, ttl: 5s, max_bytes: 1M, max_requests: 10}]}", nil},
		{"{discipline: lifo, max_requests: 0, max_bytes: 0, ttl: 0s, quantum: 0, bands: [{}, {name: a, min_share: 101%, max_requests: -1}]}",
			[]string{"discipline: \"lifo\" is not one of vtc, drr, fifo", "max_requests: ", "max_bytes: ", "ttl: ", "quantum: ",
				"bands[0].name: ", "bands[1].min_share: ", "bands[1].max_requests: "}},
		{"{bands: [{name: z, min_share: 1%}, {name: a, min_share: 40%}, {name: b, min_share: 49.0001%}]}",
			[]string{"bands[0].min_share: is for lower bands", "bands: the minimum shares add up to 90.0001%: above 90% nothing"}},
		{"{bands: [{name: a}, {name: b}, {name: a}, {name: a}]}", []string{`bands[2].name: "a" is listed twice`, `bands[3].name: "a" is listed twice`}},
		{"{bands: [" + strings.Repeat("{name: a}, ", MaxBands) + "{name: a}]}", []string{"bands: a queue has at most 16 bands"}},
	} {
		told := ""
		if err := decode(t, c.text, new(Config)); err != nil {
			told = err.Error()
		}
		if len(c.want) == 0 && told != "" {
			t.Errorf("%s:\n%s", c.text, told)
		}
		for _, want := range c.want {
			if !strings.Contains(told, ": "+want) {
				t.Errorf("%s:\n%s\nwants %q", c.text, told, want)
			}
		}
	}
}

func decode(t *testing.T, text string, into *Config) error {
	doc, err := yamlconf.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Decode(into)
}

// The enum of the configuration is the table of disciplines.
func TestEveryDisciplineCanBeConfigured(t *testing.T) {
	var names []string
	for _, d := range Disciplines {
		names = append(names, d.Name)
		if d.Help == "" {
			t.Errorf("%s has no help", d.Name)
		}
		if err := decode(t, "{discipline: "+d.Name+"}", new(Config)); err != nil {
			t.Error(err)
		}
	}
	if !slices.Contains(names, "vtc") {
		t.Error("the default is not in the table")
	}
}
