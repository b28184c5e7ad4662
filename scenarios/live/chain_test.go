package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"foundrylab/gateway"
	"foundrylab/gateway/upstream"
	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/unit"
	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// threeResources are three resources that find what they streamed as late as
// the service does, behind any number of gateways, over pipes in a bubble.
type threeResources struct {
	t        *testing.T
	clock    *drive.Clock
	backends []gateway.Backend
	client   openai.Client    // of the gateway at the front
	front    *gateway.Gateway // may be another from one request to the next
	off      bool             // without affinity
}

func (r *threeResources) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.front.ServeHTTP(w, req)
}

func pipeServer(t *testing.T, h http.Handler) *pipenet.Listener {
	l := pipenet.Listen()
	server := &http.Server{Handler: h}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l
}

func newThreeResources(t *testing.T, off bool) *threeResources {
	r := &threeResources{t: t, clock: drive.NewClock(0), off: off}
	seconds := func(s int64) unit.Duration { return unit.Duration(s * int64(time.Second)) }
	for i, name := range []string{"east", "west", "north"} {
		d := deployment.Config{Name: "think", Model: "o4-mini", SKU: "GlobalStandard", TPM: 10_000_000,
			Responses: &deployment.Responses{Visibility: &latency.Quantiles{P50: seconds(6), P95: seconds(21)}}}
		sim, err := simulator.New(simulator.Config{Deployments: []deployment.Config{d}, Clock: r.clock, Seed: uint64(i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sim.Close)
		own := upstream.New(upstream.Options{Dial: pipeServer(t, sim).Dial})
		t.Cleanup(own.CloseIdleConnections)
		r.backends = append(r.backends, gateway.Backend{Name: name, URL: "http://" + name + ".test", Key: "foundrylab-key", Deployment: "think", Transport: own})
	}
	transport := &http.Transport{DialContext: pipeServer(t, r).Dial}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = openai.NewClient(option.WithBaseURL("http://gateway.test/openai/v1/"), option.WithAPIKey("any"), option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{Transport: transport}))
	r.front = r.gateway()
	return r
}

// gateway returns one more, which knows nothing of any other.
func (r *threeResources) gateway() *gateway.Gateway {
	cfg := gateway.Config{Core: gateway.Policy([]string{"east", "west", "north"}), Backends: r.backends, Clock: r.clock}
	cfg.Core.Route.Policy, cfg.Core.Affinity.Off = "round-robin", r.off
	gw, err := gateway.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(gw.Close)
	return gw
}

// idInEvent is an id wherever it stands in an event.
var idInEvent = regexp.MustCompile(`"(?:id|item_id|previous_response_id)":"((?:resp|msg|rs)_[^"]*)"`)

// turn streams one turn of a conversation, and returns its response and the
// backend that made it. Every id of an answer ends alike, unless affinity is off.
func (r *threeResources) turn(previous string) (*responses.Response, string, error) {
	var resp *http.Response
	ask := responses.ResponseNewParams{Model: "think", Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("Go on.")}}
	if previous != "" {
		ask.PreviousResponseID = param.NewOpt(previous)
	}
	stream := r.client.Responses.NewStreaming(r.t.Context(), ask, option.WithResponseInto(&resp))
	defer stream.Close()
	var whole *responses.Response
	tags := map[string]bool{}
	for stream.Next() {
		e := stream.Current()
		for _, found := range idInEvent.FindAllStringSubmatch(e.RawJSON(), -1) {
			tags[found[1][max(len(found[1])-13, 0):]] = true
		}
		if e.Type == "response.completed" || e.Type == "response.incomplete" {
			whole = &e.Response
		}
	}
	if stream.Err() != nil {
		return nil, "", stream.Err()
	}
	if len(tags) != 1 && !r.off || whole == nil {
		r.t.Fatalf("ids end with %v, whole %v", tags, whole != nil)
	}
	return whole, resp.Header.Get("X-Gateway-Backend"), nil
}

// chain holds a conversation of six turns; before is called before each.
func (r *threeResources) chain(before func(turn int)) (ids []string, backend string, err error) {
	id, tokens := "", int64(0)
	for turn := range 6 {
		before(turn)
		answer, at, err := r.turn(id)
		if err != nil {
			return ids, at, fmt.Errorf("turn %d: %w", turn, err)
		}
		if turn > 0 && (at != backend || answer.PreviousResponseID != id) || answer.Usage.InputTokens <= tokens {
			r.t.Errorf("turn %d: at %s, before at %s; %d tokens, before %d; follows %s, not %s", turn, at, backend, answer.Usage.InputTokens, tokens, answer.PreviousResponseID, id)
		}
		id, backend, tokens = answer.ID, at, answer.Usage.InputTokens
		ids = append(ids, id)
	}
	return ids, backend, nil
}

// A conversation goes on where it began, whatever the gateway forgets: it is
// restarted in the middle, or two of them take turns. Resources find what was
// streamed as late as the real ones.
func TestChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newThreeResources(t, false)
		seen := map[string]bool{}
		for others := range 3 {
			r.front = r.gateway()
			for range others { // so that it is another backend's turn
				r.turn("")
			}
			_, backend, err := r.chain(func(turn int) {
				if turn == 3 {
					r.front.Close()
					r.front = r.gateway()
				}
			})
			if seen[backend] = true; err != nil {
				t.Fatal(err)
			}
		}
		if len(seen) != 3 {
			t.Errorf("the conversations were at %v", seen)
		}
		replicas := []*gateway.Gateway{r.gateway(), r.gateway()}
		ids, backend, err := r.chain(func(turn int) { r.front = replicas[turn%2] })
		if err != nil {
			t.Fatal(err)
		}
		r.lookBack(ids, backend)
		r.inBackground()
		r.withoutStore()
	})
}

// lookBack asks for what a conversation left, deletes it, and asks again.
func (r *threeResources) lookBack(ids []string, backend string) {
	t, last := r.t, ids[len(ids)-1]
	time.Sleep(time.Minute) // now it is found
	ctx := t.Context()
	var resp *http.Response
	got, err := r.client.Responses.Get(ctx, last, responses.ResponseGetParams{}, option.WithResponseInto(&resp))
	if err != nil || got.ID != last || got.PreviousResponseID != ids[len(ids)-2] || resp.Header.Get("X-Gateway-Backend") != backend {
		t.Fatalf("%+v %v", got, err)
	}
	page, err := r.client.Responses.InputItems.List(ctx, last, responses.InputItemListParams{})
	if err != nil || len(page.Data) != 1 {
		t.Fatalf("%+v %v", page, err)
	}
	after, err := r.client.Responses.InputItems.List(ctx, last, responses.InputItemListParams{After: param.NewOpt(page.Data[0].ID)})
	if err != nil || len(after.Data) != 0 {
		t.Errorf("after the last item: %+v %v", after, err)
	}
	if err := r.client.Responses.Delete(ctx, last); err != nil {
		t.Error(err)
	}
	var refused *openai.Error
	if _, err = r.client.Responses.Get(ctx, last, responses.ResponseGetParams{}); !errors.As(err, &refused) || refused.StatusCode != 404 || !strings.Contains(refused.Message, "'"+last+"'") {
		t.Errorf("what was deleted: %v", err)
	}
}

// inBackground has responses made while nobody waits: one is asked for until it
// is there, one is cancelled, each where it is made.
func (r *threeResources) inBackground() {
	t, ctx := r.t, r.t.Context()
	begin := func() (string, string) {
		var resp *http.Response
		answer, err := r.client.Responses.New(ctx, responses.ResponseNewParams{Model: "think", Background: param.NewOpt(true),
			Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("Go on.")}}, option.WithResponseInto(&resp))
		if err != nil || answer.Status != "queued" {
			t.Fatalf("%v %v", answer, err)
		}
		return answer.ID, resp.Header.Get("X-Gateway-Backend")
	}
	for range 3 {
		id, backend := begin()
		for status := responses.ResponseStatus("queued"); status != "completed"; time.Sleep(time.Second) {
			var resp *http.Response
			answer, err := r.client.Responses.Get(ctx, id, responses.ResponseGetParams{}, option.WithResponseInto(&resp))
			if err != nil || answer.ID != id || resp.Header.Get("X-Gateway-Backend") != backend {
				t.Fatalf("%s: %v", status, err)
			}
			status = answer.Status
		}
		stream := r.client.Responses.GetStreaming(ctx, id, responses.ResponseGetParams{StartingAfter: param.NewOpt[int64](3)})
		for stream.Next() {
			if e := stream.Current(); e.Type == "response.completed" && e.Response.ID != id {
				t.Errorf("streamed again it is %s, not %s", e.Response.ID, id)
			}
		}
		if stream.Err() != nil {
			t.Error(stream.Err())
		}
		id, _ = begin()
		if answer, err := r.client.Responses.Cancel(ctx, id); err != nil || answer.Status != "cancelled" || answer.ID != id {
			t.Errorf("%v %v", answer, err)
		}
	}
}

// withoutStore holds a conversation that its client keeps: only the backend that
// encrypted what the model thought can read it.
func (r *threeResources) withoutStore() {
	history, backends := []json.RawMessage{}, []string{}
	for range 3 {
		var resp *http.Response
		history = append(history, json.RawMessage(`{"role":"user","content":"Go on."}`))
		answer, err := r.client.Responses.New(r.t.Context(), responses.ResponseNewParams{Model: "think", Store: param.NewOpt(false), Include: []responses.ResponseIncludable{"reasoning.encrypted_content"}},
			option.WithJSONSet("input", history), option.WithResponseInto(&resp))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, item := range answer.Output {
			if item.Type == "reasoning" { // some clients keep no ids
				history = append(history, json.RawMessage(fmt.Sprintf(`{"type":"reasoning","summary":[],"encrypted_content":%q}`, item.EncryptedContent)))
			}
		}
		backends = append(backends, resp.Header.Get("X-Gateway-Backend"))
	}
	if len(history) != 6 || len(slices.Compact(backends)) != 1 {
		r.t.Errorf("%d items, at %v", len(history), backends)
	}
}

// What the gateway serves of the Responses API, resources have.
func TestResourcesHaveTheRoutesOfResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newThreeResources(t, false)
		for _, op := range ops.Beside {
			for _, route := range op.Routes() {
				version, served := map[string]string{"v1": "", "resource": "?api-version=2025-04-01-preview"}[route.Family.Name]
				if !served {
					continue
				}
				url := "http://gateway.test" + strings.Replace(route.Path, "{id}", "resp_1", 1) + version
				req := httptest.NewRequest(op.Method, url, strings.NewReader(`{"model":"think","input":"Hello"}`))
				w := httptest.NewRecorder()
				r.ServeHTTP(w, req)
				if got := w.Body.String(); w.Header().Get("X-Gateway-Backend") == "" || w.Code != 200 && !strings.Contains(got, "'resp_1' not found") {
					t.Errorf("%s %s: %d %s", op.Method, route.Path, w.Code, got)
				}
			}
		}
	})
}

// Without affinity the same conversation does not come far: its first response
// is looked for where it is not, however long its client waits.
func TestChainWithoutAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newThreeResources(t, true)
		ids, _, err := r.chain(func(int) { time.Sleep(2 * time.Minute) })
		var refused *openai.Error
		if len(ids) != 1 || !errors.As(err, &refused) || refused.StatusCode != 400 || refused.Code != "previous_response_not_found" {
			t.Errorf("%d turns, %v", len(ids), err)
		}
	})
}
