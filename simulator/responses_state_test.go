package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/store"
)

// A conversation of six turns that sends only what is new costs what it would if it sent all, is there to be read, and is
// gone once deleted.
func TestResponsesChain(t *testing.T) {
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}})
	client := plainClient(server.URL)
	var all responses.ResponseInputParam
	previous, last := "", int64(0)
	for turn := range 6 {
		said := fmt.Sprintf("This is what I say in turn %d.", turn)
		params := input(said)
		params.Instructions = openai.String("Be terse.")
		if previous != "" {
			params.PreviousResponseID = openai.String(previous)
		}
		r, err := client.Responses.New(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, responses.ResponseInputItemParamOfMessage(said, "user"))
		params.PreviousResponseID, params.Input = param.Opt[string]{}, responses.ResponseNewParamsInputUnion{OfInputItemList: all}
		long, err := client.Responses.New(t.Context(), params)
		if err != nil || long.Usage.InputTokens != r.Usage.InputTokens || r.Usage.InputTokens <= last || r.PreviousResponseID != previous {
			t.Errorf("turn %d: %d tokens after %d, %d as a whole, %v", turn, r.Usage.InputTokens, last, long.Usage.InputTokens, err)
		}
		all = append(all, responses.ResponseInputItemParamOfMessage(r.OutputText(), "assistant"))
		previous, last = r.ID, r.Usage.InputTokens
		again, err := client.Responses.Get(t.Context(), r.ID, responses.ResponseGetParams{})
		if err != nil || again.RawJSON() != r.RawJSON() {
			t.Errorf("%v: %s\n%s", err, again.RawJSON(), r.RawJSON())
		}
	}
	counted, err := client.Responses.InputTokens.Count(t.Context(), responses.InputTokenCountParams{Model: openai.String("chat"), PreviousResponseID: openai.String(previous),
		Input: responses.InputTokenCountParamsInputUnion{OfString: openai.String("")}})
	if err != nil || counted.InputTokens <= last {
		t.Errorf("%v, %v", counted, err)
	}
	if err := client.Responses.Delete(t.Context(), previous); err != nil {
		t.Error(err)
	}
	var refused *openai.Error
	if _, err := client.Responses.Get(t.Context(), previous, responses.ResponseGetParams{}); !errors.As(err, &refused) || refused.StatusCode != 404 {
		t.Errorf("%v", err)
	}
}

// The items of a request come in pages, in either order.
func TestResponsesItems(t *testing.T) {
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}})
	client := plainClient(server.URL)
	params := input("")
	var list responses.ResponseInputParam
	for n := range 5 {
		list = append(list, responses.ResponseInputItemParamOfMessage(fmt.Sprint("item ", n), "user"))
	}
	params.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: append(list, toolOutput("call_1"))}
	r, err := client.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	for order, want := range map[responses.InputItemListParamsOrder]string{"asc": "item 0,item 1,item 2,item 3,item 4,{\"degrees\":21},", "desc": "{\"degrees\":21},item 4,item 3,item 2,item 1,item 0,"} {
		got := ""
		pages := client.Responses.InputItems.ListAutoPaging(t.Context(), r.ID, responses.InputItemListParams{Limit: openai.Int(4), Order: order})
		for pages.Next() {
			it := pages.Current()
			if it.Type == "function_call_output" {
				got += it.AsFunctionCallOutput().Output.OfString + ","
			} else {
				got += it.AsMessage().Content[0].Text + ","
			}
			if it.ID == "" {
				t.Errorf("%s", it.RawJSON())
			}
		}
		if pages.Err() != nil || got != want {
			t.Errorf("%s: %s, %v", order, got, pages.Err())
		}
	}
}

// Lenient, a parameter of the list that the service refuses is as if it were not there.
func TestInputItemsLenient(t *testing.T) {
	inLab(t, Config{Checks: Lenient, Deployments: []deployment.Config{swift("chat")}}, func(l *lab) {
		id := l.created(`{"model":"chat","input":[{"role":"user","content":"one"},{"role":"user","content":"two"}]}`)
		_, want := l.request("GET", "/openai/v1/responses/"+id+"/input_items", "")
		for _, query := range []string{"limit=0", "limit=x", "order=up", "after=msg_x", "limit=101&order=down&after=none"} {
			if status, got := l.request("GET", "/openai/v1/responses/"+id+"/input_items?"+query, ""); status != 200 || got != want || !strings.Contains(got, "two") {
				l.Errorf("%s: %d %s, want %s", query, status, got, want)
			}
		}
	})
}

// What is unknown, not stored, or asked for in a wrong way is refused in the service's words.
func TestResponsesRefusals(t *testing.T) {
	other, foreign := swift("other"), swift("foreign")
	other.Resource, foreign.Resource, foreign.Key = "r2", "r3", "another key"
	inLab(t, Config{Auth: strict, Deployments: []deployment.Config{swift("chat"), other, foreign, swift("sibling")}}, func(l *lab) {
		stored, unstored := l.created(`{"model":"chat","input":"a"}`), l.created(`{"model":"chat","input":"a","store":false}`)
		far := l.created(`{"model":"other","input":"a"}`)
		resp, _ := l.do(l.Context(), "POST", "/openai/v1/responses", `{"model":"foreign","input":"a"}`, "Api-Key", "another key")
		var locked struct{ ID string }
		json.Unmarshal([]byte(drained(l.T, resp.Body)), &locked)
		const v1 = "/openai/v1/responses"
		missing := func(id string) string {
			return `{"error":{"message":"Response with id '` + id + `' not found.","type":"invalid_request_error","param":null,"code":null}}`
		}
		for _, c := range []struct {
			method, path, body string
			status             int
			want               string
		}{
			{"GET", v1 + "/" + stored, "", 200, stored},
			{"GET", "/openai/responses/" + stored + "?api-version=2025-04-01-preview", "", 200, stored},
			{"GET", "/openai/responses/" + stored + "?api-version=2024-10-21", "", 404, "Resource not found"},
			{"GET", "/v1/responses/" + stored, "", 200, stored},
			{"GET", "/api/projects/p/openai/v1/responses/" + stored, "", 200, stored},
			{"GET", v1 + "/" + unstored, "", 404, missing(unstored)},
			{"GET", v1 + "/resp_x", "", 404, missing("resp_x")},
			{"DELETE", v1 + "/resp_x", "", 404, missing("resp_x")},
			{"POST", v1 + "/resp_x/cancel", "", 404, missing("resp_x")},
			{"GET", v1 + "/resp_x/input_items", "", 404, missing("resp_x")},
			{"GET", v1 + "/" + locked.ID, "", 404, missing(locked.ID)},
			{"POST", v1 + "/" + stored + "/cancel", "", 400, "Cannot cancel a synchronous response."},
			{"GET", v1 + "/" + stored + "?stream=true", "", 400, "background"},
			{"GET", v1 + "/" + stored + "/input_items?limit=0", "", 400, "'limit'"},
			{"GET", v1 + "/" + stored + "/input_items?limit=101", "", 400, "'limit'"},
			{"GET", v1 + "/" + stored + "/input_items?order=up", "", 400, "Supported values are: 'asc' and 'desc'."},
			{"GET", v1 + "/" + stored + "/input_items?after=msg_x", "", 400, "there is no item 'msg_x'"},
			{"POST", v1, `{"model":"chat","input":"b","previous_response_id":"` + unstored + `"}`, 400, `"code":"previous_response_not_found"`},
			{"POST", v1, `{"model":"chat","input":"b","previous_response_id":"` + far + `"}`, 400, `"Previous response with id '` + far + `' not found."`},
			{"POST", v1, `{"model":"other","input":"b","previous_response_id":"` + far + `"}`, 200, far},
			{"POST", v1, `{"model":"sibling","input":"b","previous_response_id":"` + stored + `"}`, 200, stored},
			{"POST", v1, `{"model":"chat","input":"b","background":true,"store":false}`, 400, `"param":"background"`},
			{"POST", v1 + "/input_tokens", `{"model":"chat","input":"b"}`, 200, `{"object":"response.input_tokens","input_tokens":8}`},
			{"POST", v1 + "/input_tokens", `{"input":"b"}`, 400, "'model'"},
			{"POST", v1 + "/compact", `{"model":"chat","input":"b"}`, 200, `"object":"response.compaction"`},
			{"POST", v1 + "/compact", `{"model":"chat","previous_response_id":"resp_x"}`, 400, "previous_response_not_found"},
			{"DELETE", v1 + "/" + stored, "", 200, `{"id":"` + stored + `","object":"response","deleted":true}`},
			{"DELETE", v1 + "/" + stored, "", 404, missing(stored)},
		} {
			status, text := l.request(c.method, c.path, c.body)
			if status != c.status || !strings.Contains(text, c.want) || !json.Valid([]byte(text)) {
				l.Errorf("%s %s %s: %d %.400s\nwant %d %s", c.method, c.path, c.body, status, text, c.status, c.want)
			}
		}
		for _, path := range []string{"/" + stored, "/compact"} {
			if resp, err := l.do(l.Context(), "POST", v1+path, `{}`, "Api-Key", "wrong"); err != nil || resp.StatusCode/100 != 4 {
				l.Errorf("%s: %v, %v", path, resp, err)
			}
		}
	})
}

// created makes a response and returns its id.
func (l *lab) created(body string) string {
	l.Helper()
	status, text := l.request("POST", "/openai/v1/responses", body)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != 200 {
		l.Fatalf("%d %s", status, text)
	}
	return made.ID
}

// The documented retention, and bounds that a developer's machine can bear.
func TestStoreBounds(t *testing.T) {
	if b := storeBounds(store.Bounds{}); b.Retention != 30*24*time.Hour || b.Count != 10_000 || b.Bytes != 64<<20 {
		t.Errorf("%+v", b)
	}
}

// A context is compacted to what the user said and one sealed item, which the next request takes.
func TestResponsesCompact(t *testing.T) {
	_, server := live(t, Config{Deployments: []deployment.Config{swift("chat")}})
	client := plainClient(server.URL)
	r, err := client.Responses.New(t.Context(), input(strings.Repeat("word ", 500)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Responses.Compact(t.Context(), responses.ResponseCompactParams{Model: "chat", PreviousResponseID: openai.String(r.ID),
		Input: responses.ResponseCompactParamsInputUnion{OfString: openai.String("go on")}})
	if err != nil || len(c.Output) != 2 || c.Output[0].Role != "user" || c.Output[1].Type != "compaction" || !strings.HasPrefix(c.Output[1].EncryptedContent, "gAAAAA") || c.Usage.InputTokens < 500 {
		t.Fatalf("%v: %s", err, c.RawJSON())
	}
	var items []json.RawMessage
	for _, it := range c.Output {
		items = append(items, json.RawMessage(it.RawJSON()))
	}
	body, _ := json.Marshal(map[string]any{"model": "chat", "input": items})
	req, _ := http.NewRequest("POST", server.URL+"/openai/v1/responses", strings.NewReader(string(body)))
	req.Header.Set("Api-Key", "foundrylab-key")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%v, %v", resp, err)
	}
	resp.Body.Close()
}
