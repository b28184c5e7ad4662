package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tokens"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fixture"
)

func rules(t testing.TB, src string) fixture.Config {
	t.Helper()
	cfg, err := fixture.Read("fixtures.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// everywhere has an operation's path, its body around a text, and how the text stands in its answers.
var everywhere = []struct {
	name, path, body, whole string
}{
	{"chat", "/openai/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":%s}]%s}`, `"content":%s,"refusal"`},
	{"completions", "/openai/v1/completions", `{"model":"old","max_tokens":100,"prompt":%s%s}`, `"text":%s}`},
	{"messages", "/anthropic/v1/messages", `{"model":"claude","max_tokens":1000,"messages":[{"role":"user","content":%s}]%s}`, `"text":%s`},
	{"responses", "/openai/v1/responses", `{"model":"chat","input":%s%s}`, `"text":%s`},
}

func everyModel() []deployment.Config {
	old, claude := swift("old"), swift("claude")
	old.Model, claude.Model = "gpt-35-turbo-instruct", "claude-sonnet-4-5"
	return []deployment.Config{swift("chat"), old, claude, embedder()}
}

func (l *lab) say(path, body string, header ...string) (int, http.Header, string) {
	l.Helper()
	resp, err := l.do(l.Context(), "POST", path, body, append(header, "Api-Key", "foundrylab-key", "Anthropic-Version", "2023-06-01")...)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header, drained(l.T, resp.Body)
}

// spoken puts the texts of a stream together, in whichever operation's terms.
func spoken(stream string) (text string) {
	for line := range strings.SplitSeq(stream, "\n") {
		var e struct {
			Type    string
			Delta   json.RawMessage
			Choices []struct {
				Text  string
				Delta struct{ Content string }
			}
		}
		if data, ok := strings.CutPrefix(line, "data: "); !ok || json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		for _, c := range e.Choices {
			text += c.Text + c.Delta.Content
		}
		var words string
		var block struct{ Text string }
		if e.Type == "response.output_text.delta" && json.Unmarshal(e.Delta, &words) == nil {
			text += words
		} else if e.Type == "content_block_delta" && json.Unmarshal(e.Delta, &block) == nil {
			text += block.Text
		}
	}
	return text
}

// A fixture and an echo say the same in every operation, whole and streamed, and cost what their text has of tokens.
func TestFixturesEverywhere(t *testing.T) {
	said := "It is \"sunny\", 21 °C — 晴れ 🌞.\nBring nothing."
	quoted, _ := json.Marshal(said)
	fixed := rules(t, fmt.Sprintf("rules: [{match: {user: weather}, answer: {text: %s}}]", quoted))
	inLab(t, Config{Deployments: everyModel(), Fixtures: fixed}, func(l *lab) {
		for _, op := range everywhere {
			for _, c := range []struct{ user, mode string }{{`"weather"`, "fixtures"}, {string(quoted), "echo"}} {
				status, _, whole := l.say(op.path, fmt.Sprintf(op.body, c.user, ""), contentHeader, c.mode)
				want := fmt.Sprintf(op.whole, strings.NewReplacer("<", "\\u003c").Replace(string(quoted)))
				if status != 200 || !strings.Contains(whole, want) {
					l.Errorf("%s %s: %d %s\nhas no %s", op.name, c.mode, status, whole, want)
				}
				status, _, stream := l.say(op.path, fmt.Sprintf(op.body, c.user, `,"stream":true`), contentHeader, c.mode)
				if got := spoken(stream); status != 200 || got != said {
					l.Errorf("%s %s: %d %q of %.300s", op.name, c.mode, status, got, stream)
				}
			}
		}
		for i, a := range l.ledger() {
			model := everyModel()[a.Backend].Model
			encoding, err := tokens.NewBPE(tokens.ModelOrNewest(model).Encoding)
			if err != nil {
				l.Fatal(err)
			}
			if want := encoding.Count(said); a.CompletionTokens != int64(want) {
				l.Errorf("attempt %d on %s: %d tokens, want %d", i, model, a.CompletionTokens, want)
			}
		}
	})
}

// What rules say to what is asked: texts, calls, errors, finish reasons, and what there is without them.
func TestFixtures(t *testing.T) {
	fixed := rules(t, `
rules:
  - match: {user: {contains: weather}, after_tool: false}
    answer: {tool_calls: [{name: get_weather, arguments: '{"city":"Paris"}'}, {name: get_time}]}
  - {match: {after_tool: true}, answer: {text: "It rains."}}
  - {match: {user: limit}, answers: [{error: {status: 429, code: RateLimitReached, message: slow down, retry_after: 1500ms}}, {text: "now"}]}
  - {match: {user: verbatim}, answer: {error: {status: 418, body: '{"tea":true}'}}}
  - {match: {user: cut}, answer: {text: "cut off", finish: length}}
  - {match: {user: filtered}, answer: {text: "bad", finish: content_filter}}
  - {match: {user: empty}, answer: {text: ""}}
  - {match: {user: both}, answer: {text: "Let me see.", tool_calls: [{name: f}]}}
  - {match: {operation: embeddings, user: fail}, answer: {error: {status: 500}}}
  - {match: {headers: [{name: x-test, value: seven}]}, answer: {text: "seven ${deployment}"}}
`)
	user := func(text string) string {
		return `{"model":"chat","messages":[{"role":"user","content":"` + text + `"}]}`
	}
	const chat, anthropic = "/openai/v1/chat/completions", "/anthropic/v1/messages"
	claude := func(text string) string {
		return `{"model":"claude","max_tokens":100,"messages":[{"role":"user","content":"` + text + `"}]}`
	}
	inLab(t, Config{Deployments: everyModel(), Fixtures: fixed}, func(l *lab) {
		for _, c := range []struct {
			path, body string
			status     int
			want       string
		}{
			{chat, user("the weather"), 200, `"function":{"arguments":"{\"city\":\"Paris\"}","name":"get_weather"}`},
			{chat, user("the weather"), 200, `"finish_reason":"tool_calls"`},
			{chat, `{"model":"chat","messages":[{"role":"user","content":"the weather"},{"role":"tool","tool_call_id":"1","content":"x"}]}`, 200, `"content":"It rains."`},
			{anthropic, claude("the weather"), 200, `"id":"toolu_`},
			{anthropic, claude("the weather"), 200, `"stop_reason":"tool_use"`},
			{chat, user("limit"), 429, `{"error":{"code":"RateLimitReached","message":"slow down"}}`},
			{chat, user("limit"), 200, `"content":"now"`},
			{chat, user("verbatim"), 418, `{"tea":true}`},
			{anthropic, claude("verbatim"), 418, `{"tea":true}`},
			{chat, user("cut"), 200, `"finish_reason":"length"`},
			{anthropic, claude("cut"), 200, `"stop_reason":"max_tokens"`},
			{chat, user("filtered"), 200, `"finish_reason":"content_filter"`},
			{chat, user("empty"), 200, `"content":""`},
			{chat, user("both"), 200, `"content":"Let me see.","refusal":null,"role":"assistant","tool_calls":[{`},
			{chat, user("nothing like it"), 200, `"content":"`},
			{"/openai/v1/embeddings", `{"model":"embed","input":"fail"}`, 500, `"message":"Internal Server Error"`},
			{"/openai/v1/embeddings", `{"model":"embed","input":"the weather"}`, 200, `"embedding":[`},
			{chat, `{"model":"chat","max_tokens":1,"messages":[{"role":"user","content":"cut"}]}`, 200, `"content":"cut"`},
		} {
			if status, _, text := l.say(c.path, c.body); status != c.status || !strings.Contains(text, c.want) || !json.Valid([]byte(text)) {
				l.Errorf("%s: %d %s\nwant %d %s", c.body, status, text, c.status, c.want)
			}
		}
		if _, _, text := l.say(chat, user("x"), "X-Test", "seven"); !strings.Contains(text, `"content":"seven chat"`) {
			l.Errorf("%s", text)
		}
		if _, _, text := l.say(chat, user("cut"), contentHeader, "generate"); strings.Contains(text, "cut off") {
			l.Errorf("%s", text)
		}
	})
	inLab(t, Config{Deployments: everyModel(), Fixtures: fixed}, func(l *lab) {
		if _, h, _ := l.say(chat, user("limit")); h.Get("Retry-After") != "2" || h.Get("Retry-After-Ms") != "1500" {
			l.Errorf("%v", h)
		}
		if len(l.ledger()) != 0 {
			l.Error("an error of a fixture reached a deployment")
		}
	})
}

// A miss is refused in strict mode with what was nearest, in the family's envelope; without it, the deployment answers.
func TestFixtureMiss(t *testing.T) {
	fixed := rules(t, `{strict: true, rules: [{name: rain, match: {user: {contains: rain}}, answer: {text: wet}}, {match: {deployment: x, model: y}, answer: {text: a}}]}`)
	inLab(t, Config{Deployments: everyModel(), Fixtures: fixed}, func(l *lab) {
		const why = `No fixture fits this request; the nearest is \"rain\": the user's text \"sun\" does not contain \"rain\".`
		for _, op := range everywhere {
			status, _, text := l.say(op.path, fmt.Sprintf(op.body, `"sun"`, ""))
			if status != 400 || !strings.Contains(text, why) || op.name == "messages" != strings.Contains(text, `"type":"error"`) {
				l.Errorf("%s: %d %s", op.name, status, text)
			}
		}
		if status, _, text := l.say("/openai/v1/embeddings", `{"model":"embed","input":"sun"}`); status != 400 || !strings.Contains(text, "embeddings have none") {
			l.Errorf("%d %s", status, text)
		}
	})
}

// The header and the deployment choose the mode; what neither knows is refused.
func TestContentModes(t *testing.T) {
	parrot := swift("chat")
	parrot.Content = "echo"
	body := `{"model":"chat","messages":[{"role":"user","content":"Polly"},{"role":"assistant","content":"x"}]}`
	inLab(t, Config{Deployments: []deployment.Config{parrot, embedder()}}, func(l *lab) {
		for _, c := range []struct {
			header []string
			status int
			echoes bool
		}{
			{nil, 200, true},
			{[]string{contentHeader, "echo"}, 200, true},
			{[]string{contentHeader, "generate"}, 200, false},
			{[]string{contentHeader, "fixtures"}, 400, false},
			{[]string{contentHeader, "parrot"}, 400, false},
		} {
			status, _, text := l.say("/openai/v1/chat/completions", body, c.header...)
			if status != c.status || strings.Contains(text, `"content":"Polly"`) != c.echoes {
				l.Errorf("%v: %d %s", c.header, status, text)
			}
		}
		if status, _, text := l.say("/openai/v1/embeddings", `{"model":"embed","input":"a"}`, contentHeader, "echo"); status != 200 {
			l.Errorf("%d %s", status, text)
		}
	})
}

// A delay holds the request back, and ends when the client leaves.
func TestFixtureDelay(t *testing.T) {
	fixed := rules(t, `rules: [{match: {user: later}, answer: {text: now, delay: 7s}}, {match: {user: fail}, answer: {error: {status: 503}, delay: 9s}}, {answer: {delay: 3s}}]`)
	inLab(t, Config{Deployments: []deployment.Config{swift("chat")}, Fixtures: fixed}, func(l *lab) {
		for _, c := range []struct {
			user string
			wait time.Duration
		}{{"later", 7 * time.Second}, {"fail", 9 * time.Second}, {"other", 3 * time.Second}} {
			began := time.Now()
			l.say("/openai/v1/chat/completions", `{"model":"chat","max_tokens":3,"messages":[{"role":"user","content":"`+c.user+`"}]}`)
			if took := time.Since(began); took < c.wait || took > c.wait+100*time.Millisecond {
				l.Errorf("%s took %v", c.user, took)
			}
		}
	})
}

// Mistakes of rules written in Go are told by their path.
func TestFixturesOfGo(t *testing.T) {
	_, err := New(Config{Deployments: []deployment.Config{standard("a")}, Fixtures: fixture.Config{Rules: []fixture.Rule{{}, {Answer: &fixture.Answer{Finish: "stop"}}}}})
	if err == nil || !strings.Contains(err.Error(), "fixtures.rules[0]: a rule has one of answer and answers") || !strings.Contains(err.Error(), "fixtures.rules[1].answer") {
		t.Errorf("%v", err)
	}
}
