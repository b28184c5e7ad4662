package simulator

import (
	"strings"
	"testing"

	"foundrylab/simulator/deployment"
)

// Answers of 2024 have no tier and no padding, and the four severities in their chunks; from gpt-5.6 on usage says what was
// written to the prompt cache.
func TestAnswersOfTheYears(t *testing.T) {
	old, newest := swift("old"), ofModel("gpt-5.6-sol")
	old.Profile = "azure-2024"
	inLab(t, Config{Deployments: []deployment.Config{old, swift("today"), newest}}, func(l *lab) {
		for name, want := range map[string][3]bool{"old": {true, false, false}, "today": {false, true, false}, "gpt-5.6-sol": {false, true, true}} {
			const more = `,"stream":true,"stream_options":{"include_usage":true}`
			for _, streamed := range []string{"", more} {
				status, _, body := l.say("/openai/v1/chat/completions", `{"model":"`+name+`","max_completion_tokens":9000,"messages":[{"role":"user","content":"`+strings.Repeat("hello ", 1500)+`"}]`+streamed+"}")
				if status != 200 {
					l.Fatal(body)
				}
				chunks := streamed != "" && strings.Contains(body, `{"choices":[{"content_filter_results":{"hate"`) && !strings.Contains(body, `{"choices":[{"content_filter_results":{"protected`)
				got := [3]bool{chunks, strings.Contains(body, `"service_tier"`) && (streamed == "" || strings.Contains(body, `"obfuscation"`)), strings.Contains(body, `"cache_write_tokens":1408`)}
				if want[0] = want[0] && streamed != ""; got != want {
					l.Errorf("%s%s: %v, want %v: %.600s", name, streamed, got, want, body)
				}
				want[2] = false // the second finds it in the cache
				if name == "old" {
					want[0] = true
				}
			}
		}
	})
}
