package simulator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// enveloped holds a refusal against the envelope of its operation: a message, and in Anthropic's a type too.
func enveloped(t testing.TB, operation, body string) {
	t.Helper()
	var e struct {
		Type, Request_ID string
		Error            struct {
			Message, Type string
			Code          any
		}
	}
	err := json.Unmarshal([]byte(body), &e)
	anthropic := e.Type == "error" && e.Error.Type != ""
	if err != nil || e.Error.Message == "" || (operation == "messages") != anthropic {
		t.Errorf("%s: %v, no envelope of the service: %.300s", operation, err, body)
	}
}

// nested is a value that is so many lists deep.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// Whatever a body holds, the answer is the right status in the right envelope.
func TestBadBodies(t *testing.T) {
	all := append(everywhere[:len(everywhere):len(everywhere)], struct{ name, path, body, whole string }{"embeddings", "/openai/v1/embeddings", `{"model":"embed","input":%s%s}`, ""})
	// the status that is wanted, 0 where 200 and 400 are both right
	for name, body := range map[string]func(valid string) (string, int){
		"empty":             func(string) (string, int) { return "", 400 },
		"blanks":            func(string) (string, int) { return " \n ", 400 },
		"null":              func(string) (string, int) { return "null", 400 },
		"a list":            func(v string) (string, int) { return "[" + v + "]", 400 },
		"a text":            func(string) (string, int) { return `"hello"`, 400 },
		"half":              func(v string) (string, int) { return v[:len(v)/2], 400 },
		"without its end":   func(v string) (string, int) { return v[:len(v)-1], 400 },
		"two":               func(v string) (string, int) { return v + v, 400 },
		"with a comma more": func(v string) (string, int) { return v[:len(v)-1] + ",}", 400 },
		"single quotes":     func(v string) (string, int) { return strings.ReplaceAll(v, `"`, "'"), 400 },
		"invalid UTF-8":     func(v string) (string, int) { return strings.Replace(v, "hello", "h\xffllo", 1), 400 },
		"a lone surrogate":  func(v string) (string, int) { return strings.Replace(v, "hello", `\ud800`, 1), 0 },
		"a NUL":             func(v string) (string, int) { return strings.Replace(v, "hello", `\u0000`, 1), 200 },
		"a byte order mark": func(v string) (string, int) { return "\xef\xbb\xbf" + v, 400 },
		"deep":              func(v string) (string, int) { return v[:len(v)-1] + `,"metadata":` + nested(5000) + "}", 0 },
		"deeper":            func(v string) (string, int) { return v[:len(v)-1] + `,"metadata":` + nested(100_000) + "}", 400 },
		"deep tools":        func(v string) (string, int) { return v[:len(v)-1] + `,"tools":` + nested(9000) + "}", 0 },
		"model is a number": func(v string) (string, int) { return strings.Replace(v, `"model":"`, `"model":7,"x":"`, 1), 400 },
		"model is null":     func(v string) (string, int) { return strings.Replace(v, `"model":"`, `"model":null,"x":"`, 1), 400 },
		"text is a number":  func(v string) (string, int) { return strings.Replace(v, `"hello"`, "7.5", 1), 400 },
		"text is an object": func(v string) (string, int) { return strings.Replace(v, `"hello"`, `{"a":1}`, 1), 400 },
		"text is a boolean": func(v string) (string, int) { return strings.Replace(v, `"hello"`, "true", 1), 400 },
		"stream is a text":  func(v string) (string, int) { return v[:len(v)-1] + `,"stream":"yes"}`, 0 }, // embeddings have none
		"max is a text": func(v string) (string, int) {
			return v[:len(v)-1] + `,"max_tokens":"many","max_output_tokens":"many","dimensions":"many"}`, 400
		},
		"max is huge": func(v string) (string, int) {
			return v[:len(v)-1] + `,"max_tokens":1e99,"max_output_tokens":1e99,"dimensions":1e99}`, 400
		},
		"max is negative": func(v string) (string, int) {
			return v[:len(v)-1] + `,"max_tokens":-1,"max_output_tokens":-1,"dimensions":-1}`, 400
		},
		"10 MB": func(v string) (string, int) {
			return strings.Replace(v, "hello", strings.Repeat("hello ", 10<<20/6), 1), 400
		},
		"17 MB": func(v string) (string, int) { return strings.Replace(v, "hello", strings.Repeat("a", 17<<20), 1), 413 },
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
				for _, op := range all {
					text, want := body(fmt.Sprintf(op.body, `"hello"`, ""))
					status, _, answer := l.say(op.path, text)
					if status != want && (want != 0 || status != 200 && status != 400) {
						l.Errorf("%s: %d, want %d: %.300s", op.name, status, want, answer)
					}
					if status >= 400 {
						enveloped(l, op.name, answer)
					}
				}
				time.Sleep(time.Second) // a server lingers on connections with more to come
			})
		})
	}
}

// Messages have bad members in ways of their own.
func TestBadMessages(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"role":"user","content":"a"},`, 3000), ",")
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		for _, c := range []struct {
			messages string
			chat     int
			claude   int
		}{
			{`[]`, 400, 400},
			{`{}`, 400, 400},
			{`null`, 400, 400},
			{`[null]`, 400, 400},
			{`["hello"]`, 400, 400},
			{`[{"content":"hello"}]`, 400, 400},
			{`[{"role":"user"}]`, 400, 400},
			{`[{"role":"user","content":null}]`, 400, 400},
			{`[{"role":"user","content":[]}]`, 400, 400},
			{`[{"role":"user","content":[null]}]`, 400, 400},
			{`[{"role":"user","content":[{"type":"text"}]}]`, 400, 400},
			{`[{"role":"user","content":[{"type":"text","text":7}]}]`, 400, 400},
			{`[{"role":"wizard","content":"hello"}]`, 400, 400},
			{`[` + many + `]`, 400, 200},
		} {
			for path, want := range map[string]int{"/openai/v1/chat/completions": c.chat, "/anthropic/v1/messages": c.claude} {
				model, name := "chat", "chat"
				if want == c.claude && strings.HasPrefix(path, "/anthropic") {
					model, name = "claude", "messages"
				}
				status, _, body := l.say(path, `{"model":"`+model+`","max_tokens":9,"messages":`+c.messages+`}`)
				if status != want {
					l.Errorf("%.60s at %s: %d, want %d: %.200s", c.messages, path, status, want, body)
				}
				if status >= 400 {
					enveloped(l, name, body)
				}
			}
		}
	})
}

// A client that announces a body and does not send it is held for a minute and costs no memory for what it announced.
func TestSlowBodies(t *testing.T) {
	_, server := live(t, Config{Deployments: everyModel()})
	address := strings.TrimPrefix(server.URL, "http://")
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clients = 50
	for range clients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: a\r\nApi-Key: foundrylab-key\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", 15<<20)
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") { // it has begun to read
			t.Fatalf("%v: %s", err, line)
		}
	}
	runtime.ReadMemStats(&during)
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > clients*(256<<10) {
		t.Errorf("%d clients that send nothing cost %d MB", clients, grown>>20)
	}
}

// A body that does not come is given up on.
func TestBodyTimeout(t *testing.T) {
	inLab(t, Config{Deployments: everyModel()}, func(l *lab) {
		body, hold := io.Pipe()
		defer hold.Close()
		go hold.Write([]byte(`{"model":"chat",`))
		ctx, cancel := context.WithTimeout(l.Context(), 10*time.Minute)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "POST", "http://sim/openai/v1/chat/completions", body)
		r.Header.Set("Api-Key", "foundrylab-key")
		began := time.Now()
		resp, err := l.client.Do(r)
		if err != nil {
			l.Fatal(err)
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 408 || time.Since(began) != bodyTimeout || !bytes.Contains(answer, []byte("408")) {
			l.Errorf("%d after %v: %s", resp.StatusCode, time.Since(began), answer)
		}
		hold.Close()
		synctest.Wait()
	})
}
