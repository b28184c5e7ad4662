package content

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"foundrylab/internal/ops"
	"foundrylab/simulator/filter"
)

var update = flag.Bool("update", false, "write the goldens anew; then read the difference")

// golden compares with testdata/name, or writes it with -update.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\ngot  %s\nwant %s", path, got, want)
	}
}

func TestErrors(t *testing.T) {
	classic := Throttle{Limit: TokenLimit, Operation: "ChatCompletions_Create", Deployment: "chat-prod", Model: "gpt-4.1", Region: "East US 2", Tier: "OpenAI", APIVersion: "2024-10-21", RetrySeconds: 60}
	v1 := Throttle{Limit: CallLimit, Operation: "ChatCompletions_Create", Deployment: "chat-prod", Model: "gpt-4.1", Region: "Sweden Central", Tier: "AIServices", RetrySeconds: 1, FreeAccount: true}
	_, bad := ops.Peek([]byte(`{"max_tokens":"x"}`))
	_, broken := ops.Peek([]byte(`{`))
	tests := []struct {
		name string
		got  Answer
	}{
		{"not found", NotFound()},
		{"deployment not found", DeploymentNotFound()},
		{"operation not supported", OperationNotSupported("chatCompletion", "text-embedding-3-small")},
		{"newer version needed", NewerVersionNeeded()},
		{"invalid request", InvalidRequest(bad.(*ops.InvalidRequest))},
		{"invalid JSON", InvalidRequest(broken.(*ops.InvalidRequest))},
		{"context length exceeded", ContextLengthExceeded(16384, 17570)},
		{"unsupported parameter", UnsupportedParameter("max_tokens", "max_completion_tokens")},
		{"unsupported value", UnsupportedValue("temperature", "0.7", "1")},
		{"prompt filtered", PromptFiltered(&filter.Verdict{Found: [filter.Categories]filter.Severity{filter.Jailbreak: filter.High}})},
		{"service unavailable", ServiceUnavailable()},
		{"internal server error", InternalServerError()},
		{"overloaded", Overloaded(429, "5f1c")},
		{"invalid key", InvalidKey()},
		{"invalid token", InvalidToken()},
		{"permission denied", PermissionDenied()},
		{"action denied", ActionDenied("00000000-0000-0000-0000-000000000001", "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action",
			"POST /openai/deployments/{deployment-id}/chat/completions", false)},
		{"action denied in a project", ActionDenied("a", "Microsoft.CognitiveServices/accounts/OpenAI/responses/delete", "DELETE /api/projects/{project}/openai/v1/responses/{id}", true)},
		{"firewall denied", FirewallDenied()},
		{"public access disabled", PublicAccessDisabled()},
		{"regional endpoint denied", RegionalEndpointDenied()},
		{"key auth disabled", KeyAuthDisabled()},
		{"rate limit, classic", RateLimitReached(classic)},
		{"rate limit, v1", RateLimitReached(v1)},
		{"rate limit, older, classic", RateLimitReachedOld(classic)},
		{"rate limit, older, v1 free", RateLimitReachedOld(v1)},
		{"rate limit, generic", RateLimitGeneric(2)},
		{"peak load", PeakLoad(0)},
		{"peak load with a hint", PeakLoad(20)},
		{"provisioned exceeded", ProvisionedExceeded(classic, 43)},
		{"names are escaped", OperationNotSupported("chatCompletion", "a\"b\\\n")},
	}
	var all strings.Builder
	for _, tt := range tests {
		fmt.Fprintf(&all, "%s: %d\n%s\n\n", tt.name, tt.got.Status, tt.got.Body)
		if !json.Valid(tt.got.Body) {
			t.Errorf("%s: not JSON: %s", tt.name, tt.got.Body)
		}
		if k := ops.ClassifySSE(tt.got.Body).Kind; k != ops.ChunkError && tt.name != "invalid token" {
			t.Errorf("%s: classified as %v", tt.name, k)
		}
	}
	checkGolden(t, "errors.golden", all.String())
	if n := len(InvalidKey().Body); n != 224 { // the content-length of the observed response
		t.Errorf("invalid key: %d bytes", n)
	}
}
