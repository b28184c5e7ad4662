package simulator

import (
	"cmp"
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/internal/rng"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/structured"
)

// prepare finds out what an answer says where that is more than words made up: tools called, an answer of a form, or what
// its content mode says. It returns what is wrong with the wish, if something is. A generated request is answered at the
// length that it carries.
func (c *call) prepare(ev *deployment.Event) *content.Answer {
	if ev.Marked {
		return nil
	}
	if refusal := c.direct(); refusal != nil {
		return refusal
	}
	c.curtail(ev)
	if c.script != nil && (!c.prose || c.script.Tokens() == 0) {
		ev.OutputTokens = clamp(c.script.Tokens())
	}
	return nil
}

// direct writes the script of an answer that says more than words made up.
func (c *call) direct() *content.Answer {
	p := c.peeked
	mode, refusal := c.contentMode()
	if refusal != nil || p.Tools == nil && p.ToolChoice == nil && p.Format == nil && mode == generated {
		return refusal
	}
	d := director{call: c, dice: rng.New(c.backend.text.Draw(c.request, 0), rng.ContentText, 0).Stream()}
	var err error
	if d.encoding, err = tokens.NewBPE(c.backend.counting.Encoding); err != nil {
		a := content.InternalServerError()
		return &a
	}
	refusal = d.toolsAsked()
	if refusal != nil && !c.srv.lenient { // else the answer is words
		return refusal
	}
	if c.script == nil && c.op.form != nil {
		if refusal = c.op.form(&d); refusal != nil && !c.srv.lenient {
			return refusal
		}
	}
	return d.asMode(mode)
}

// director writes the script of one answer.
type director struct {
	*call
	encoding *tokens.Encoding
	dice     rng.Stream
	offered  []string // names of the tools
	idPrefix string   // of their calls
}

// toolUse is what a request says of tools, in whichever operation's terms.
type toolUse struct {
	tools    []tool
	mode     string           // none, auto or required
	name     string           // required: the one that is demanded; "" for any
	idPrefix string           // of a call
	finish   ops.FinishReason // of an answer that calls the demanded one
}

// tool is a function that can be called.
type tool struct {
	name   string
	schema *structured.Schema // of its arguments; nil where nothing is said of them
}

// toolsAsked calls tools where that is what comes next: when it is demanded, and after the user has spoken. After a
// tool's results the answer is words.
func (d *director) toolsAsked() *content.Answer {
	p := d.peeked
	if d.op.tools == nil {
		return nil
	}
	use, refusal := d.op.tools(p)
	d.note(&use)
	switch {
	case refusal != nil:
		return refusal
	case len(use.tools) == 0, use.mode == "none", use.mode == "auto" && p.AfterTool:
	case use.name != "":
		d.finish = use.finish
		d.callTools(use, func(t *tool) bool { return t.name == use.name })
	default:
		d.callTools(use, d.fitting(use.tools))
	}
	return nil
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
		for word := range strings.FieldsFuncSeq(strings.ToLower(tools[i].name), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
			if len(word) > 2 && strings.Contains(said, word) {
				scores[i] += len(word)
			}
		}
		if scores[i] > most {
			best, most = i, scores[i]
		}
	}
	chosen := map[string]bool{tools[best].name: true}
	for i := range tools {
		if scores[i] > 0 && !d.peeked.OneCall && len(chosen) < maxParallel {
			chosen[tools[i].name] = true
		}
	}
	return func(t *tool) bool { return chosen[t.name] }
}

// callTools calls the chosen tools with arguments that their schemas describe.
func (d *director) callTools(use toolUse, chosen func(*tool) bool) {
	d.script = new(content.Script)
	for i := range use.tools {
		t := &use.tools[i]
		if !chosen(t) {
			continue
		}
		d.addCall(t.name, d.instance(t.schema))
	}
}

// addCall adds the call of a tool to the script.
func (d *director) addCall(name, arguments string) {
	id := d.idPrefix + string(content.AppendID(nil, d.dice.Next())[:24])
	ends := make([]int, d.encoding.Count(name)) // the name's tokens come before the arguments'
	d.script.AddCall(name, id, arguments, d.encoding.AppendEnds(ends, arguments))
}

// note remembers what is offered, and how ids of calls begin.
func (d *director) note(use *toolUse) {
	d.idPrefix = cmp.Or(use.idPrefix, "call_")
	for i := range use.tools {
		d.offered = append(d.offered, use.tools[i].name)
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

// say makes a text the whole answer.
func (d *director) say(text string) {
	d.script = new(content.Script)
	d.script.AddText(text, d.encoding.AppendEnds(nil, text))
}
