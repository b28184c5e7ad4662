package simulator

import (
	"encoding/json"
	"fmt"
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/internal/rng"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/structured"
)

// prepare finds out what an answer says where the request wants more than words: tools called, or an answer of a form.
// It returns what is wrong with the wish, if something is. A generated request is answered at the length that it
// carries.
func (c *call) prepare(ev *deployment.Event) *content.Answer {
	p := &c.peeked
	if p.Tools == nil && p.ToolChoice == nil && p.Format == nil || ev.Marked {
		return nil
	}
	d := director{call: c, dice: rng.New(c.backend.text.Draw(c.request, 0), rng.ContentText, 0).Stream()}
	var err error
	if d.encoding, err = tokens.NewBPE(c.backend.counting.Encoding); err != nil {
		a := content.InternalServerError()
		return &a
	}
	if refusal := d.toolsAsked(); refusal != nil {
		return refusal
	}
	if c.script == nil {
		if refusal := d.formatAsked(); refusal != nil {
			return refusal
		}
	}
	if c.script != nil {
		ev.OutputTokens = clamp(c.script.Tokens())
	}
	return nil
}

// director writes the script of one answer.
type director struct {
	*call
	encoding *tokens.Encoding
	dice     rng.Stream
}

// tool is an entry of tools.
type tool struct {
	Type     string
	Function struct {
		Name, Description string
		Parameters        json.RawMessage
		Strict            bool
	}
	schema *structured.Schema
}

// toolsAsked reads tools and tool_choice, and calls tools where that is what comes next: when it is demanded, and after
// the user has spoken. After a tool's results the answer is words.
func (d *director) toolsAsked() *content.Answer {
	p := &d.peeked
	if p.Tools == nil {
		if p.ToolChoice != nil {
			return invalid("tool_choice", "", "'tool_choice' is only allowed when 'tools' are specified.")
		}
		return nil
	}
	var tools []tool
	if err := json.Unmarshal(p.Tools, &tools); err != nil || len(tools) == 0 {
		return invalid("tools", "", "Invalid 'tools': expected an array of tools with at least one element.")
	}
	if refusal := compileTools(tools); refusal != nil {
		return refusal
	}
	mode, name, refusal := toolChoice(p.ToolChoice, tools)
	if refusal != nil {
		return refusal
	}
	last := ""
	if n := len(p.Messages); n > 0 {
		last = p.Messages[n-1].Role
	}
	switch {
	case mode == "none", mode == "auto" && last == "tool":
	case name != "":
		d.finish = ops.FinishStop // inferred: a call that was forced by name ends as words do
		d.callTools(tools, func(t *tool) bool { return t.Function.Name == name })
	default:
		d.callTools(tools, d.fitting(tools))
	}
	return nil
}

func compileTools(tools []tool) *content.Answer {
	for i := range tools {
		t := &tools[i]
		param := fmt.Sprintf("tools[%d].function", i)
		switch {
		case t.Type != "function":
			return invalid(fmt.Sprintf("tools[%d].type", i), "invalid_value", fmt.Sprintf("Invalid value: '%s'. Supported values are: 'function'.", t.Type))
		case t.Function.Name == "":
			return invalid(param+".name", "missing_required_parameter", "Missing required parameter: '"+param+".name'.")
		case t.Function.Parameters == nil || string(t.Function.Parameters) == "null":
			continue
		}
		wrong := func(why string) *content.Answer {
			return invalid(param+".parameters", "invalid_function_parameters", "Invalid schema for function '"+t.Function.Name+"': "+why)
		}
		var err error
		if t.schema, err = structured.Compile(t.Function.Parameters); err != nil {
			return wrong(firstLine(err))
		}
		if t.Function.Strict {
			if why := t.schema.Strict(); why != "" {
				return wrong(why)
			}
		}
	}
	return nil
}

// toolChoice reads tool_choice: a mode, or the name of a function that is demanded.
func toolChoice(raw []byte, tools []tool) (mode, name string, refusal *content.Answer) {
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
		if tools[i].Function.Name == named.Function.Name {
			return "required", named.Function.Name, nil
		}
	}
	return "", "", invalid("tool_choice", "", "Invalid value: Tool choice '"+named.Function.Name+"' not found in 'tools' parameter.")
}

// maxParallel is how many tools one answer calls at most.
const maxParallel = 3

// fitting tells which tools to call: the one whose name shares most with what was said last, any where none does; and
// where calls may be parallel, the others that share something.
func (d *director) fitting(tools []tool) func(*tool) bool {
	said := ""
	if n := len(d.peeked.Messages); n > 0 {
		said = strings.ToLower(d.peeked.Messages[n-1].Text)
	}
	best, most := int(rng.Below(d.dice.Next(), int64(len(tools)))), 0
	scores := make([]int, len(tools))
	for i := range tools {
		for word := range strings.FieldsFuncSeq(strings.ToLower(tools[i].Function.Name), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
			if len(word) > 2 && strings.Contains(said, word) {
				scores[i] += len(word)
			}
		}
		if scores[i] > most {
			best, most = i, scores[i]
		}
	}
	chosen := map[string]bool{tools[best].Function.Name: true}
	for i := range tools {
		if scores[i] > 0 && !d.peeked.OneCall && len(chosen) < maxParallel {
			chosen[tools[i].Function.Name] = true
		}
	}
	return func(t *tool) bool { return chosen[t.Function.Name] }
}

// callTools calls the chosen tools with arguments that their schemas describe.
func (d *director) callTools(tools []tool, chosen func(*tool) bool) {
	d.script = new(content.Script)
	for i := range tools {
		t := &tools[i]
		if !chosen(t) {
			continue
		}
		arguments := d.instance(t.schema)
		id := "call_" + string(content.AppendID(nil, d.dice.Next())[:24])
		ends := make([]int, d.encoding.Count(t.Function.Name)) // the name's tokens come before the arguments'
		d.script.AddCall(t.Function.Name, id, arguments, d.encoding.AppendEnds(ends, arguments))
	}
}

// instance makes a JSON text of a schema; an empty object where there is no schema, or none of its values is found.
func (d *director) instance(s *structured.Schema) string {
	if s == nil {
		return "{}"
	}
	out, ok := s.Append(nil, structured.Source{Dice: &d.dice, Prose: content.AppendProse})
	if !ok {
		return "{}"
	}
	return string(out)
}

// formatAsked reads response_format and writes the answer that it wants.
func (d *director) formatAsked() *content.Answer {
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
	switch format.Type {
	case "text":
		return nil
	case "json_object":
		if !d.saysJSON() {
			return invalid("messages", "", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
		}
		d.say(`{"answer":"` + string(content.AppendProse(nil, d.dice.Next(), 8)) + `"}`)
		return nil
	case "json_schema":
	default:
		return invalid("response_format.type", "invalid_value", "Invalid value: '"+format.Type+"'. Supported values are: 'json_object', 'json_schema', and 'text'.")
	}
	js := &format.JSONSchema
	switch {
	case js.Name == "":
		return invalid("response_format.json_schema.name", "missing_required_parameter", "Missing required parameter: 'response_format.json_schema.name'.")
	case js.Schema == nil:
		return invalid("response_format.json_schema.schema", "missing_required_parameter", "Missing required parameter: 'response_format.json_schema.schema'.")
	}
	wrong := func(why string) *content.Answer {
		return invalid("response_format", "", "Invalid schema for response_format '"+js.Name+"': "+why)
	}
	schema, err := structured.Compile(js.Schema)
	if err != nil {
		return wrong(firstLine(err))
	}
	if js.Strict {
		if why := schema.Strict(); why != "" {
			return wrong(why)
		}
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

// say makes a text the whole answer.
func (d *director) say(text string) {
	d.script = new(content.Script)
	d.script.AddText(text, d.encoding.AppendEnds(nil, text))
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
