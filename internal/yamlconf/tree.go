package yamlconf

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// checker refuses what no config file may contain, whatever its type, and
// replaces aliases by copies, so that Set can change one place alone.
type checker struct {
	file  string
	found findings
	// open holds the anchored nodes on the way down, to see one inside itself.
	open map[*yaml.Node]bool
	// aliasNodes counts the nodes made by copying.
	aliasNodes int
	tooDeep    bool
}

func newChecker(file string) *checker {
	return &checker{file: file, open: map[*yaml.Node]bool{}}
}

func (c *checker) fail(n *yaml.Node, format string, args ...any) {
	c.found.add(Problem{File: c.file, Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
}

// expand checks n, at the given depth, and returns it without aliases.
func (c *checker) expand(n *yaml.Node, depth int) *yaml.Node {
	if depth > maxDepth {
		c.failTooDeep(n)
		return n
	}
	if n.Kind == yaml.AliasNode {
		if c.open[n.Alias] {
			c.fail(n, "the anchor &%s contains itself", clip(n.Value))
			return n
		}
		return c.copy(n.Alias, depth, n)
	}
	if !slices.Contains(plainTags, n.Tag) {
		c.fail(n, "the tag %s is not supported: remove it", clip(n.Tag))
	}
	if n.Anchor != "" {
		c.open[n] = true
	}
	for i, child := range n.Content {
		n.Content[i] = c.expand(child, depth+1)
	}
	delete(c.open, n)
	if n.Kind == yaml.MappingNode {
		c.keys(n)
	}
	return n
}

// plainTags are the types a value can have; a merge key is told as such.
var plainTags = []string{"!!map", "!!seq", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge"}

// copy duplicates an anchored node, which precedes its alias in the document
// and therefore holds no alias any more.
func (c *checker) copy(n *yaml.Node, depth int, alias *yaml.Node) *yaml.Node {
	if depth > maxDepth {
		c.failTooDeep(alias)
		return n
	}
	if c.aliasNodes++; c.aliasNodes > maxAliasNodes {
		if c.aliasNodes == maxAliasNodes+1 {
			c.fail(alias, "aliases expand to more than %d nodes: write the values out", maxAliasNodes)
		}
		return n
	}
	duplicate := *n
	duplicate.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		duplicate.Content[i] = c.copy(child, depth+1, alias)
	}
	return &duplicate
}

func (c *checker) failTooDeep(n *yaml.Node) {
	if !c.tooDeep {
		c.fail(n, "is nested deeper than %d levels", maxDepth)
	}
	c.tooDeep = true
}

// keys refuses keys that are not plain text, merge keys and duplicates.
func (c *checker) keys(n *yaml.Node) {
	first := make(map[string]int, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			c.fail(key, "a key must be text, not %s", foundText(key))
			continue
		case key.Tag == "!!merge":
			c.fail(key, "merge keys (<<) are not supported: write the fields out")
			continue
		}
		if line, ok := first[key.Value]; ok {
			c.fail(key, "duplicate key %s, first on line %d: remove one", quoted(key.Value), line)
			continue
		}
		first[key.Value] = key.Line
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// lookup returns key and value of a map's entry, or nils.
func lookup(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// foundText says in a message what kind of value n is.
func foundText(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return clip(n.Value)
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	}
	return "a string"
}
