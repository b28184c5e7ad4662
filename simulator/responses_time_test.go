package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3/responses"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
	"foundrylab/simulator/store"
)

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
