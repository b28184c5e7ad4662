package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"foundrylab/internal/distribution"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
)

// usage is what of an answer's usage is about output.
type usage struct {
	Choices []struct {
		FinishReason *string `json:"finish_reason"`
	}
	Usage *struct {
		Completion int `json:"completion_tokens"`
		Details    struct {
			Reasoning int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
		Total int `json:"total_tokens"`
	}
}

// The tokens of reasoning are in the usage, streamed or not, and in the ledger:
// max_tokens cuts them too, until nothing is left to say.
func TestReasoningIsBilled(t *testing.T) {
	thought := unit.Count(60)
	d := deployment.Config{Name: "o", Model: "o4-mini", SKU: "GlobalStandard", TPM: 300_000}
	d.Latency.Reasoning = &distribution.Config{Constant: &thought}
	inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
		for n, c := range []struct {
			cap, reasoning, completion int
			finish                     string
		}{{1000, 60, 100, "stop"}, {80, 60, 80, "length"}, {50, 50, 50, "length"}} {
			for i, more := range []string{"", streamed} {
				resp, body := l.post("o", marked(uint64(n), 40, more+`,"max_completion_tokens":`+strconv.Itoa(c.cap)))
				if resp.StatusCode != 200 {
					l.Fatalf("%d: %s", resp.StatusCode, body)
				}
				got, finish, seen := usage{}, "", strings.Count(body, `"delta":{"content":"`)-1
				for _, line := range strings.Split(body, "\n") {
					one := usage{}
					if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &one) != nil {
						continue
					}
					if one.Usage != nil {
						got.Usage = one.Usage
					}
					for _, choice := range one.Choices {
						if choice.FinishReason != nil {
							finish = *choice.FinishReason
						}
					}
				}
				if u := got.Usage; u == nil || u.Completion != c.completion || u.Details.Reasoning != c.reasoning || u.Total != 100+c.completion || finish != c.finish {
					l.Errorf("at most %d: usage %+v, finish %s; want %+v", c.cap, u, finish, c)
				}
				if want := c.completion - c.reasoning; i == 1 && seen != want {
					l.Errorf("at most %d: %d tokens are seen, want %d", c.cap, seen, want)
				}
				if a := l.ledger(); a[len(a)-1].CompletionTokens != int64(c.completion) {
					l.Errorf("at most %d: ledger %+v", c.cap, a[len(a)-1])
				}
			}
		}
	})
}
