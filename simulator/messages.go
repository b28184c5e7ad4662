package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"foundrylab/internal/ops"
	"foundrylab/internal/prompt"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

func writeMessage(_ *call, r content.Reply) content.Writer { return content.NewMessage(r) }

// hasAnthropicVersion reports whether the header is there that Anthropic's API demands.
func (c *call) hasAnthropicVersion() bool { return c.r.Header.Get("Anthropic-Version") != "" }

func anthropicVersionMissing() content.Answer {
	return *invalid("", "", "anthropic-version: header is required")
}

// messageTools reads tools and tool_choice of a messages request.
func messageTools(p *ops.Peeked) (use toolUse, refusal *content.Answer) {
	use = toolUse{mode: "auto", idPrefix: "toolu_", finish: ops.FinishToolCalls}
	if p.Tools == nil {
		return use, nil
	}
	var tools []struct {
		Type, Name string
		Schema     json.RawMessage `json:"input_schema"`
	}
	if json.Unmarshal(p.Tools, &tools) != nil {
		return use, invalid("tools", "", "tools: Input should be a valid list")
	}
	for i, t := range tools {
		if t.Name == "" {
			return use, invalid("", "", fmt.Sprintf("tools.%d.name: Field required", i))
		}
		compiled := tool{name: t.Name}
		if t.Schema != nil {
			schema, why := compileSchema(t.Schema, false)
			if why != "" {
				return use, invalid("", "", fmt.Sprintf("tools.%d.input_schema: %s", i, why))
			}
			compiled.schema = schema
		}
		use.tools = append(use.tools, compiled)
	}
	return use, use.choose(p)
}

// choose reads tool_choice in Anthropic's terms.
func (u *toolUse) choose(p *ops.Peeked) *content.Answer {
	if p.ToolChoice == nil {
		return nil
	}
	var choice struct {
		Type, Name string
		OneCall    bool `json:"disable_parallel_tool_use"`
	}
	if json.Unmarshal(p.ToolChoice, &choice) != nil {
		return invalid("", "", "tool_choice: Input should be a valid object")
	}
	p.OneCall = choice.OneCall
	switch choice.Type {
	case "auto", "none":
		u.mode = choice.Type
		return nil
	case "any":
		u.mode = "required"
		return nil
	case "tool":
		for i := range u.tools {
			if u.tools[i].name == choice.Name {
				u.mode, u.name = "required", choice.Name
				return nil
			}
		}
		return invalid("", "", "tool_choice: tool '"+choice.Name+"' not found in provided tools")
	}
	return invalid("", "", "tool_choice: Input tag '"+choice.Type+"' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'")
}

// countTokens answers how long the prompt of a messages request is. It is not limited and not charged.
func countTokens(c *call) {
	c.family = "anthropic"
	switch {
	case !c.hasAnthropicVersion():
		c.answer(anthropicVersionMissing())
	case !c.admitted():
	case !c.readBody((*ops.Peeker).PeekCountTokens):
	case !c.enter(c.srv.serving(c.peeked.Model, catalog.Messages)):
	default:
		encoding, err := tokens.NewBPE(c.backend.counting.Encoding)
		if err != nil {
			c.answer(content.InternalServerError())
			return
		}
		c.answer(content.Answer{Status: http.StatusOK, Body: []byte(`{"input_tokens":` + strconv.Itoa(prompt.Chat(&c.backend.counting, encoding, c.peeked)) + "}")})
	}
}

// anthropicID is the request's id as Anthropic spells it.
func (c *call) anthropicID() string {
	return "req_" + string(content.AppendID(nil, c.srv.ids.Draw(c.serial, 8))[:24])
}

// azureOnly reports whether a refusal comes from the layer in front of Anthropic's API, in Azure's own envelope. That one
// also asks who is calling from where: see admitted.
func azureOnly(a content.Answer) bool {
	return bytes.Contains(a.Body, []byte(`"api_not_supported"`)) || bytes.Contains(a.Body, []byte(`"DeploymentNotFound"`)) || a.Status == http.StatusForbidden
}

// able reports whether the deployment's model has an ability, or answers that it has not.
func (c *call) able(needs catalog.Ability) bool {
	c.model = &c.backend.model
	switch {
	case c.model.Can&needs != 0:
		return true
	case c.family == "anthropic":
		c.answer(content.APINotSupported())
	default:
		c.answer(content.OperationNotSupported(needs.String(), c.backend.cfg.Model))
	}
	return false
}
