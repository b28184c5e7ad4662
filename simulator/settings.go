package simulator

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"foundrylab/internal/yamlconf"
	"foundrylab/simulator/deployment"
)

// changeable are the members of a deployment's configuration that can change while it runs: all but what it is called,
// what it serves, where it is and who may use it.
var changeable = []string{"tpm", "rpm", "ptu", "latency", "output", "prompt_cache", "dynamic_quota", "usage_tier", "output_tpm", "output_charge",
	"utilization_window", "max_tokens_guess", "max_tokens_weight",
	"disconnect", "spillover_error", "profile", "window", "count_rejected", "max_in_flight"}

// settings is a part of a configuration as JSON, in the notation of the file format.
type settings string

func (s settings) MarshalJSON() ([]byte, error) { return []byte(s), nil }

func (s *settings) UnmarshalJSON(text []byte) error {
	*s = settings(text)
	return nil
}

// settingsOf returns what can be changed of a valid configuration; absent is what is left to its default.
func settingsOf(cfg *deployment.Config) settings {
	text, err := membersOf(cfg, func(name string) bool { return slices.Contains(changeable, name) })
	if err != nil {
		panic("simulator: a configuration in force cannot be written: " + err.Error())
	}
	return text
}

// membersOf returns members of a configuration struct as JSON.
func membersOf(cfg any, shows func(name string) bool) (settings, error) {
	tree, err := treeOf(cfg)
	if err != nil {
		return "", err
	}
	shown := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(tree.Content); i += 2 {
		if shows(tree.Content[i].Value) {
			shown.Content = append(shown.Content, tree.Content[i:i+2]...)
		}
	}
	return settings(appendTree(nil, shown)), nil
}

// treeOf returns the map that stands for a configuration in a file.
func treeOf(cfg any) (*yaml.Node, error) {
	text, err := yamlconf.Encode(cfg)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

// appendTree writes a YAML tree without aliases as JSON. Numbers are what JSON takes as such.
func appendTree(text []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		text = append(text, '{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(appendTree(text, n.Content[i]), ':')
			text = appendTree(text, n.Content[i+1])
		}
		return append(text, '}')
	case yaml.SequenceNode:
		text = append(text, '[')
		for i, item := range n.Content {
			if i > 0 {
				text = append(text, ',')
			}
			text = appendTree(text, item)
		}
		return append(text, ']')
	}
	if tag := n.ShortTag(); tag == "!!bool" || (tag == "!!int" || tag == "!!float") && json.Valid([]byte(n.Value)) {
		return append(text, n.Value...)
	}
	quoted, _ := json.Marshal(n.Value) // a string always marshals
	return append(text, quoted...)
}

// merged returns cfg with a JSON merge patch (RFC 7396) applied. The error has every mistake of the outcome in a line of
// its own, with its path.
func merged(cfg *deployment.Config, patch map[string]any) (*deployment.Config, error) {
	tree, err := treeOf(cfg)
	if err != nil {
		return nil, err
	}
	merge(tree, patch)
	text, err := yaml.Marshal(tree)
	if err != nil {
		return nil, err
	}
	next := new(deployment.Config)
	if err := decode("patch", text, next); err != nil {
		return nil, err
	}
	return next, nil
}

// merge applies a merge patch to a map.
func merge(into *yaml.Node, patch map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(patch)) {
		at := 0
		for at < len(into.Content) && into.Content[at].Value != name {
			at += 2
		}
		value := patch[name]
		if value == nil {
			if at < len(into.Content) {
				into.Content = slices.Delete(into.Content, at, at+2)
			}
			continue
		}
		if at == len(into.Content) {
			into.Content = append(into.Content, scalar("!!str", name), &yaml.Node{})
		}
		members, object := value.(map[string]any)
		if !object {
			into.Content[at+1] = treeOfJSON(value)
			continue
		}
		if into.Content[at+1].Kind != yaml.MappingNode {
			into.Content[at+1] = &yaml.Node{Kind: yaml.MappingNode}
		}
		merge(into.Content[at+1], members)
	}
}

// treeOfJSON returns what a decoded JSON value is in YAML.
func treeOfJSON(value any) *yaml.Node {
	switch v := value.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		merge(n, v)
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, treeOfJSON(item))
		}
		return n
	case json.Number:
		return scalar("", v.String())
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case string:
		return scalar("!!str", v)
	}
	return scalar("!!null", "null")
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// decode reads a text that nobody wrote by the rules of the file format. The error has every mistake in a line of its own.
func decode(what string, text []byte, into any) error {
	doc, err := yamlconf.Parse(what, text)
	if err == nil {
		err = doc.Decode(into)
	}
	return withoutLines(err)
}

// withoutLines returns what is wrong, a line each, without the lines of a text that nobody wrote: they would mislead.
func withoutLines(err error) error {
	var problems yamlconf.Problems
	if !errors.As(err, &problems) {
		return err
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.Path + ": " + p.Msg
	}
	return errors.New(strings.Join(lines, "\n"))
}
