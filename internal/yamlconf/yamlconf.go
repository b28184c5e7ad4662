// Package yamlconf turns the YAML files people write (scenario, gateway,
// simulator) into typed config structs, and back. It owns where a mistake is
// and how it is told: every mistake of a file at once, each with file, line,
// column, path and what to do.
//
// # Config structs
//
// Every exported field carries a yaml tag with its key (or "-" to leave it
// out). Fields may be strings, bools, ints, structs, pointers, slices, and types
// with UnmarshalText and MarshalText. Further tags:
//
//	doc:"text"        description in the schema
//	default:"30s"     used when the key is absent; YAML, or verbatim for a string
//	required:"true"   the key must be present; a string or list also not empty
//	enum:"a|b"        allowed texts of a string (or of each string in a list)
//	min:"0" max:"9"   bounds of an int, or of a text type whose kind is an int
//	scalar:"true"     in a Union: the field a bare scalar stands for
//
// A struct field whose key is absent is decoded as if it were {}, so its own
// defaults, required fields and Validate apply; a pointer to a struct stays
// nil. Text types may also implement Pattern and Example (see TextSchema),
// structs Union and Validator. A tag or type that breaks these rules is a
// mistake of the program and panics; calling Schema on a type visits all of it.
//
// # What is refused
//
// More than 4 MiB, 100 levels or 100,000 nodes made by aliases; several
// documents in one file; duplicate keys; merge keys (<<); tags other than
// YAML's own; unknown keys; a key without a value; numbers for strings and
// strings for numbers; whole numbers that are not plain digits (1e3, 0x10,
// 1_000, 010).
//
// The package reads no file, environment or clock: the caller hands in bytes.
// A Doc may be decoded concurrently, but not while Set runs.
package yamlconf

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document.
const (
	maxBytes      = 4 << 20
	maxDepth      = 100
	maxAliasNodes = 100_000
)

// Doc is a parsed document: its file name and its node tree, without aliases.
type Doc struct {
	file string
	root *yaml.Node
	// sets names the --set flag that made a node; other nodes are the file's.
	sets map[*yaml.Node]string
}

// Parse reads one YAML document; file is only used to name it in problems. An
// empty document counts as an empty map. The error is of type Problems.
func Parse(file string, src []byte) (*Doc, error) {
	root, problems := parseTree(file, src)
	if len(problems) > 0 {
		return nil, problems
	}
	if root == nil || isNull(root) {
		root = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1}
	}
	return &Doc{file: file, root: root, sets: map[*yaml.Node]string{}}, nil
}

// parseTree returns the checked tree of one document, nil when there is none.
func parseTree(file string, src []byte) (*yaml.Node, Problems) {
	if len(src) > maxBytes {
		return nil, Problems{{File: file, Line: 1, Msg: fmt.Sprintf("is larger than %d bytes", maxBytes)}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, Problems{syntaxProblem(file, src, err)}
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, Problems{{File: file, Line: second.Line, Col: second.Column,
			Msg: "a second YAML document starts here: keep one per file, and remove the --- between them"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, Problems{syntaxProblem(file, src, err)}
	}
	checker := newChecker(file)
	root := checker.expand(document.Content[0], 1)
	return root, checker.found.sorted()
}
