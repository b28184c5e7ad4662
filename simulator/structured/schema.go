// Package structured makes JSON that a JSON Schema describes: the arguments of tool calls and the structured answers of
// a model that was given a schema.
//
// It owns reading schemas (the vocabulary of draft 2020-12, and what earlier drafts say for the same), making a valid
// value of one from dice, checking a value, and the rules of strict mode. It refuses to decide how long an answer is or
// whether a tool is called. Exact; a Schema is immutable and safe for concurrent use.
package structured

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
)

// Schema is a compiled JSON Schema.
type Schema struct {
	root   *node
	source value
}

// types is a set of JSON types.
type types uint8

const (
	ofNull types = 1 << iota
	ofBoolean
	ofInteger // a number without fraction
	ofNumber  // any number
	ofString
	ofArray
	ofObject

	anyType = ofNull | ofBoolean | ofInteger | ofNumber | ofString | ofArray | ofObject
)

func typeNamed(name string) types {
	switch name {
	case "null":
		return ofNull
	case "boolean":
		return ofBoolean
	case "integer":
		return ofInteger
	case "number":
		return ofInteger | ofNumber
	case "string":
		return ofString
	case "array":
		return ofArray
	case "object":
		return ofObject
	}
	return 0
}

// node is one schema of the document; nil pointers and negative counts are absent keywords.
type node struct {
	never bool  // the schema false
	types types // anyType where type is absent
	enum  []value
	only  bool // enum or const is there: an empty list admits nothing

	properties []property
	required   []string
	patterns   []patternProperty
	additional *node
	names      *node
	minProps   int
	maxProps   int
	needs      []dependency // dependentRequired and dependentSchemas

	prefix      []*node
	items       *node
	contains    *node
	minContains int
	maxContains int
	minItems    int
	maxItems    int
	unique      bool

	minLength int
	maxLength int
	pattern   *pattern
	format    string

	least, most            *big.Rat
	leastOpen, mostOpen    bool
	multipleOf             *big.Rat
	ref                    *node
	allOf, anyOf, oneOf    []*node
	not, when, then, other *node

	height int // least nesting of a value; unreachable where there is none
}

type property struct {
	name   string
	schema *node
}

type patternProperty struct {
	re     *pattern
	schema *node
}

type dependency struct {
	name     string
	required []string
	schema   *node
}

// pattern is a regular expression of a schema.
type pattern struct {
	source string
	re     *regexp.Regexp
}

// Compile reads a schema. The error says, with the path of the place, what cannot be understood.
func Compile(src []byte) (*Schema, error) {
	v, err := parse(src)
	if err != nil {
		return nil, fmt.Errorf("the schema %w", err)
	}
	r := &reader{doc: &v, known: map[*value]*node{}}
	root := r.node(&v, "#")
	if len(r.mistakes) > 0 {
		return nil, errors.Join(r.mistakes...)
	}
	r.measure()
	return &Schema{root, v}, nil
}
