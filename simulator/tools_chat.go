package simulator

import (
	"encoding/json"
	"fmt"
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
	"foundrylab/simulator/structured"
)

// chatTools reads tools and tool_choice of a chat completion.
func chatTools(p *ops.Peeked) (use toolUse, refusal *content.Answer) {
	if p.Tools == nil {
		if p.ToolChoice != nil {
			refusal = invalid("tool_choice", "", "'tool_choice' is only allowed when 'tools' are specified.")
		}
		return use, refusal
	}
	var tools []chatTool
	if err := json.Unmarshal(p.Tools, &tools); err != nil || len(tools) == 0 {
		return use, invalid("tools", "", "Invalid 'tools': expected an array of tools with at least one element.")
	}
	use = toolUse{idPrefix: "call_", finish: ops.FinishStop} // inferred: a call that was forced by name ends as words do
	for i := range tools {
		t, refusal := tools[i].compile(i)
		if refusal != nil {
			return use, refusal
		}
		use.tools = append(use.tools, t)
	}
	use.mode, use.name, refusal = chatToolChoice(p.ToolChoice, use.tools)
	return use, refusal
}

// chatTool is an entry of tools.
type chatTool struct {
	Type     string
	Function struct {
		Name       string
		Parameters json.RawMessage
		Strict     bool
	}
}

// compile reads the tool at a place of the list.
func (c *chatTool) compile(place int) (tool, *content.Answer) {
	f, param := &c.Function, fmt.Sprintf("tools[%d].function", place)
	t := tool{name: f.Name}
	switch {
	case c.Type != "function":
		return t, invalid(fmt.Sprintf("tools[%d].type", place), "invalid_value", fmt.Sprintf("Invalid value: '%s'. Supported values are: 'function'.", c.Type))
	case f.Name == "":
		return t, invalid(param+".name", "missing_required_parameter", "Missing required parameter: '"+param+".name'.")
	case f.Parameters == nil || string(f.Parameters) == "null":
		return t, nil
	}
	schema, why := compileSchema(f.Parameters, f.Strict)
	if why != "" {
		return t, invalid(param+".parameters", "invalid_function_parameters", "Invalid schema for function '"+f.Name+"': "+why)
	}
	t.schema = schema
	return t, nil
}

// compileSchema reads a schema, by the rules of strict mode where it is strict, or says in one line why not.
func compileSchema(src []byte, strict bool) (s *structured.Schema, why string) {
	s, err := structured.Compile(src)
	if err != nil {
		why, _, _ = strings.Cut(err.Error(), "\n")
		return nil, why
	}
	if strict {
		why = s.Strict()
	}
	return s, why
}

// chatToolChoice reads tool_choice: a mode, or the name of a function that is demanded.
func chatToolChoice(raw []byte, tools []tool) (mode, name string, refusal *content.Answer) {
	if raw == nil {
		return "auto", "", nil
	}
	if json.Unmarshal(raw, &mode) == nil {
		if mode == "none" || mode == "auto" || mode == "required" {
			return mode, "", nil
		}
		return "", "", invalid("tool_choice", "invalid_value", "Invalid value: '"+mode+"'. Supported values are: 'none', 'auto', and 'required'.")
	}
	var named struct {
		Type     string
		Function struct{ Name string }
	}
	if json.Unmarshal(raw, &named) != nil || named.Type != "function" || named.Function.Name == "" {
		return "", "", invalid("tool_choice", "", "Invalid 'tool_choice': expected a mode, or an object with the name of a function.")
	}
	for i := range tools {
		if tools[i].name == named.Function.Name {
			return "required", named.Function.Name, nil
		}
	}
	return "", "", invalid("tool_choice", "", "Invalid value: Tool choice '"+named.Function.Name+"' not found in 'tools' parameter.")
}

// chatForm reads response_format and writes the answer that it wants.
func chatForm(d *director) *content.Answer {
	if d.peeked.Format == nil {
		return nil
	}
	var format struct {
		Type       string
		JSONSchema struct {
			Name   string
			Strict bool
			Schema json.RawMessage
		} `json:"json_schema"`
	}
	if json.Unmarshal(d.peeked.Format, &format) != nil {
		return invalid("response_format", "", "Invalid 'response_format': expected an object.")
	}
	js := &format.JSONSchema
	return d.keep(&form{kind: format.Type, name: js.Name, strict: js.Strict, schema: js.Schema,
		member: "response_format", described: "response_format.json_schema", messages: "messages"})
}

// form is what an answer shall look like, in whichever operation's terms.
type form struct {
	kind, name string
	strict     bool
	schema     json.RawMessage
	member     string // of the request, that it is
	described  string // where its schema is
	messages   string // the member that holds what was said
}

// keep writes an answer that keeps a form.
func (d *director) keep(f *form) *content.Answer {
	switch f.kind {
	case "text":
		return nil
	case "json_object":
		if !d.saysJSON() {
			return invalid(f.messages, "", "'"+f.messages+"' must contain the word 'json' in some form, to use '"+f.member+"' of type 'json_object'.")
		}
		d.say(`{"answer":"` + string(content.AppendProse(nil, d.dice.Next(), 8)) + `"}`)
		return nil
	case "json_schema":
	default:
		return invalid(f.member+".type", "invalid_value", "Invalid value: '"+f.kind+"'. Supported values are: 'json_object', 'json_schema', and 'text'.")
	}
	switch {
	case f.name == "":
		return invalid(f.described+".name", "missing_required_parameter", "Missing required parameter: '"+f.described+".name'.")
	case f.schema == nil:
		return invalid(f.described+".schema", "missing_required_parameter", "Missing required parameter: '"+f.described+".schema'.")
	}
	schema, why := compileSchema(f.schema, f.strict)
	if why != "" {
		return invalid(f.member, "", "Invalid schema for response_format '"+f.name+"': "+why)
	}
	d.say(d.instance(schema))
	return nil
}

func (d *director) saysJSON() bool {
	for i := range d.peeked.Messages {
		if strings.Contains(strings.ToLower(d.peeked.Messages[i].Text), "json") {
			return true
		}
	}
	return false
}
