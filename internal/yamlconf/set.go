package yamlconf

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Set replaces or adds one value, as a --set flag does: tenants[2].weight=3 or
// tenants[chat].prompt={lognormal: {p50: 1k, p99: 4k}}. An item of a list is
// named by its position or by its name: field and must exist; keys of maps are
// created. The value is YAML, a scalar or in flow style; an empty one is null.
// Problems with the value are found by Decode and name the flag. The error is of
// type Problems, and leaves the document as it was.
func (d *Doc) Set(path, value string) error {
	label := "--set " + clip(path) + "=" + clip(value)
	fail := func(where, msg string) error { return Problems{{File: label, Path: clip(where), Msg: msg}} }
	steps, err := parsePath(path)
	if err != nil {
		return fail("", err.Error())
	}
	if len(steps) == 0 {
		return fail("", "the path is empty: name a key, such as seed=7")
	}
	node, problems := parseTree(label, []byte(value))
	if len(problems) > 0 {
		return fail(path, strings.TrimSuffix(problems[0].Msg, nearby))
	}
	if node == nil {
		node = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	if node.Kind != yaml.ScalarNode && node.Style&yaml.FlowStyle == 0 {
		return fail(path, "the value must be a scalar, or a list as [a, b], or a map as {a: b}; put quotes around text with a colon")
	}
	d.mark(node, label)
	if where, err := d.put(steps, node, label); err != nil {
		return fail(where, err.Error())
	}
	return nil
}

// mark records that a flag made n and all below it.
func (d *Doc) mark(n *yaml.Node, label string) {
	d.sets[n] = label
	for _, child := range n.Content {
		d.mark(child, label)
	}
}

// put walks down the steps as far as the document goes and hangs what is left
// of them, ending in node, there. It returns the path it failed at.
func (d *Doc) put(steps []step, node *yaml.Node, label string) (string, error) {
	parent, path := d.root, ""
	for i, s := range steps {
		slot, err := slotOf(parent, s)
		if err != nil {
			return path, err
		}
		if s.item {
			path += "[" + s.text + "]"
		} else {
			path = joinPath(path, s.text)
		}
		last := i == len(steps)-1
		if slot != nil && !last && !isNull(*slot) {
			parent = *slot
			continue
		}
		for _, s := range steps[i+1:] {
			if s.item {
				return path, fmt.Errorf("has no list to take [%s] of: set the whole list", clip(s.text))
			}
		}
		chain := d.chain(steps[i+1:], node, label)
		if slot != nil {
			*slot = chain
		} else {
			parent.Content = append(parent.Content, d.markedKey(s.text, label), chain)
		}
		return "", nil
	}
	return "", nil
}

// slotOf returns where the parent keeps the value of a step, nil when it is a
// key the map does not have yet.
func slotOf(parent *yaml.Node, s step) (**yaml.Node, error) {
	if s.item {
		i, err := findItem(parent, s.text)
		if err != nil {
			return nil, err
		}
		return &parent.Content[i], nil
	}
	switch parent.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(parent.Content); i += 2 {
			if parent.Content[i].Value == s.text {
				return &parent.Content[i+1], nil
			}
		}
		return nil, nil
	case yaml.SequenceNode:
		return nil, fmt.Errorf("is a list: name an item of it, such as [0]%s", itemHint(parent))
	}
	return nil, fmt.Errorf("is %s, not a map: set it as a whole, such as {%s: ...}", foundText(parent), clip(s.text))
}

// itemHint offers the name of a list's first item.
func itemHint(list *yaml.Node) string {
	if len(list.Content) > 0 {
		if _, name := lookup(list.Content[0], "name"); name != nil && !strings.Contains(name.Value, "]") {
			return " or [" + clip(name.Value) + "]"
		}
	}
	return ""
}

// chain wraps node in one new map per step.
func (d *Doc) chain(steps []step, node *yaml.Node, label string) *yaml.Node {
	for i := len(steps) - 1; i >= 0; i-- {
		content := []*yaml.Node{d.markedKey(steps[i].text, label), node}
		node = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: content}
		d.sets[node] = label
	}
	return node
}

func (d *Doc) markedKey(key, label string) *yaml.Node {
	n := textNode(key)
	d.sets[n] = label
	return n
}
