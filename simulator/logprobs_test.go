package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"foundrylab/simulator/catalog"
	"foundrylab/simulator/deployment"
)

type tokenOdds struct {
	Token   string
	Logprob float64
	Bytes   []byte
	Top     []tokenOdds `json:"top_logprobs"`
}

// UnmarshalJSON reads bytes as the list of numbers that it is.
func (o *tokenOdds) UnmarshalJSON(text []byte) error {
	var raw struct {
		Token   string
		Logprob float64
		Bytes   []int
		Top     []tokenOdds `json:"top_logprobs"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*o = tokenOdds{Token: raw.Token, Logprob: raw.Logprob, Top: raw.Top}
	for _, b := range raw.Bytes {
		o.Bytes = append(o.Bytes, byte(b))
	}
	return nil
}

// oddChoice is a choice of an answer, or of a chunk of one.
type oddChoice struct {
	Index          int
	Message, Delta struct{ Content string }
	Text           string
	Logprobs       *struct {
		Content []tokenOdds
		Tokens  []string
		Offsets []int `json:"text_offset"`
		Chances []float64
		Tops    []map[string]float64 `json:"top_logprobs"`
	}
}

// choicesOf puts the choices of a body, or of all events of a stream, one after the other.
func choicesOf(t *testing.T, body string) (all []oddChoice) {
	t.Helper()
	for line := range strings.SplitSeq(body, "\n") {
		line = strings.TrimPrefix(line, "data: ")
		var one struct{ Choices []oddChoice }
		if line == "" || line == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, one.Choices...)
	}
	return all
}

// The tokens of log probabilities and their bytes join up to the text, each is the likeliest of its alternatives, which are
// others and have together no more than all there is.
func TestLogprobsOfChat(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		for _, mode := range []string{"generate", "echo"} {
			for _, more := range []string{"", `,"stream":true`} {
				status, _, body := l.say(everywhere[0].path, fmt.Sprintf(everywhere[0].body, `"naïve 😀 日本語, eight more words"`, `,"n":2,"max_tokens":12,"logprobs":true,"top_logprobs":4`+more), contentHeader, mode)
				if status != 200 {
					l.Fatal(body)
				}
				texts, joined, bytes := map[int]string{}, map[int]string{}, map[int]string{}
				for _, c := range choicesOf(l.T, body) {
					texts[c.Index] += c.Message.Content + c.Delta.Content
					if c.Logprobs == nil {
						continue
					}
					for _, o := range c.Logprobs.Content {
						joined[c.Index] += o.Token
						bytes[c.Index] += string(o.Bytes)
						sum, seen := 0.0, map[string]bool{}
						for _, a := range o.Top {
							sum += math.Exp(a.Logprob)
							seen[a.Token] = true
						}
						if len(o.Top) != 4 || len(seen) != 4 || o.Top[0].Token != o.Token || o.Top[0].Logprob != o.Logprob || sum > 1 || o.Logprob >= 0 {
							l.Errorf("%+v, together %v", o, sum)
						}
					}
				}
				for i := range 2 {
					if texts[i] == "" || joined[i] != texts[i] || bytes[i] != texts[i] {
						l.Errorf("%s%s: %q is not %q, bytes %q", mode, more, joined[i], texts[i], bytes[i])
					}
				}
				if mode == "generate" && texts[0] == texts[1] {
					l.Errorf("two choices say the same: %s", texts[0])
				}
			}
		}
		if _, _, body := l.say(everywhere[0].path, fmt.Sprintf(everywhere[0].body, `"hello"`, `,"max_tokens":2,"logprobs":true`)); !strings.Contains(body, `"top_logprobs":[]}`) {
			l.Errorf("alternatives without being asked: %s", body)
		}
	})
}

// partOdds is a part of a response.
type partOdds struct {
	Text     string
	Logprobs []tokenOdds
}

// eventOdds is an event of its stream.
type eventOdds struct {
	Type, Delta, Text string
	Logprobs          []tokenOdds
	Part              partOdds
}

func said(list []tokenOdds) (tokens, bytes string) {
	for _, o := range list {
		tokens += o.Token
		bytes += string(o.Bytes)
	}
	return tokens, bytes
}

// In a response they are asked for by include, and stand in parts with the tokens' bytes, in events about them without.
func TestLogprobsOfResponses(t *testing.T) {
	const ask = `{"model":"chat","input":"say eight words and a few more","max_output_tokens":30,"top_logprobs":3%s}`
	const included = `,"include":["message.output_text.logprobs"]`
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		for _, mode := range []string{"generate", "echo"} {
			var whole struct {
				Output []struct{ Content []partOdds }
			}
			status, _, body := l.say("/openai/v1/responses", fmt.Sprintf(ask, included), contentHeader, mode)
			if err := json.Unmarshal([]byte(body), &whole); err != nil || status != 200 {
				l.Fatalf("%v %s", err, body)
			}
			part := whole.Output[0].Content[0]
			if tokens, bytes := said(part.Logprobs); tokens != part.Text || bytes != part.Text || tokens == "" || len(part.Logprobs[0].Top) != 3 || part.Logprobs[0].Top[1].Bytes == nil {
				l.Errorf("%s: %q of %+v", mode, tokens, part)
			}
			_, _, body = l.say("/openai/v1/responses", fmt.Sprintf(ask, included+`,"stream":true`), contentHeader, mode)
			seen := map[string]string{}
			for line := range strings.SplitSeq(body, "\n") {
				data, isData := strings.CutPrefix(line, "data: ")
				if !isData {
					continue
				}
				var e eventOdds
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					l.Fatalf("%v: %s", err, data)
				}
				tokens, bytes := said(append(e.Logprobs, e.Part.Logprobs...))
				if text := e.Delta + e.Text + e.Part.Text; tokens != text || bytes != e.Part.Text {
					l.Errorf("%s: %q and %q of %s", mode, tokens, bytes, data)
				}
				seen[e.Type] += tokens
			}
			text := seen["response.output_text.delta"]
			if text == "" || seen["response.output_text.done"] != text || seen["response.content_part.done"] != text {
				l.Errorf("%s: %v", mode, seen)
			}
		}
		if _, _, body := l.say("/openai/v1/responses", fmt.Sprintf(ask, "")); !strings.Contains(body, `"logprobs":[]`) || strings.Contains(body, `"logprob":`) {
			l.Errorf("not asked for: %s", body)
		}
		tool := included + `,"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{"x":{"type":"string"}},"required":["x"]}}]`
		for _, more := range []string{"", `,"stream":true`} {
			if _, _, body := l.say("/openai/v1/responses", fmt.Sprintf(ask, tool+more)); !strings.Contains(body, `"function_call"`) || strings.Contains(body, `"logprob`) {
				l.Errorf("a call has log probabilities: %s", body)
			}
		}
		if status, _, body := l.say("/openai/v1/responses", `{"model":"chat","input":"a","top_logprobs":21}`); status != 400 || !strings.Contains(body, `"top_logprobs"`) {
			l.Errorf("%d %s", status, body)
		}
	})
}

func TestLogprobsOfCompletions(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		const prompt = "one two three"
		for _, more := range []string{"", `,"stream":true`} {
			for top, alternatives := range []int{0, 1, 2} {
				status, _, body := l.say(everywhere[1].path, fmt.Sprintf(everywhere[1].body, `"`+prompt+`"`, fmt.Sprintf(`,"logprobs":%d`, top)+more))
				if status != 200 {
					l.Fatal(body)
				}
				text, joined, n := "", "", 0
				for _, c := range choicesOf(l.T, body) {
					text += c.Text
					if c.Logprobs == nil {
						continue
					}
					for i, token := range c.Logprobs.Tokens {
						if at := c.Logprobs.Offsets[i]; at != len(prompt)+len(joined) {
							l.Errorf("token %d begins at %d", n, at)
						}
						if alternatives > 0 && len(c.Logprobs.Tops[i]) != alternatives || alternatives == 0 && c.Logprobs.Tops != nil {
							l.Errorf("%v", c.Logprobs.Tops)
						}
						joined += token
						n++
					}
				}
				if text == "" || joined != text {
					l.Errorf("%d%s: %q is not %q", top, more, joined, text)
				}
			}
		}
	})
}

// Claude's messages end before a stop sequence and say which it was.
func TestStopSequencesOfMessages(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		op := everywhere[2]
		for _, more := range []string{"", `,"stream":true`} {
			_, _, body := l.say(op.path, fmt.Sprintf(op.body, `"one two three"`, `,"stop_sequences":["three","two"]`+more), contentHeader, "echo")
			if !strings.Contains(body, `"stop_reason":"stop_sequence","stop_sequence":"two"`) || strings.Contains(body, "three") {
				l.Error(body)
			}
			_, _, body = l.say(op.path, fmt.Sprintf(op.body, `"one two three"`, `,"stop_sequences":["four"]`+more), contentHeader, "echo")
			if !strings.Contains(body, `"stop_reason":"end_turn","stop_sequence":null`) {
				l.Error(body)
			}
		}
	})
}

// A router's answers name the model that it chose, the same for the same request, and take what reasoning models do not.
func TestModelRouter(t *testing.T) {
	router := swift("router")
	router.Model, router.Version = catalog.Router, "2025-11-18"
	inLab(t, Config{Deployments: []deployment.Config{router}}, func(l *lab) {
		seen := map[string]bool{}
		for i := range 40 {
			body := fmt.Sprintf(`{"model":"router","temperature":0.2,"max_tokens":5,"messages":[{"role":"user","content":"question %d"}]}`, i)
			var models [2]string
			for k := range models {
				status, header, text := l.say("/openai/v1/chat/completions", body)
				var answer struct{ Model string }
				if err := json.Unmarshal([]byte(text), &answer); status != 200 || err != nil || header.Get("X-Ms-Deployment-Name") != "router" {
					l.Fatalf("%d %v %v %s", status, err, header, text)
				}
				models[k] = answer.Model
			}
			if models[0] != models[1] || strings.HasPrefix(models[0], "model-router") {
				l.Errorf("%v", models)
			}
			seen[models[0]] = true
		}
		if len(seen) < 4 || !seen["gpt-5-mini-2025-08-07"] {
			l.Errorf("it chose among %v", seen)
		}
		if _, _, text := l.say("/openai/v1/responses", `{"model":"router","input":"question"}`); strings.Contains(text, `"model":"router"`) {
			l.Error(text)
		}
	})
}

func TestRoutedModelsAreReleases(t *testing.T) {
	for v := range uint64(100) {
		if r := catalog.Routed(v); r.Version == "" {
			t.Errorf("%v", r)
		}
	}
}
