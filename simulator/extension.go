package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/fixture"
)

// Extension is somebody else's code that says what answers say. It is asked before the request comes to its deployment,
// concurrently, and bounds its own time; ctx ends when the client leaves. A nil Answer leaves the words to the simulator.
// An error or a panic is answered with status 502 and code extension_failed, and charged nothing.
type Extension func(ctx context.Context, r *ExtensionRequest) (*fixture.Answer, error)

// ExtensionRequest is what an Extension is told. It must not be changed, nor kept after the call.
type ExtensionRequest struct {
	Operation  string      // chat/completions, completions, embeddings, messages or responses
	Deployment string      // its name
	Model      string      // of the deployment
	User       string      // what the user said last
	Messages   []Said      // texts in order, of completions and embeddings the inputs
	Tools      []string    // names of those that it offers
	AfterTool  bool        // the last message is what a tool returned
	Header     http.Header // of the request, keys and tokens left out
	Body       []byte      // the whole request, JSON
}

// Said is a text of a request with who said it.
type Said struct {
	Role string `json:"role"`
	Text string `json:"text"`
}

// secrets are the headers that nobody else is told.
var secrets = []string{"Api-Key", "X-Api-Key", "Authorization", "Proxy-Authorization", "Cookie", "Ocp-Apim-Subscription-Key"}

// told is what an Extension sees of the request.
func (d *director) told() *ExtensionRequest {
	p := d.peeked
	r := &ExtensionRequest{Operation: fixture.OperationNamed(d.op.name), Deployment: d.backend.cfg.Name, Model: d.backend.cfg.Model, User: lastUser(p),
		Tools: d.offered, AfterTool: p.AfterTool, Header: d.r.Header.Clone(), Body: d.raw}
	for _, name := range secrets {
		r.Header.Del(name)
	}
	for i := range p.Messages {
		r.Messages = append(r.Messages, Said{p.Messages[i].Role, p.Messages[i].Text})
	}
	for i := range p.Inputs {
		r.Messages = append(r.Messages, Said{"user", p.Inputs[i].Text})
	}
	return r
}

// extended asks the extension, and writes the script as it says; false where it leaves that to others.
func (d *director) extended() (says bool, refusal *content.Answer) {
	a, err := d.srv.extension.ask(d.r.Context(), d.told())
	if err == nil && a != nil {
		err = d.sayable(a)
	}
	switch {
	case err != nil:
		d.srv.log.Warn().Err(err).Str("deployment", d.backend.cfg.Name).Msg("the extension failed")
		failed := content.Worded(http.StatusBadGateway, "extension_failed", "The extension that says what is answered failed: "+err.Error())
		return false, &failed
	case a == nil:
		return false, nil
	}
	return a.Says(), d.follow(a, d.looked())
}

// ask calls the extension; a panic is an error.
func (e Extension) ask(ctx context.Context, r *ExtensionRequest) (a *fixture.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, fmt.Errorf("it panicked: %v", p)
		}
	}()
	return e(ctx, r)
}

// sayable returns all that is wrong with an answer, by the rules of fixtures and of the operation.
func (d *director) sayable(a *fixture.Answer) error {
	var wrong []error
	under := func(at string) func(path, format string, args ...any) {
		return func(path, format string, args ...any) {
			if path != "" {
				at += "." + path
			}
			wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{at}, args...)...))
		}
	}
	a.Validate(under("answer"))
	for i, c := range a.Calls {
		at := fmt.Sprintf("answer.tool_calls[%d]", i)
		if c.Name == "" {
			under(at)("name", "is missing")
		}
		c.Validate(under(at))
	}
	if e := a.Error; e != nil {
		if e.Status < 400 || e.Status > 599 {
			under("answer.error")("status", "%d is not from 400 to 599", e.Status)
		}
		e.Validate(under("answer.error"))
	}
	if _, known := finishes[a.Finish]; !known && a.Finish != "" {
		under("answer")("finish", "there is no %q", a.Finish)
	}
	switch {
	case d.op.needs == catalog.Embedding && a.Says():
		under("answer")("", "embeddings say no words and call no tools: leave all out but error and delay")
	case d.op.needs == catalog.Completion && len(a.Calls) > 0:
		under("answer")("tool_calls", "completions call no tools")
	}
	return errors.Join(wrong...)
}
