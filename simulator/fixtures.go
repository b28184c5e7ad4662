package simulator

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/pace"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/fixture"
)

// contentMode is where what an answer says comes from.
type contentMode uint8

const (
	generated contentMode = iota // made up
	echoed                       // what the user said last
	fixed                        // fixtures; where none fits, as the deployment has it
	extended                     // an extension; where it says nothing, made up
)

// contentHeader asks for a content mode for one request.
const contentHeader = "X-Foundrylab-Content"

// fixtures is the rules of a Server. Safe for concurrent use.
type fixtures struct {
	mu   sync.Mutex
	book *fixture.Book
}

// newFixtures returns nil where there is nothing to be found.
func newFixtures(cfg *fixture.Config) *fixtures {
	if len(cfg.Rules) == 0 && !cfg.Strict {
		return nil
	}
	return &fixtures{book: fixture.New(*cfg)}
}

// find returns the answer to a request; or nil, and why there is none where one is demanded.
func (f *fixtures) find(r *fixture.Request) (*fixture.Answer, *content.Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.book.Find(r); a != nil || !f.book.Strict() {
		return a, nil
	}
	return nil, invalid("", "fixture_miss", "No fixture fits this request; "+f.book.Nearest(r)+".")
}

// contentMode returns the mode of a request: the one that it asks for, else fixtures where there are some, else its
// deployment's.
func (c *call) contentMode() (contentMode, *content.Answer) {
	asked := c.r.Header[contentHeader]
	switch {
	case len(asked) == 0 && c.srv.fixtures != nil:
		return fixed, nil
	case len(asked) == 0:
		return c.ownMode(), nil
	case asked[0] == "generate":
		return generated, nil
	case asked[0] == "echo":
		return echoed, nil
	case asked[0] == "fixtures" && c.srv.fixtures != nil:
		return fixed, nil
	case asked[0] == "extension" && c.srv.extension != nil:
		return extended, nil
	case asked[0] == "extension":
		return 0, invalid("", "invalid_value", "The header "+contentHeader+" asks for an extension, and there is none: foundrylab sim --extension URL.")
	case asked[0] == "fixtures":
		return 0, invalid("", "invalid_value", "The header "+contentHeader+" asks for fixtures, and there are none: foundrylab sim --fixtures FILE.")
	}
	return 0, invalid("", "invalid_value", "Invalid value of the header "+contentHeader+". Supported values are: 'generate', 'echo', 'fixtures', and 'extension'.")
}

// ownMode is the mode of the deployment.
func (c *call) ownMode() contentMode {
	mode := c.plainMode()
	if mode == generated && c.srv.extension != nil {
		return extended
	}
	return mode
}

// plainMode is the mode of a deployment where neither fixtures nor an extension say something.
func (c *call) plainMode() contentMode {
	if c.backend.cfg.Content == "echo" {
		return echoed
	}
	return generated
}

// asMode writes the script that a content mode wants, in place of the one there is; or returns the refusal it wants.
func (d *director) asMode(mode contentMode) *content.Answer {
	if mode == fixed {
		r := d.looked()
		a, refusal := d.srv.fixtures.find(r)
		if a != nil {
			refusal = d.follow(a, r)
		}
		if refusal != nil || a != nil && a.Says() {
			return refusal
		}
		mode = d.ownMode()
	}
	if mode == extended {
		if says, refusal := d.extended(); says || refusal != nil {
			return refusal
		}
	}
	if mode == echoed && d.op.needs != catalog.Embedding {
		d.finish = ops.FinishNone
		d.say(lastUser(d.peeked))
	}
	return nil
}

// looked is what fixtures see of the request.
func (d *director) looked() *fixture.Request {
	p := d.peeked
	r := &fixture.Request{Operation: fixture.OperationNamed(d.op.name), Deployment: d.backend.cfg.Name, Model: d.backend.cfg.Model,
		User: lastUser(p), Tools: d.offered, Header: d.r.Header.Values, AfterTool: p.AfterTool}
	for i := range p.Messages {
		r.Messages = append(r.Messages, p.Messages[i].Text)
	}
	for i := range p.Inputs {
		r.Messages = append(r.Messages, p.Inputs[i].Text)
	}
	return r
}

// lastUser returns what the user said last. A message that brings only what a tool returned says nothing.
func lastUser(p *ops.Peeked) string {
	for i := len(p.Messages) - 1; i >= 0; i-- {
		if m := &p.Messages[i]; m.Role == "user" && m.Text != "" {
			return m.Text
		}
	}
	if n := len(p.Inputs); n > 0 {
		return p.Inputs[n-1].Text
	}
	return ""
}

// finishes are the finish reasons that fixtures know.
var finishes = map[string]ops.FinishReason{"stop": ops.FinishStop, "length": ops.FinishLength, "tool_calls": ops.FinishToolCalls, "content_filter": ops.FinishContentFilter}

// follow waits and writes the script as a fixture says, or returns its error.
func (d *director) follow(a *fixture.Answer, r *fixture.Request) *content.Answer {
	if a.Delay > 0 {
		d.pause(time.Duration(a.Delay))
	}
	if a.Error != nil {
		return d.fixedError(a.Error)
	}
	if !a.Says() {
		return nil
	}
	d.script, d.finish = new(content.Script), finishes[a.Finish]
	if a.Text != nil {
		text := a.Say(r)
		d.script.AddText(text, d.encoding.AppendEnds(nil, text))
	}
	for i := range a.Calls {
		d.addCall(a.Calls[i].Name, a.Calls[i].Arguments)
	}
	return nil
}

// pause waits for so long, or until the client leaves.
func (c *call) pause(d time.Duration) {
	sleep := pace.NewSleeper()
	defer c.srv.alarm.Stop(sleep)
	for until := c.srv.clock.Now().Add(d); c.srv.clock.Until(until) > 0; {
		c.srv.alarm.Set(sleep, until)
		select {
		case <-sleep.C:
		case <-c.r.Context().Done():
			return
		}
	}
}

// fixedError is the refusal that a fixture has written down.
func (c *call) fixedError(e *fixture.Error) *content.Answer {
	if wait := time.Duration(e.RetryAfter); wait > 0 {
		c.w.Header()["Retry-After"] = number(ceilSeconds(wait))
		c.w.Header()["Retry-After-Ms"] = number(wait.Milliseconds())
	}
	if e.Body != "" {
		c.exact = true
		return &content.Answer{Status: e.Status, Body: []byte(e.Body)}
	}
	a := content.Worded(e.Status, cmp.Or(e.Code, strconv.Itoa(e.Status)), cmp.Or(strings.TrimSpace(e.Message), http.StatusText(e.Status)))
	return &a
}
