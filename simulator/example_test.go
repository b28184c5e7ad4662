package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
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
