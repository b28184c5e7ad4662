package prompt

import (
	"encoding/json"
	"slices"
	"strings"

	"foundrylab/internal/tokens"
)

// declared reads the functions that a request declares, as far as they are counted: in the terms of chat, of responses
// or of Anthropic's messages. What cannot be read counts nothing; it is refused elsewhere.
func declared(raw []byte) (list []tokens.Tool) {
	if raw == nil {
		return nil
	}
	type function struct {
		Name, Description string
		Parameters        parameters
		InputSchema       parameters `json:"input_schema"`
	}
	var tools []struct {
		function
		Function function
	}
	if json.Unmarshal(raw, &tools) != nil {
		return nil
	}
	for _, t := range tools {
		f := t.Function
		if f.Name == "" {
			f = t.function
		}
		list = append(list, tokens.Tool{Name: f.Name, Description: f.Description, Properties: append(f.Parameters.list(), f.InputSchema.list()...)})
	}
	return list
}

// parameters is the JSON Schema of a function, as far as it is counted.
type parameters struct {
	Properties map[string]struct {
		Type        json.RawMessage
		Description string
		Enum        []any
	}
}

func (p parameters) list() (list []tokens.Property) {
	for name, property := range p.Properties {
		one := tokens.Property{Name: name, Type: strings.Trim(string(property.Type), `"`), Description: property.Description}
		for _, value := range property.Enum {
			text, isText := value.(string)
			if !isText {
				raw, _ := json.Marshal(value) // it was JSON before
				text = string(raw)
			}
			one.Enum = append(one.Enum, text)
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b tokens.Property) int { return strings.Compare(a.Name, b.Name) })
	return list
}
