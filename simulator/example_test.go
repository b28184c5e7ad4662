package simulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fixture"
	"foundrylab/simulator/latency"
)

// A simulated resource in a Go test: two requests in a minute are one too many for it.
func Example() {
	const ms = 1e6 // nanoseconds
	sim, err := simulator.New(simulator.Config{Deployments: []deployment.Config{{
		Name: "chat", Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 1000, RPM: 6,
		Latency: latency.Config{TTFT: &latency.Quantiles{P50: ms, P95: ms}, TokensPerS: 10_000},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sim.Close()
	server := httptest.NewServer(sim)
	defer server.Close()

	for range 2 {
		request, _ := http.NewRequest("POST", server.URL+"/openai/v1/chat/completions",
			strings.NewReader(`{"model": "chat", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 5}`))
		request.Header.Set("api-key", "foundrylab-key")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		var answer struct {
			Usage struct {
				PromptTokens     int `json:"prompt_tokens"`
				CompletionTokens int `json:"completion_tokens"`
			}
			Error struct{ Code string }
		}
		json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		fmt.Printf("%d %+v %q\n", response.StatusCode, answer.Usage, answer.Error.Code)
	}
	// Output:
	// 200 {PromptTokens:10 CompletionTokens:5} ""
	// 429 {PromptTokens:0 CompletionTokens:0} "RateLimitReached"
}

// What answers say comes from a function: here the user's own words, louder.
func ExampleExtension() {
	cfg := simulator.Default()
	cfg.Extension = func(_ context.Context, r *simulator.ExtensionRequest) (*fixture.Answer, error) {
		text := strings.ToUpper(r.User)
		return &fixture.Answer{Text: &text}, nil
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sim.Close()
	fmt.Println(say(sim, "http://any.example", "foundrylab-key", "hello"))
	// Output: HELLO
}

// Two resources of a gateway's test, behind one handler: each has its name, region and key.
func ExampleNewSite() {
	var all []simulator.Resource
	for _, r := range []struct{ name, region string }{{"contoso-swe", "Sweden Central"}, {"contoso-fra", "France Central"}} {
		sim, err := simulator.New(simulator.Config{Deployments: []deployment.Config{{Name: "chat", Model: "gpt-4.1", SKU: "GlobalStandard",
			TPM: 1_000_000, Region: r.region, Key: r.name + "-key", Content: "echo"}}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer sim.Close()
		all = append(all, simulator.Resource{Name: r.name, Server: sim})
	}
	site, err := simulator.NewSite(all...)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(say(site, "https://contoso-fra.openai.azure.com", "contoso-fra-key", "by name"))
	fmt.Println(say(site, "http://127.0.0.1/resources/contoso-swe", "contoso-swe-key", "by path"))
	// Output:
	// by name
	// by path
}

// say asks the deployment chat and returns what it says.
func say(h http.Handler, url, key, text string) string {
	request := httptest.NewRequest("POST", url+"/openai/v1/chat/completions", strings.NewReader(`{"model": "chat", "messages": [{"role": "user", "content": "`+text+`"}]}`))
	request.Header.Set("api-key", key)
	response := httptest.NewRecorder()
	h.ServeHTTP(response, request)
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Choices) == 0 {
		return response.Body.String()
	}
	return answer.Choices[0].Message.Content
}
