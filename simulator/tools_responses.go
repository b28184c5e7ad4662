package simulator

import (
	"encoding/json"
	"fmt"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
)

// responseTools reads tools and tool_choice of a Responses request. Tools of the service's own are taken and never used.
func responseTools(p *ops.Peeked) (use toolUse, refusal *content.Answer) {
	if p.Tools == nil {
		return use, nil
	}
	var tools []struct {
		Type, Name string
		Parameters json.RawMessage
		Strict     bool
	}
	if json.Unmarshal(p.Tools, &tools) != nil {
		return use, invalid("tools", "invalid_type", "Invalid type for 'tools': expected an array of tools.")
	}
	use = toolUse{idPrefix: "call_"}
	for i, t := range tools {
		at := fmt.Sprintf("tools[%d]", i)
		switch {
		case t.Type == "":
			return use, invalid(at+".type", "missing_required_parameter", "Missing required parameter: '"+at+".type'.")
		case t.Type != "function":
			continue
		case t.Name == "":
			return use, invalid(at+".name", "missing_required_parameter", "Missing required parameter: '"+at+".name'.")
		}
		function := tool{name: t.Name}
		if t.Parameters != nil && string(t.Parameters) != "null" {
			schema, why := compileSchema(t.Parameters, t.Strict)
			if why != "" {
				return use, invalid(at+".parameters", "invalid_function_parameters", "Invalid schema for function '"+t.Name+"': "+why)
			}
			function.schema = schema
		}
		use.tools = append(use.tools, function)
	}
	use.mode, use.name, refusal = responseToolChoice(p.ToolChoice, use.tools)
	return use, refusal
}

// responseToolChoice reads tool_choice: a mode, the function that is demanded, or a choice among the service's tools,
// which leaves the functions out.
func responseToolChoice(raw []byte, tools []tool) (mode, name string, refusal *content.Answer) {
	if raw == nil {
		return "auto", "", nil
	}
	if json.Unmarshal(raw, &mode) == nil {
		if mode == "none" || mode == "auto" || mode == "required" {
			return mode, "", nil
		}
		return "", "", invalid("tool_choice", "invalid_value", "Invalid value: '"+mode+"'. Supported values are: 'none', 'auto', and 'required'.")
	}
	var named struct{ Type, Name, Mode string }
	if json.Unmarshal(raw, &named) != nil || named.Type == "" {
		return "", "", invalid("tool_choice", "invalid_type", "Invalid type for 'tool_choice': expected a mode, or an object with a type.")
	}
	switch named.Type {
	case "allowed_tools":
		return named.Mode, "", nil
	case "function":
	default:
		return "none", "", nil
	}
	for i := range tools {
		if tools[i].name == named.Name {
			return "required", named.Name, nil
		}
	}
	return "", "", invalid("tool_choice", "", "Tool choice '"+named.Name+"' not found in 'tools' parameter.")
}

// responseFormat reads text.format and writes the answer that it wants.
func responseFormat(d *director) *content.Answer {
	if d.peeked.Format == nil {
		return nil
	}
	f := form{member: "text.format", described: "text.format", messages: "input"}
	var format struct {
		Type, Name string
		Strict     bool
		Schema     json.RawMessage
	}
	if json.Unmarshal(d.peeked.Format, &format) != nil {
		return invalid("text.format", "invalid_type", "Invalid type for 'text.format': expected an object.")
	}
	f.kind, f.name, f.strict, f.schema = format.Type, format.Name, format.Strict, format.Schema
	return d.keep(&f)
}
