//go:build linux

package simulator

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// speedProcess is a server in a process of its own.
type speedProcess struct {
	address string
	pid     int
}

func speedServer(t *testing.T, kind string) *speedProcess {
	cmd := exec.Command(os.Args[0], "-test.run=^TestSpeedServer$", "-test.v")
	cmd.Env = append(os.Environ(), "FOUNDRYLAB_SPEED_SERVER="+kind, "GOMAXPROCS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			go io.Copy(io.Discard, out)
			return &speedProcess{address, cmd.Process.Pid}
		}
	}
	t.Fatal("the server did not start")
	return nil
}

// TestSpeedServer is that process. It serves until its standard input ends.
func TestSpeedServer(t *testing.T) {
	kind := os.Getenv("FOUNDRYLAB_SPEED_SERVER")
	if kind == "" {
		t.Skip("TestSpeed runs it")
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	deployments := append(append(fastest(), fastest()...), fastest()...)
	deployments[1].Name, deployments[1].Latency.TokensPerS = "slow", 1
	deployments[2].Name, deployments[2].Latency.TokensPerS, deployments[2].Latency.Filter = "paced", pacedTokens, "asynchronous"
	s, err := New(Config{Deployments: deployments, Logger: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler = s
	if kind != "simulator" {
		handler = bareAnswers(s, kind == "barest")
		s.Close()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go (&http.Server{Handler: handler}).Serve(listener)
	fmt.Printf("listening %s\n", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// pacedTokens is the pace of the deployment that is named paced, in tokens a second. Its filter holds none back.
const pacedTokens = 400

// bareAnswers reads a request whole and writes what the simulator answered to one like it: the same headers, of the same
// values each time, and the same bytes. A stream is written event by event, each flushed; of the model slow one a second,
// of the model paced at its pace. The barest handler writes only the headers that a client needs.
func bareAnswers(s *Server, barest bool) http.Handler {
	whole, stream, paced := recorded(s, "a", false), recorded(s, "a", true), recorded(s, "paced", true)
	events := paced.events // of which two are due with the first token, and all from the last token on with that
	paced.events = append([][]byte{events[0], slices.Concat(events[1], events[2])}, events[3:25]...)
	paced.events = append(paced.events, slices.Concat(events[25:]...))
	if barest {
		whole.keep("Content-Type", "Content-Length")
		stream.keep("Content-Type")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body[:64], []byte(`"stream":true`)) {
			whole.head(w)
			w.Write(whole.events[0])
			return
		}
		stream, every := stream, time.Duration(0)
		switch {
		case bytes.Contains(body[:64], []byte(`"slow"`)):
			every = time.Second
		case bytes.Contains(body[:64], []byte(`"paced"`)):
			stream, every = paced, time.Second/pacedTokens
		}
		stream.head(w)
		flusher, due := w.(http.Flusher), time.Now()
		for _, event := range stream.events {
			w.Write(event)
			flusher.Flush()
			if due = due.Add(every); every > 0 {
				select {
				case <-time.After(time.Until(due)):
				case <-r.Context().Done():
					return
				}
			}
		}
	})
}

// recording is an answer that can be given again. A whole one is one event.
type recording struct {
	names  []string
	values [][]string
	events [][]byte
}

// recorded asks a Server for 24 tokens.
func recorded(s *Server, model string, streams bool) *recording {
	body := fmt.Sprintf(`{"model":"%s","max_tokens":24,"stream":%t,"messages":[{"role":"user","content":"Tell me a story."}]}`, model, streams)
	r := httptest.NewRequest("POST", "/openai/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Api-Key", "foundrylab-key")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	a := &recording{events: [][]byte{w.Body.Bytes()}}
	for name, value := range w.Header() {
		a.names, a.values = append(a.names, name), append(a.values, value)
	}
	if streams {
		a.events = bytes.SplitAfter(w.Body.Bytes(), []byte("\n\n"))
	}
	return a
}

// keep leaves out other headers than these.
func (a *recording) keep(names ...string) {
	all := *a
	a.names, a.values = nil, nil
	for i, name := range all.names {
		if slices.Contains(names, name) {
			a.names, a.values = append(a.names, name), append(a.values, all.values[i])
		}
	}
}

func (a *recording) head(w http.ResponseWriter) {
	h := w.Header()
	for i, name := range a.names {
		h[name] = a.values[i]
	}
}
