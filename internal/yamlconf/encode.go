package yamlconf

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Encode writes the canonical YAML of a config struct or a non-nil pointer to
// one: keys in struct order, defaults written out, and every key left out whose
// absence means the same. What Decode returned reads back as the same value. It
// fails on what no document can say: invalid UTF-8, a text type that refuses to
// marshal, a Union without or with several fields set, pointers in a circle.
func Encode(v any) ([]byte, error) {
	value := reflect.Indirect(reflect.ValueOf(v))
	if !value.IsValid() || shapeOf(value.Type()) != shapeStruct {
		panic(fmt.Sprintf("yamlconf: Encode of %T, not a struct", v))
	}
	node, err := encodeValue(value, "", 1)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return out.Bytes(), nil
}

// encodeValue returns the node of a value; errors name its path.
func encodeValue(v reflect.Value, path string, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: is nested deeper than %d levels", path, maxDepth)
	}
	switch shapeOf(v.Type()) {
	case shapePointer:
		if v.IsNil() {
			return nil, fmt.Errorf("%s: is a nil pointer", path)
		}
		return encodeValue(v.Elem(), path, depth)
	case shapeStruct:
		return encodeStruct(v, path, depth)
	case shapeUnion:
		return encodeUnion(v, path, depth)
	case shapeList:
		return encodeList(v, path, depth)
	case shapeText:
		return encodeText(v, path)
	case shapeString:
		return encodeString(v.String(), path)
	case shapeBool:
		return plainNode(strconv.FormatBool(v.Bool())), nil
	case shapeUint:
		return plainNode(strconv.FormatUint(v.Uint(), 10)), nil
	}
	return plainNode(strconv.FormatInt(v.Int(), 10)), nil
}

func encodeStruct(v reflect.Value, path string, depth int) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		if isOmitted(fv, f) {
			continue
		}
		child, err := encodeValue(fv, keyPath(path, f.name), depth+1)
		if err != nil {
			return nil, err
		}
		if shapeOf(f.typ) == shapeStruct && len(child.Content) == 0 && !f.required {
			continue // an absent struct reads as {}
		}
		node.Content = append(node.Content, textNode(f.name), child)
	}
	return node, nil
}

// isOmitted tells the values that an absent key stands for.
func isOmitted(v reflect.Value, f field) bool {
	switch shapeOf(f.typ) {
	case shapePointer:
		return v.IsNil()
	case shapeStruct:
		return false
	case shapeList:
		return v.Len() == 0 && !f.required && !f.hasDefault
	}
	return v.IsZero() && !f.required && !f.hasDefault
}

// encodeUnion writes the scalar field bare and any other as a map of one key.
func encodeUnion(v reflect.Value, path string, depth int) (*yaml.Node, error) {
	fields := fieldsOf(v.Type())
	var set []field
	for _, f := range fields {
		if !v.Field(f.index).IsNil() {
			set = append(set, f)
		}
	}
	if len(set) != 1 {
		return nil, fmt.Errorf("%s: exactly one of %s must be set, not %d of them", path, names(fields), len(set))
	}
	f := set[0]
	if f.scalar {
		child, err := encodeValue(v.Field(f.index), path, depth)
		if err != nil || !isFieldName(fields, child.Value) {
			return child, err
		}
	}
	child, err := encodeValue(v.Field(f.index), keyPath(path, f.name), depth+1)
	if err != nil {
		return nil, err
	}
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode(f.name), child}}, nil
}

// isFieldName tells a scalar that, written bare, would be taken for a key.
func isFieldName(fields []field, text string) bool {
	for _, f := range fields {
		if f.name == text {
			return true
		}
	}
	return false
}

func encodeList(v reflect.Value, path string, depth int) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range v.Len() {
		child, err := encodeValue(v.Index(i), itemPath(path, i), depth+1)
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, child)
	}
	return node, nil
}

// encodeText writes a text that looks like a number as one: text types read
// numbers as they are spelled.
func encodeText(v reflect.Value, path string) (*yaml.Node, error) {
	addressable := reflect.New(v.Type())
	addressable.Elem().Set(v)
	text, err := addressable.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch node := plainNode(string(text)); node.ShortTag() {
	case "!!int", "!!float", "!!timestamp":
		return node, nil
	}
	return encodeString(string(text), path)
}

// encodeString leaves it to the YAML library to quote where needed, except that
// text with control characters or line breaks is always in double quotes.
func encodeString(s, path string) (*yaml.Node, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%s: %s is not valid UTF-8", path, quoted(s))
	}
	node := textNode(s)
	if strings.ContainsFunc(s, needsEscape) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node, nil
}

// needsEscape tells control characters, YAML's line breaks and the byte order
// mark, which block and plain style would drop or fold.
func needsEscape(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff
}

// textNode is a text; the YAML library quotes it where it looks like another type.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func plainNode(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }
