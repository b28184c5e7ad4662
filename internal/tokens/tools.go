package tokens

import "strings"

// ToolRule is what the form of declared functions costs, in tokens, beside their texts. It is the OpenAI cookbook's; no
// bill was held against it.
type ToolRule struct {
	Function, End        int // for each function, and once after all
	Properties, Property int // for a function that has properties, and for each
	Enum, Choice         int // for a property that is an enum, and for each value of it
}

// Rules of tools.
var (
	tools4o = ToolRule{Function: 7, End: 12, Properties: 3, Property: 3, Enum: -3, Choice: 3}
	tools4  = ToolRule{Function: 10, End: 12, Properties: 3, Property: 3, Enum: -3, Choice: 3}
)

// Tool is a declared function, as far as it is counted.
type Tool struct {
	Name, Description string
	Properties        []Property
}

// Property is a parameter of a function.
type Property struct {
	Name, Type, Description string
	Enum                    []string
}

// Tokens returns what the declarations add to a prompt; nothing if there are none.
func (r ToolRule) Tokens(c Counter, tools []Tool) int {
	if len(tools) == 0 {
		return 0
	}
	total := r.End
	for i := range tools {
		t := &tools[i]
		total += r.Function + c.Count(t.Name+":"+strings.TrimSuffix(t.Description, "."))
		if len(t.Properties) > 0 {
			total += r.Properties
		}
		for j := range t.Properties {
			total += r.property(c, &t.Properties[j])
		}
	}
	return total
}

func (r ToolRule) property(c Counter, p *Property) int {
	total := r.Property + c.Count(p.Name+":"+p.Type+":"+strings.TrimSuffix(p.Description, "."))
	if len(p.Enum) > 0 {
		total += r.Enum
	}
	for _, value := range p.Enum {
		total += r.Choice + c.Count(value)
	}
	return total
}
