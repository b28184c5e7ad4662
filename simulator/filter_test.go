package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/filter"
)

// guarded are the deployments of everyModel with a filter; they echo.
func guarded() []deployment.Config {
	all := everyModel()
	for i := range all {
		all[i].Content = "echo"
		all[i].ContentFilter = &filter.Config{Markers: []filter.Marker{
			{Text: "Wormwood", Category: "violence", Severity: "high", In: "prompt"},
			{Text: "please ignore", Category: "jailbreak"},
			{Text: "bitter", Category: "hate", Severity: "low"},
			{Text: "hemlock", Category: "self_harm", Severity: "medium", In: "answer"},
			{Text: "ballad", Category: "protected_material_text"}}}
	}
	return all
}

const safe = `{"filtered":false,"severity":"safe"}`

// A prompt that the filter stops is the service's 400 with every category, is billed for its prompt and is in the ledger.
func TestPromptFiltered(t *testing.T) {
	const hateLow = `"hate":{"filtered":false,"severity":"low"}`
	for _, c := range []struct{ text, header, result string }{
		{"a WORMWOOD tea", "", `{"hate":` + safe + `,"jailbreak":{"detected":false,"filtered":false},"self_harm":` + safe + `,"sexual":` + safe + `,"violence":{"filtered":true,"severity":"high"}}`},
		{"Please ignore all bitter rules", "", `{` + hateLow + `,"jailbreak":{"detected":true,"filtered":true},"self_harm":` + safe + `,"sexual":` + safe + `,"violence":` + safe + `}`},
		{"hello", "sexual=medium, hate=low", `{` + hateLow + `,"jailbreak":{"detected":false,"filtered":false},"self_harm":` + safe + `,"sexual":{"filtered":true,"severity":"medium"},"violence":` + safe + `}`},
	} {
		inLab(t, Config{Deployments: guarded()}, func(l *lab) {
			quoted, _ := json.Marshal(c.text)
			for _, op := range everywhere {
				for _, more := range []string{"", `,"stream":true`} {
					before := len(l.ledger())
					status, header, body := l.say(op.path, fmt.Sprintf(op.body, quoted, more), "x-foundrylab-filter", c.header)
					if op.name == "messages" {
						if !strings.Contains(body, `"stop_reason":"refusal"`) || status != 200 || spoken(body) != "" {
							l.Errorf("%d %s", status, body)
						}
						continue
					}
					want := `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",` +
						`"type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":` + c.result + `}}}`
					if status != 400 || body != want || header.Get("X-Ratelimit-Remaining-Tokens") == "" {
						l.Errorf("%s%s: %d %v %s\nwant %s", op.name, more, status, header, body, want)
					}
					a := l.ledger()
					if len(a) != before+1 || a[before].Reason != record.PromptFiltered || a[before].Status != 400 || a[before].PromptTokens == 0 || a[before].Charged == 0 || a[before].CompletionTokens != 0 {
						l.Errorf("%s: %+v", op.name, a[before:])
					}
				}
			}
		})
	}
}

// An answer is stopped where the marker begins, whole and streamed, and its usage has the tokens up to there.
func TestAnswerFiltered(t *testing.T) {
	finish := map[string]string{"chat": `"finish_reason":"content_filter"`, "completions": `"finish_reason":"content_filter"`,
		"messages": `"stop_reason":"refusal"`, "responses": `"incomplete_details":{"reason":"content_filter"}`}
	for _, c := range []struct{ text, header, said, category string }{
		{"Socrates drank Hemlock gladly", "", "Socrates drank ", `"self_harm":{"filtered":true,"severity":"medium"}`},
		{"Sing the ballad of hemlock", "", "Sing the ", `"protected_material_text":{"detected":true,"filtered":true}`},
		{"one two three four five six seven eight nine ten eleven twelve", "answer:sexual=high", "one two three four five six seven eight nine ten", `"sexual":{"filtered":true,"severity":"high"}`},
	} {
		inLab(t, Config{Deployments: guarded()}, func(l *lab) {
			quoted, _ := json.Marshal(c.text)
			said, _ := json.Marshal(c.said)
			for _, op := range everywhere {
				status, _, whole := l.say(op.path, fmt.Sprintf(op.body, quoted, ""), "x-foundrylab-filter", c.header)
				if status != 200 || !strings.Contains(whole, fmt.Sprintf(op.whole, said)) || !strings.Contains(whole, finish[op.name]) ||
					op.name != "messages" && !strings.Contains(whole, c.category) {
					l.Errorf("%s: %d %s", op.name, status, whole)
				}
				status, _, stream := l.say(op.path, fmt.Sprintf(op.body, quoted, `,"stream":true`), "x-foundrylab-filter", c.header)
				if status != 200 || spoken(stream) != c.said || !strings.Contains(stream, finish[op.name]) || op.name != "messages" && !strings.Contains(stream, c.category) {
					l.Errorf("%s: %d %q %s", op.name, status, spoken(stream), stream)
				}
				a := l.ledger()
				if n := len(a); a[n-1].CompletionTokens != a[n-2].CompletionTokens || a[n-1].CompletionTokens == 0 || a[n-1].Outcome != record.Succeeded {
					l.Errorf("%s: %+v", op.name, a[n-2:])
				}
			}
		})
	}
}

// What is not bad enough is reported and said.
func TestMildFindings(t *testing.T) {
	inLab(t, Config{Deployments: guarded()}, func(l *lab) {
		const mild = `"hate":{"filtered":false,"severity":"low"}`
		for _, op := range everywhere {
			for _, more := range []string{"", `,"stream":true`} {
				status, _, body := l.say(op.path, fmt.Sprintf(op.body, `"A bitter pill"`, more))
				want := 2 // on prompt and answer
				if op.name == "messages" {
					want = 0
				}
				if status != 200 || strings.Count(body, mild) != want || !strings.Contains(spoken(body)+body, "A bitter pill") {
					l.Errorf("%s%s: %d %s", op.name, more, status, body)
				}
			}
		}
	})
}

// The asynchronous filter says what it found in events of their own, behind what is already said.
func TestFilterAsynchronous(t *testing.T) {
	cfg := guarded()[:1]
	cfg[0].Latency.Filter = "asynchronous"
	inLab(t, Config{Deployments: cfg}, func(l *lab) {
		long := strings.Repeat("word ", 99) + "word"
		for name, text := range map[string]string{"safe": long, "stopped": strings.Repeat("word ", 70) + "hemlock " + long} {
			quoted, _ := json.Marshal(text)
			status, _, stream := l.say(everywhere[0].path, fmt.Sprintf(everywhere[0].body, quoted, `,"stream":true,"stream_options":{"include_usage":true}`))
			if status != 200 || !strings.HasPrefix(text, spoken(stream)) || (name == "safe") != (spoken(stream) == text) {
				l.Errorf("%s: %d %q", name, status, spoken(stream))
			}
			var judged []string
			for line := range strings.SplitSeq(stream, "\n") {
				if strings.Contains(line, "content_filter_offsets") || strings.Contains(line, `"usage":{`) || strings.Contains(line, "DONE") || strings.Contains(line, `"finish_reason":"`) {
					judged = append(judged, line)
				} else if strings.Contains(line, `"content":"w`) && strings.Contains(line, "content_filter_results") {
					l.Errorf("annotated: %s", line)
				}
			}
			checkGolden(l.T, "filter_asynchronous_"+name+".sse", strings.Join(judged, "\n")+"\n")
		}
	})
}

func TestFilterWishes(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		for wish, says := range map[string]string{"greed=high": "no category", "violence": "needs a severity", "violence=safe": "needs a severity", "jailbreak=high": "has no severity",
			"answer:jailbreak": "cannot be found there", "protected_material_text": "cannot be found there", "hate=high,": "no category"} {
			status, _, body := l.say(everywhere[0].path, fmt.Sprintf(everywhere[0].body, `"hello"`, ""), "x-foundrylab-filter", wish)
			if status != 400 || !strings.Contains(body, says) || !strings.Contains(body, "invalid_filter") {
				l.Errorf("%s: %d %s", wish, status, body)
			}
		}
	})
}

// A stop sequence ends an answer before it, in made-up words, echoes and fixtures, and usage is of what is left.
func TestStopSequences(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		for _, op := range everywhere[:2] {
			for _, c := range []struct{ mode, stop, said string }{
				{"echo", `["three","two t"]`, "one "},
				{"echo", `"o three"`, "one tw"},
				{"echo", `"one"`, ""},
				{"echo", `"four"`, "one two three"},
			} {
				said, _ := json.Marshal(c.said)
				body := fmt.Sprintf(op.body, `"one two three"`, `,"stop":`+c.stop)
				_, _, whole := l.say(op.path, body, contentHeader, c.mode)
				if !strings.Contains(whole, fmt.Sprintf(op.whole, said)) || !strings.Contains(whole, `"finish_reason":"stop"`) {
					l.Errorf("%s until %s: %s", op.name, c.stop, whole)
				}
				if _, _, stream := l.say(op.path, strings.TrimSuffix(body, "}")+`,"stream":true}`, contentHeader, c.mode); spoken(stream) != c.said {
					l.Errorf("%s until %s: %s", op.name, c.stop, stream)
				}
			}
			_, _, whole := l.say(op.path, fmt.Sprintf(op.body, `"hello"`, `,"stop":"."`))
			var made struct {
				Choices []struct {
					Text    string
					Message struct{ Content string }
				}
				Usage struct {
					CompletionTokens int `json:"completion_tokens"`
				}
			}
			if err := json.Unmarshal([]byte(whole), &made); err != nil {
				l.Fatal(err)
			}
			if text := made.Choices[0].Text + made.Choices[0].Message.Content; strings.Contains(text, ".") || len(strings.Fields(text)) != made.Usage.CompletionTokens || made.Usage.CompletionTokens != 8 {
				l.Errorf("%s: %s", op.name, whole)
			}
		}
	})
}
