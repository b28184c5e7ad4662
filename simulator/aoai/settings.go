// Package aoai lets people who come from Microsoft's aoai-api-simulator keep what they have: its environment variables, its
// deployment file and its control path /++/config, before a Server of simulator. It owns the translation. What it cannot
// translate is a note, and what would silently do something else is an error. docs/moving.md has the table.
package aoai

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/latency"
)

// Settings is what the environment variables say.
type Settings struct {
	Key            string // SIMULATOR_API_KEY; "": none was given
	DeploymentFile string // OPENAI_DEPLOYMENT_CONFIG_PATH; "": the built-in deployments
	AllowUndefined bool   // ALLOW_UNDEFINED_OPENAI_DEPLOYMENTS
	Latency        Latency
}

// Latency is the time that answers take, by operation.
type Latency struct {
	Embeddings      Normal `json:"open_ai_embeddings"`       // ms a request
	Completions     Normal `json:"open_ai_completions"`      // ms a token
	ChatCompletions Normal `json:"open_ai_chat_completions"` // ms a token
	Translations    Normal `json:"open_ai_translations"`     // ms a MB; of nothing here
}

// Normal is a normal distribution, in milliseconds.
type Normal struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"std_dev"`
}

// defaults are those of version 0.5.
func defaults() Settings {
	return Settings{AllowUndefined: true, Latency: Latency{Embeddings: Normal{100, 30}, Completions: Normal{15, 2}, ChatCompletions: Normal{19, 6}, Translations: Normal{15_000, 1_000}}}
}

// FromEnvironment reads the variables; get returns "" for one that is not set. The error has every mistake in a line of its
// own, and the notes say what has no effect.
func FromEnvironment(get func(name string) string) (s Settings, notes []string, err error) {
	s = defaults()
	var wrong []error
	s.Key, s.DeploymentFile = get("SIMULATOR_API_KEY"), get("OPENAI_DEPLOYMENT_CONFIG_PATH")
	if mode := get("SIMULATOR_MODE"); mode != "" && mode != "generate" {
		wrong = append(wrong, fmt.Errorf("SIMULATOR_MODE: %q is not there: only generate is; answers can be written down with --fixtures", mode))
	}
	if get("EXTENSION_PATH") != "" {
		wrong = append(wrong, errors.New("EXTENSION_PATH: Python extensions cannot run here; write answers down with --fixtures"))
	}
	if text := get("ALLOW_UNDEFINED_OPENAI_DEPLOYMENTS"); text != "" {
		allow, known := truth(text)
		if !known {
			wrong = append(wrong, fmt.Errorf("ALLOW_UNDEFINED_OPENAI_DEPLOYMENTS: %q is neither true nor false", text))
		}
		s.AllowUndefined = allow
	}
	for _, l := range s.Latency.named() {
		for _, part := range []struct {
			name string
			to   *float64
		}{{l.variable + "_MEAN", &l.of.Mean}, {l.variable + "_STD_DEV", &l.of.StdDev}} {
			text := get(part.name)
			if text == "" {
				continue
			}
			var err error
			if *part.to, err = strconv.ParseFloat(text, 64); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %q is no number of milliseconds", part.name, text))
			}
		}
		for _, mistake := range l.mistakes() {
			wrong = append(wrong, fmt.Errorf("%s: %s", l.variable, mistake))
		}
	}
	for _, name := range []string{"RECORDING_DIR", "RECORDING_AUTOSAVE", "APPLICATIONINSIGHTS_CONNECTION_STRING", "LATENCY_OPENAI_TRANSLATIONS_MEAN", "LATENCY_OPENAI_TRANSLATIONS_STD_DEV"} {
		if get(name) != "" {
			notes = append(notes, name+" has no effect here")
		}
	}
	return s, notes, errors.Join(wrong...)
}

// truth reads a word as Python's settings do.
func truth(text string) (is, known bool) {
	switch strings.ToLower(text) {
	case "true", "1", "yes", "y", "on", "t":
		return true, true
	case "false", "0", "no", "n", "off", "f":
		return false, true
	}
	return false, false
}

// namedLatency is one of them with its names.
type namedLatency struct {
	variable, member string
	of               *Normal
}

func (l *Latency) named() []namedLatency {
	return []namedLatency{
		{"LATENCY_OPENAI_EMBEDDINGS", "open_ai_embeddings", &l.Embeddings},
		{"LATENCY_OPENAI_COMPLETIONS", "open_ai_completions", &l.Completions},
		{"LATENCY_OPENAI_CHAT_COMPLETIONS", "open_ai_chat_completions", &l.ChatCompletions},
		{"LATENCY_OPENAI_TRANSLATIONS", "open_ai_translations", &l.Translations},
	}
}

// maxMean bounds the milliseconds: a token a second is the slowest pace there is, and an hour the longest wait.
func (n *namedLatency) maxMean() float64 {
	if n.member == "open_ai_completions" || n.member == "open_ai_chat_completions" {
		return 1_000
	}
	return 3_600_000
}

func (n *namedLatency) mistakes() (all []string) {
	if m := n.of.Mean; !(m >= 0 && m <= n.maxMean()) { // nor is it NaN
		all = append(all, fmt.Sprintf("a mean of %v ms is not from 0 to %v", m, n.maxMean()))
	}
	if d := n.of.StdDev; !(d >= 0 && d <= 10*n.maxMean()) {
		all = append(all, fmt.Sprintf("a standard deviation of %v ms is not from 0 to %v", d, 10*n.maxMean()))
	}
	return all
}

// z95 is the 95th percentile of the standard normal distribution.
const z95 = 1.6449

// Of returns the pace of a model's deployment. Tokens come at the mean pace, which varies from request to request as the
// latency does; the first one comes after the time of one. Embeddings come after their time.
func (l *Latency) Of(model string) latency.Config {
	m := catalog.Of(model)
	none := &latency.Tail{}
	if m.Can&catalog.Embedding != 0 {
		return latency.Config{TTFT: &latency.Quantiles{P50: span(l.Embeddings.Mean), P95: span(l.Embeddings.Mean + z95*l.Embeddings.StdDev)}, Tail: none}
	}
	token := l.ChatCompletions
	if m.Can&catalog.Completion != 0 {
		token = l.Completions
	}
	pace := latency.Config{TTFT: &latency.Quantiles{P50: span(token.Mean), P95: span(token.Mean + z95*token.StdDev)}, Tail: none,
		TokensPerS: fastest, Filter: "asynchronous"}
	if token.Mean > 0 {
		pace.TokensPerS = unit.Count(min(max(math.Round(1000/token.Mean), 1), fastest))
		pace.Spread = unit.Ratio(min(math.Round(token.StdDev/token.Mean*float64(unit.One)), float64(unit.One)))
	}
	return pace
}

// fastest is the pace where no time is wanted, in tokens a second.
const fastest = 1_000_000

// shortest is the least time there is.
const shortest = 100 * time.Microsecond

// span is a time in milliseconds on the grid of modelled times.
func span(ms float64) unit.Duration {
	return unit.Duration(min(max(time.Duration(ms*float64(time.Millisecond)).Round(shortest), shortest), time.Hour))
}
