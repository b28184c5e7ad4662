package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
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

// wordy is a deployment whose answers are as long as they may be.
func wordy(d deployment.Config) deployment.Config {
	n := unit.Count(5000)
	d.Output = &distribution.Config{Constant: &n}
	return d
}

// A response in the background is queued, in progress and completed by its plan, whoever is there; its stream can be
// joined anywhere and is always the same.
func TestBackground(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{wordy(standard("chat"))}}, func(l *lab) {
		const path = "/openai/v1/responses/"
		id := l.created(`{"model":"chat","input":"a","background":true,"max_output_tokens":50}`)
		state := func() string {
			_, text := l.request("GET", path+id, "")
			var r responses.Response
			json.Unmarshal([]byte(text), &r)
			return string(r.Status)
		}
		plan := l.plan(0, 0)
		joined := make(chan string)
		for _, from := range []string{"", "&starting_after=0", "&starting_after=7"} {
			go func() {
				_, text := l.request("GET", path+id+"?stream=true"+from, "")
				joined <- text
			}()
		}
		seen := state()
		time.Sleep(time.Duration(plan.At.After(plan.HeadIn()).Sub(l.clock.Now())) + time.Millisecond)
		seen += " " + state()
		if status, text := l.request("POST", "/openai/v1/responses", `{"model":"chat","input":"b","previous_response_id":"`+id+`"}`); status != 400 {
			l.Errorf("a chain on what is not there yet: %d %s", status, text)
		}
		var streams []string
		for range 3 {
			streams = append(streams, <-joined)
		}
		synctest.Wait()
		if now := l.clock.Now(); now != plan.EndsAt() {
			l.Errorf("the streams ended at +%v, the plan's end is +%v", now.Sub(plan.At), plan.EndsAt().Sub(plan.At))
		}
		if seen += " " + state(); seen != "queued in_progress incomplete" {
			l.Error(seen)
		}
		_, text := l.request("GET", path+id+"?stream=true", "")
		for _, s := range streams {
			if !strings.HasSuffix(text, s) || len(s) < 1000 {
				l.Errorf("joined: %s", s)
			}
		}
		if n := strings.Count(text, "event: response.output_text.delta"); n != 50 || !strings.Contains(text, "event: response.queued\n") {
			l.Errorf("%d tokens in %s", n, text)
		}
		for range 2 {
			if status, text := l.request("POST", path+id+"/cancel", ""); status != 200 || !strings.Contains(text, `"status":"incomplete"`) {
				l.Errorf("cancelled once it had ended: %d %s", status, text)
			}
		}
		if a := l.ledger(); len(a) != 1 || a[0].CompletionTokens != 50 {
			l.Errorf("%+v", a)
		}
		leaves, leave := context.WithCancel(l.Context())
		resp, err := l.do(leaves, "POST", "/openai/v1/responses", `{"model":"chat","input":"c","background":true,"stream":true,"max_output_tokens":50}`, "Api-Key", "foundrylab-key")
		if err != nil {
			l.Fatal(err)
		}
		leave()
		resp.Body.Close()
		time.Sleep(5 * time.Minute)
		if a := l.ledger(); len(a) != 2 || a[1].CompletionTokens != 50 {
			l.Errorf("its client left, and it did not go on: %+v", a)
		}
	})
}

// What is cancelled or deleted stops at once, and is not billed further; a fault fails it; who streams it sees the end.
func TestBackgroundEndsEarly(t *testing.T) {
	slow := wordy(standard("chat"))
	slow.Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms(1000), P95: ms(1000)}, TokensPerS: 10, Spread: 1}
	inLab(t, Config{Deployments: []deployment.Config{slow}}, func(l *lab) {
		const path, long = "/openai/v1/responses", `{"model":"chat","input":"a","background":true,"max_output_tokens":400`
		id := l.created(long + "}")
		time.Sleep(3 * time.Second)
		began := l.clock.Now()
		for range 2 {
			if status, text := l.request("POST", path+"/"+id+"/cancel", ""); status != 200 || !strings.Contains(text, `"status":"cancelled"`) || !strings.Contains(text, `"usage":null`) {
				l.Errorf("%d %s", status, text)
			}
		}
		if l.clock.Now() != began {
			l.Error("cancelling takes time")
		}
		if a := l.ledger(); len(a) != 1 || a[0].CompletionTokens == 0 || a[0].CompletionTokens > 40 {
			l.Errorf("%+v", a)
		}
		if _, text := l.request("GET", path+"/"+id+"?stream=true", ""); strings.Contains(text, "response.completed") || !strings.Contains(text, "response.in_progress") {
			l.Errorf("%s", text)
		}
		id = l.created(long + "}")
		if status, text := l.request("DELETE", path+"/"+id, ""); status != 200 {
			l.Errorf("%d %s", status, text)
		}
		if a := l.ledger(); len(a) != 2 {
			l.Errorf("deleted, but it goes on: %+v", a)
		}
		status, text := l.request("POST", path, strings.Replace(long, `"chat"`, `"chat!abort"`, 1)+`,"stream":true}`)
		if status != 200 || !strings.Contains(text, "event: error\n") || !strings.Contains(text, "event: response.failed\n") {
			l.Errorf("%d %s", status, text)
		}
		if status, text = l.request("POST", path, strings.Replace(long, `"chat"`, `"chat!status=503"`, 1)+"}"); status != 503 {
			l.Errorf("%d %s", status, text)
		}
		l.created(long + "}") // runs when the server is closed
	})
}

// A response cannot be found for a while after its end, as a die decides: longer where it was streamed.
func TestResponsesLag(t *testing.T) {
	d := swift("chat")
	d.Responses = &deployment.Responses{Visibility: &latency.Quantiles{P50: ms(6000), P95: ms(21_000)}}
	inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
		found := func(id string) time.Duration {
			for began := l.clock.Now(); ; time.Sleep(50 * time.Millisecond) {
				get, _ := l.request("GET", "/openai/v1/responses/"+id, "")
				chain, _ := l.request("POST", "/openai/v1/responses", `{"model":"chat","input":"b","store":false,"max_output_tokens":1,"previous_response_id":"`+id+`"}`)
				if get == 200 && chain == 200 {
					return l.clock.Now().Sub(began)
				}
				if get == 200 || chain != 400 {
					l.Fatal(get, chain)
				}
			}
		}
		var whole, streamed []time.Duration
		for n := range 8 {
			whole = append(whole, found(l.created(fmt.Sprintf(`{"model":"chat","input":"%d","max_output_tokens":1}`, n))))
			_, text := l.request("POST", "/openai/v1/responses", fmt.Sprintf(`{"model":"chat","input":"%d","max_output_tokens":1,"stream":true}`, n))
			_, id, _ := strings.Cut(text, `"id":"`)
			id, _, _ = strings.Cut(id, `"`)
			streamed = append(streamed, found(id))
		}
		for n := range streamed {
			if streamed[n] < time.Second || streamed[n] > 120*time.Second || whole[n] > streamed[n]*10 || whole[n] < 50*time.Millisecond || whole[n] > 12*time.Second {
				l.Errorf("%v streamed, %v whole", streamed[n], whole[n])
			}
		}
		if total(whole)*3 > total(streamed) {
			l.Errorf("%v streamed, %v whole: no great difference", streamed, whole)
		}
		if streamed[0] == streamed[1] {
			l.Errorf("%v", streamed)
		}
		id := l.created(`{"model":"chat","input":"b","background":true,"max_output_tokens":1}`)
		if status, _ := l.request("GET", "/openai/v1/responses/"+id, ""); status != 200 {
			l.Error("what is in the background is found at once")
		}
	})
}

func total(list []time.Duration) (sum time.Duration) {
	for _, d := range list {
		sum += d
	}
	return sum
}

// What is stored is bounded by number, by bytes and by time.
func TestResponsesBounds(t *testing.T) {
	for name, bounds := range map[string]store.Bounds{"count": {Count: 3, Retention: time.Hour}, "bytes": {Bytes: 3*keptBytes + 3000, Retention: time.Hour}} {
		inLab(t, Config{Deployments: []deployment.Config{swift("chat")}, Stored: bounds}, func(l *lab) {
			var ids []string
			for n := range 5 {
				ids = append(ids, l.created(fmt.Sprintf(`{"model":"chat","input":"%d %s"}`, n, strings.Repeat("x", 200))))
			}
			for n, id := range ids {
				if status, _ := l.request("GET", "/openai/v1/responses/"+id, ""); (status == 200) != (n >= 2) {
					l.Errorf("%s: %d of the response %d", name, status, n)
				}
			}
			time.Sleep(time.Hour - time.Minute)
			if status, _ := l.request("GET", "/openai/v1/responses/"+ids[4], ""); status != 200 {
				l.Errorf("%d before the hour is over", status)
			}
			time.Sleep(2 * time.Minute)
			if status, _ := l.request("GET", "/openai/v1/responses/"+ids[4], ""); status != 404 {
				l.Errorf("%d after it", status)
			}
		})
	}
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

// A reset forgets what its deployment has stored, and so does one of all deployments; what is made in the background goes
// on to its end, and nobody finds it.
func TestResetForgetsResponses(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{swift("chat"), swift("sibling")}}, func(l *lab) {
		found := func(ids ...string) string {
			said := ""
			for _, id := range ids {
				status, _ := l.request("GET", "/openai/v1/responses/"+id, "")
				said += fmt.Sprint(status, " ")
			}
			return said
		}
		old, other := l.created(`{"model":"chat","input":"a"}`), l.created(`{"model":"sibling","input":"a"}`)
		slow := l.created(`{"model":"chat","input":"a","background":true}`)
		if got := found(old, other, slow); got != "200 200 200 " {
			l.Errorf("before: %s", got)
		}
		l.reset = true
		ask(l.Server, "POST", "/reset?deployment=chat", "")
		if got := found(old, other, slow); got != "404 200 404 " {
			l.Errorf("after a reset of chat: %s", got)
		}
		if status, text := l.request("POST", "/openai/v1/responses", `{"model":"chat","input":"b","previous_response_id":"`+old+`"}`); status != 400 {
			l.Errorf("a chain onto what is forgotten: %d %s", status, text)
		}
		fresh := l.created(`{"model":"chat","input":"c"}`)
		time.Sleep(time.Minute)
		if got := found(fresh, slow); got != "200 404 " {
			l.Errorf("a minute later: %s", got)
		}
		ask(l.Server, "POST", "/reset", "")
		if got := found(fresh, other); got != "404 404 " {
			l.Errorf("after a reset of all: %s", got)
		}
	})
}

// While the fault lasts what is stored is out of reach, there again when it is over; other deployments of the resource
// serve a chain all the same.
func TestResponsesStale(t *testing.T) {
	f := fault.Config{Name: "f", Backend: "chat", At: unit.Duration(time.Minute), For: unit.Duration(time.Minute), Stale: &fault.Stale{}}
	inLab(t, Config{Deployments: []deployment.Config{swift("chat"), swift("sibling")}, Faults: []fault.Config{f}}, func(l *lab) {
		id := l.created(`{"model":"chat","input":"a"}`)
		seen := func(asks ...string) string {
			said := ""
			for _, method := range []string{"GET", "POST", "sibling", "new"} {
				path, body := "/openai/v1/responses", ""
				switch method {
				case "GET":
					path += "/" + id
				case "new":
					method, body = "POST", `{"model":"chat","input":"b"}`
				case "sibling":
					method, body = "POST", `{"model":"sibling","input":"b","previous_response_id":"`+id+`"}`
				default:
					body = `{"model":"chat","input":"b","previous_response_id":"` + id + `"}`
				}
				resp, err := l.do(l.Context(), method, path, body, append([]string{"Api-Key", "foundrylab-key"}, asks...)...)
				if err != nil {
					l.Fatal(err)
				}
				drained(l.T, resp.Body)
				resp.Body.Close()
				said += fmt.Sprint(resp.StatusCode, " ")
			}
			return said
		}
		if got := seen(); got != "200 200 200 200 " {
			l.Errorf("before: %s", got)
		}
		if got := seen("X-Foundrylab-Fault", "stale"); got != "404 400 400 200 " {
			l.Errorf("asked for: %s", got)
		}
		time.Sleep(61 * time.Second)
		if got := seen(); got != "404 400 200 200 " {
			l.Errorf("while it lasts: %s", got)
		}
		if a := l.ledger(); a[len(a)-3].Reason != record.StaleFault || a[len(a)-3].Charged != 0 {
			l.Errorf("%+v", a[len(a)-3])
		}
		time.Sleep(time.Minute)
		if got := seen(); got != "200 200 200 200 " {
			l.Errorf("after it: %s", got)
		}
	})
}
