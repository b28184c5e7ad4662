package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"foundrylab/simulator/fixture"
)

// Bounds of a hook.
const (
	maxHookAnswer = 1 << 20 // bytes
	maxHookCalls  = 64      // at once; others wait, within their time
	maxHookTime   = 10 * time.Minute
)

// HTTPHook returns an Extension that asks a URL: it posts what it is told as JSON, and takes an answer with the keys of a
// fixture's, or 204 for none. A call takes timeout at most, which is from 1 ms to 10 minutes.
func HTTPHook(address string, timeout time.Duration) (Extension, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("it is no URL such as http://127.0.0.1:9000/answer")
	case timeout < time.Millisecond || timeout > maxHookTime:
		return nil, fmt.Errorf("a timeout of %v is not from 1ms to %v", timeout, maxHookTime)
	}
	// A redirect would make a GET of the question, and take it to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	h := &hook{url: address, shown: shown, timeout: timeout, calls: make(chan struct{}, maxHookCalls), client: &http.Client{CheckRedirect: stay,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: maxHookCalls, IdleConnTimeout: time.Minute}}}
	return h.ask, nil
}

type hook struct {
	url     string
	shown   string // url as clients and the log may see it: without user and query, in which secrets are
	timeout time.Duration
	calls   chan struct{}
	client  *http.Client
}

// hookRequest is what is posted.
type hookRequest struct {
	Operation  string              `json:"operation"`
	Deployment string              `json:"deployment"`
	Model      string              `json:"model"`
	User       string              `json:"user"`
	Messages   []Said              `json:"messages"`
	Tools      []string            `json:"tools"`
	AfterTool  bool                `json:"after_tool"`
	Headers    map[string][]string `json:"headers"`
	Request    json.RawMessage     `json:"request"`
}

func (h *hook) ask(ctx context.Context, r *ExtensionRequest) (*fixture.Answer, error) {
	ctx, stop := context.WithTimeoutCause(ctx, h.timeout, fmt.Errorf("no answer from %s within %v", h.shown, h.timeout))
	defer stop()
	select {
	case h.calls <- struct{}{}:
		defer func() { <-h.calls }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	body, err := json.Marshal(hookRequest{r.Operation, r.Deployment, r.Model, r.User, r.Messages, r.Tools, r.AfterTool, r.Header, r.Body})
	if err != nil {
		return nil, err
	}
	text, err := h.post(ctx, body)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil || text == nil {
		return nil, err
	}
	return readAnswer(text)
}

// post returns the body of the answer, nil for none.
func (h *hook) post(ctx context.Context, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		if of := (*url.Error)(nil); errors.As(err, &of) {
			err = of.Err
		}
		return nil, fmt.Errorf("%s: %w", h.shown, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHookAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxHookAnswer:
		return nil, fmt.Errorf("%s answers with more than %d bytes", h.shown, maxHookAnswer)
	case response.StatusCode == http.StatusNoContent:
		return nil, nil
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %s: it should be 200, or 204 to say nothing", h.shown, response.Status)
	}
	return text, nil
}

// readAnswer reads an answer in JSON; the error has all its mistakes. It goes through YAML, whose own escapes are not
// those of JSON.
func readAnswer(text []byte) (*fixture.Answer, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	var members map[string]any
	if err := in.Decode(&members); err != nil || members == nil {
		return nil, errors.New("its answer is no JSON object")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON object of its answer")
	}
	src, err := yaml.Marshal(treeOfJSON(members))
	if err != nil {
		return nil, err
	}
	a := new(fixture.Answer)
	if err := decode("answer", src, a); err != nil {
		return nil, errors.New("its answer: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return a, nil
}
