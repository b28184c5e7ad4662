package structured

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of strict mode (structured outputs guide of OpenAI, and of Azure).
const (
	strictLevels      = 10
	strictProperties  = 5_000
	strictEnum        = 1_000
	strictCharacters  = 120_000
	strictLongEnum    = 250
	strictLongEnumMax = 15_000
)

// notPermitted lists the keywords that strict mode does not take, in the order in which they are looked for.
var notPermitted = [...]string{"allOf", "oneOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else", "patternProperties",
	"unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedItems", "prefixItems", "contains",
	"minContains", "maxContains", "uniqueItems"}

// Strict returns what strict mode has against the schema, in the service's words without the name it stands under, or "".
func (s *Schema) Strict() string {
	root := &s.source
	if root.get("$ref") == nil {
		if t := root.get("type"); t == nil || t.kind != text || t.str != "object" {
			got := "None"
			if t != nil {
				got = strings.Trim(short(t), `"`)
			}
			if root.get("anyOf") == nil || t != nil {
				return fmt.Sprintf(`schema must be a JSON Schema of 'type: "object"', got 'type: "%s"'.`, got)
			}
		}
		if root.get("anyOf") != nil {
			return `schema must be a JSON Schema of 'type: "object"', got 'anyOf'.`
		}
	}
	c := &strict{}
	c.schema(root, nil, 0)
	if c.wrong == "" {
		c.totals()
	}
	return c.wrong
}

// strict walks a document; the first mistake counts, as at the service.
type strict struct {
	wrong                         string
	properties, enums, characters int
}

func (c *strict) fail(context []string, format string, args ...any) {
	if c.wrong != "" {
		return
	}
	quoted := make([]string, len(context))
	for i, step := range context {
		quoted[i] = "'" + step + "'"
	}
	list := strings.Join(quoted, ", ")
	if len(quoted) == 1 {
		list += ","
	}
	c.wrong = fmt.Sprintf("In context=(%s), %s", list, fmt.Sprintf(format, args...))
}

func (c *strict) schema(v *value, context []string, level int) {
	if c.wrong != "" {
		return
	}
	if v.kind != object {
		c.fail(context, "schema must be an object.")
		return
	}
	for _, name := range notPermitted {
		if v.get(name) != nil {
			c.fail(context, "'%s' is not permitted.", name)
			return
		}
	}
	if v.get("$ref") == nil && v.get("type") == nil && v.get("anyOf") == nil && v.get("enum") == nil && v.get("const") == nil {
		c.fail(context, "schema must have a 'type' key.")
		return
	}
	if isObject(v) {
		c.object(v, context)
		level++
	}
	if level > strictLevels {
		c.fail(context, "%d levels of nesting exceeds limit of %d.", level, strictLevels)
		return
	}
	c.enum(v, context)
	c.below(v, context, level)
}

// below walks the schemas within a schema.
func (c *strict) below(v *value, context []string, level int) {
	step := func(more ...string) []string { return append(slices.Clip(context), more...) }
	for _, group := range []string{"properties", "$defs", "definitions"} {
		if g := v.get(group); g != nil {
			for i := range g.members {
				at := level
				if group != "properties" {
					at = 0
				}
				c.schema(&g.members[i].value, step(group, g.members[i].name), at)
			}
		}
	}
	if items := v.get("items"); items != nil {
		c.schema(items, step("items"), level)
	}
	if any := v.get("anyOf"); any != nil {
		for i := range any.items {
			c.schema(&any.items[i], step("anyOf", strconv.Itoa(i)), level)
		}
	}
}

func isObject(v *value) bool {
	t := v.get("type")
	if t == nil {
		return v.get("properties") != nil
	}
	if t.kind == array {
		return slices.ContainsFunc(t.items, func(e value) bool { return e.str == "object" })
	}
	return t.str == "object"
}

// object checks that nothing is left open: additionalProperties is false and each property is required.
func (c *strict) object(v *value, context []string) {
	if a := v.get("additionalProperties"); a == nil || a.kind != boolean || a.yes {
		c.fail(context, "'additionalProperties' is required to be supplied and to be false.")
		return
	}
	props := v.get("properties")
	if props == nil {
		return
	}
	required := v.get("required")
	for i := range props.members {
		name := props.members[i].name
		c.properties++
		c.characters += len(name)
		if required == nil || required.kind != array || !slices.ContainsFunc(required.items, func(e value) bool { return e.str == name }) {
			c.fail(context, "'required' is required to be supplied and to be an array including every key in properties. Missing '%s'.", name)
			return
		}
	}
	if required != nil {
		for i := range required.items {
			if props.get(required.items[i].str) == nil {
				c.fail(context, "'required' is required to be supplied and to be an array including every key in properties. Extra required key '%s' supplied.", required.items[i].str)
				return
			}
		}
	}
}

func (c *strict) enum(v *value, context []string) {
	e := v.get("enum")
	if e == nil {
		return
	}
	sum := 0
	for i := range e.items {
		sum += len(e.items[i].str)
	}
	c.enums += len(e.items)
	c.characters += sum
	if len(e.items) > strictLongEnum && sum > strictLongEnumMax {
		c.fail(context, "enum with more than %d values has a total string length of %d, the limit is %d.", strictLongEnum, sum, strictLongEnumMax)
	}
}

func (c *strict) totals() {
	switch {
	case c.properties > strictProperties:
		c.wrong = fmt.Sprintf("the schema has %d properties in total, the limit is %d.", c.properties, strictProperties)
	case c.enums > strictEnum:
		c.wrong = fmt.Sprintf("the schema has %d enum values in total, the limit is %d.", c.enums, strictEnum)
	case c.characters > strictCharacters:
		c.wrong = fmt.Sprintf("the schema has %d characters of names and enum values in total, the limit is %d.", c.characters, strictCharacters)
	}
}
