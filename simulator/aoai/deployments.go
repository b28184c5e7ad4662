package aoai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"foundrylab/internal/unit"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/deployment"
)

// entry is a deployment of the file.
type entry struct {
	Model             string `json:"model"`
	TokensPerMinute   int64  `json:"tokensPerMinute"`
	RequestsPerMinute int64  `json:"requestsPerMinute"`
	EmbeddingSize     int    `json:"embeddingSize"`
}

// maxDeployments bounds the deployments of a file.
const maxDeployments = 1000

// unlimited is the limit of a deployment that has none: what the service gives nobody.
const unlimited = 1_000_000_000

// Deployments reads a deployment file: a JSON object of deployments by name. The error has every mistake in a line of its
// own; the notes say what is left out. They come in the order of the names.
func Deployments(src []byte) (all []deployment.Config, notes []string, err error) {
	var entries map[string]json.RawMessage
	if err := strictly(src, &entries); err != nil {
		return nil, nil, fmt.Errorf(`is no JSON object such as {"gpt-4o": {"model": "gpt-4o", "tokensPerMinute": 10000}}: %w`, err)
	}
	if len(entries) > maxDeployments {
		return nil, nil, fmt.Errorf("has %d deployments, at most %d", len(entries), maxDeployments)
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		var e entry
		if err := strictly(entries[name], &e); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		d, note, mistakes := e.deployment(name)
		for _, m := range mistakes {
			wrong = append(wrong, fmt.Errorf("%s%s", name, m))
		}
		if note != "" {
			notes = append(notes, name+": "+note)
		}
		if len(mistakes) == 0 && d.Name != "" {
			all = append(all, d)
		}
	}
	if len(wrong) == 0 && len(all) == 0 {
		wrong = append(wrong, errors.New("has no deployment that can be served"))
	}
	return all, notes, errors.Join(wrong...)
}

// strictly decodes one JSON value and no member that is not known.
func strictly(src []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after it")
	}
	return nil
}

// deployment translates an entry; a deployment without a name is left out.
func (e *entry) deployment(name string) (d deployment.Config, note string, mistakes []string) {
	if !deployment.NameFits(name) {
		mistakes = append(mistakes, ": is no deployment name: use up to 64 letters, digits, dots, hyphens and underscores")
	}
	if e.TokensPerMinute < 0 || e.RequestsPerMinute < 0 {
		mistakes = append(mistakes, ": limits are not below 0")
	}
	if e.Model == "" {
		return d, "", append(mistakes, ".model: is missing")
	}
	if strings.HasPrefix(e.Model, "whisper") {
		return d, "left out, audio is not simulated", mistakes
	}
	known := catalog.Of(e.Model)
	if !known.Known() {
		return d, "", append(mistakes, fmt.Sprintf(".model: %q is not known", e.Model))
	}
	if n := e.EmbeddingSize; n != 0 && known.Dimensions != 0 && n != known.Dimensions {
		note = fmt.Sprintf("embeddings have the %d dimensions of %s, or what a request asks for, not %d", known.Dimensions, e.Model, n)
	}
	model := catalog.Guess(e.Model, 0)
	d = deployment.Config{Name: name, Model: model.Model, Version: model.Version, SKU: "Standard", Profile: "azure-2024",
		TPM: unit.Count(e.TokensPerMinute), RPM: unit.Count(e.RequestsPerMinute)}
	if d.TPM == 0 {
		d.TPM = unlimited
		if d.RPM == 0 {
			d.RPM = unlimited
		}
	}
	return d, note, mistakes
}

// BuiltIn are the deployments without a file.
func BuiltIn() (all []deployment.Config) {
	all = append(all, deployment.Config{Name: "embedding", Model: "text-embedding-ada-002", Version: "2", SKU: "Standard", Profile: "azure-2024", TPM: 20_000})
	for _, size := range []struct {
		name string
		tpm  unit.Count
	}{{"1k", 1_000}, {"2k", 2_000}, {"5k", 5_000}, {"10k", 10_000}, {"20k", 20_000}, {"50k", 50_000}, {"100k", 100_000}, {"100m", 100_000_000}} {
		all = append(all, deployment.Config{Name: "gpt-35-turbo-" + size.name + "-token", Model: "gpt-35-turbo", Version: "0613", SKU: "Standard", Profile: "azure-2024", TPM: size.tpm})
	}
	return all
}
