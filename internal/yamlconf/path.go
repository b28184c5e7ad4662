package yamlconf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// step is one part of a path: a key of a map, or in brackets an item of a list,
// by its position or by its name.
type step struct {
	text string
	item bool
}

// parsePath splits tenants[chat].arrivals.rate; a name in brackets may hold
// anything but a closing bracket.
func parsePath(path string) ([]step, error) {
	var steps []step
	for rest := path; rest != ""; {
		if len(steps) == maxDepth {
			return nil, fmt.Errorf("the path is longer than %d steps", maxDepth)
		}
		var s step
		var ok bool
		if s.item = rest[0] == '['; s.item {
			if s.text, rest, ok = strings.Cut(rest[1:], "]"); !ok {
				return nil, errors.New("the path has [ without ]")
			}
		} else {
			if len(steps) > 0 {
				if rest, ok = strings.CutPrefix(rest, "."); !ok {
					return nil, errors.New("the path needs a . after ]")
				}
			}
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			s.text, rest = rest[:end], rest[end:]
		}
		if s.text == "" {
			return nil, errors.New("the path has an empty step")
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// joinPath appends a relative path, as parsePath reads it, to a path.
func joinPath(path, relative string) string {
	if path == "" || relative == "" || relative[0] == '[' {
		return path + relative
	}
	return path + "." + relative
}

// keyPath appends a document's own key, quoted when it would blur the path.
func keyPath(path, key string) string {
	for _, r := range key {
		if !strings.ContainsRune("_-/", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return joinPath(path, quoted(key))
		}
	}
	return joinPath(path, clip(key))
}

func itemPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// place is a value in the document, or where it would be.
type place struct {
	node *yaml.Node // nil when absent
	at   *yaml.Node // the node whose line a problem names
	path string
}

// key returns the place of a map's entry.
func (d *Doc) key(p place, name string) place {
	child := place{at: p.at, path: keyPath(p.path, name)}
	key, value := lookup(p.node, name)
	if value == nil {
		return child
	}
	child.node, child.at = value, value
	// The line of a value that starts below its key, or is not there at all,
	// says less than the line of the key.
	below := value.Kind != yaml.ScalarNode && value.Style&yaml.FlowStyle == 0 || isNull(value)
	if below && d.sets[value] == "" {
		child.at = key
	}
	return child
}

// item returns the place of a list's item; i is within the list.
func (d *Doc) item(p place, i int) place {
	n := p.node.Content[i]
	return place{node: n, at: n, path: itemPath(p.path, i)}
}

// locate returns the place of a relative path. Where the document does not go
// that far, the place is absent and named by its nearest ancestor's line.
func (d *Doc) locate(p place, relative string) place {
	full := joinPath(p.path, relative)
	steps, err := parsePath(relative)
	if err != nil {
		return place{at: p.at, path: full}
	}
	for _, s := range steps {
		if !s.item {
			p = d.key(p, s.text)
		} else if i, err := findItem(p.node, s.text); err == nil {
			p = d.item(p, i)
		} else {
			p = place{at: p.at}
		}
	}
	p.path = full
	return p
}

// findItem returns the index of a list's item given by position or name.
func findItem(n *yaml.Node, text string) (int, error) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return 0, errors.New("is not a list")
	}
	if strings.Trim(text, "0123456789") == "" {
		i, err := strconv.Atoi(text)
		if err != nil || i >= len(n.Content) {
			return 0, fmt.Errorf("has no item %s: it has %d", clip(text), len(n.Content))
		}
		return i, nil
	}
	found, names := -1, []string{}
	for i, item := range n.Content {
		_, name := lookup(item, "name")
		if name == nil {
			continue
		}
		names = append(names, name.Value)
		if name.Value != text {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("has two items named %s: give the position instead", quoted(text))
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("has no item named %s%s", quoted(text), suggestion(text, names))
	}
	return found, nil
}

// suggestion finishes a message about an unknown word.
func suggestion(word string, known []string) string {
	if near, ok := Nearest(word, known); ok {
		return ", did you mean " + quoted(near) + "?"
	}
	return ""
}
