package simulator

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// An open stream has given back its prompt, whatever the API, whether it is counted by a marker or word by word; a
// response that is to be stored has it until its end, and is then found with it.
func TestOpenStreamsForgetTheirPrompts(t *testing.T) {
	const streams, size = 8, 1 << 20
	text := strings.Repeat("many words ", size/11)
	for _, tt := range []struct {
		name, path, body string
		kept             bool
	}{
		{"chat", "/openai/v1/chat/completions", `{"model":"chat","stream":true,"messages":[{"role":"user","content":"` + text + `"}]}`, false},
		{"completions", "/openai/v1/completions", `{"model":"old","stream":true,"prompt":"` + text + `"}`, false},
		{"messages", "/anthropic/v1/messages", `{"model":"claude","stream":true,"max_tokens":99,"messages":[{"role":"user","content":"` + text + `"}]}`, false},
		{"responses, not stored", "/openai/v1/responses", `{"model":"chat","stream":true,"store":false,"input":"` + text + `"}`, false},
		{"responses", "/openai/v1/responses", `{"model":"chat","stream":true,"input":"` + text + `"}`, true},
		{"tools", "/openai/v1/chat/completions", `{"model":"chat","stream":true,"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","description":"` + text + `"}}]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deployments := everyModel()
			for i := range deployments {
				deployments[i].Latency.TokensPerS = 1
			}
			inLab(t, Config{Deployments: deployments, Checks: Lenient}, func(l *lab) {
				open := func() io.Closer {
					resp, err := l.do(l.Context(), "POST", tt.path, tt.body, "Api-Key", "foundrylab-key", "Anthropic-Version", "2023-06-01")
					if err != nil {
						l.Fatal(err)
					}
					if resp.StatusCode != 200 {
						l.Fatalf("%d %.300s", resp.StatusCode, readAll(l, resp))
					}
					return resp.Body
				}
				var all []io.Closer
				all = append(all, open()) // what is kept for all: tables, vocabularies
				before := heap()
				for range streams {
					all = append(all, open())
				}
				synctest.Wait()
				each := (heap() - before) / streams
				t.Logf("%d bytes each", each)
				if kept := each >= size; kept != tt.kept || !kept && each > size/8 {
					l.Errorf("an open stream has %d bytes, of a prompt of %d", each, size)
				}
				for _, body := range all {
					body.Close()
				}
			})
		})
	}
}

// heap is what is in use, in bytes.
func heap() int64 {
	var m runtime.MemStats
	for range 3 { // pools give back only what two collections have not seen used
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
