//go:build linux

package bench

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// serverEnv says, in a process of its own, what TestServer is to be.
const serverEnv = "FOUNDRYLAB_BENCH_SERVER"

// paceHeader of a request says how many chunks the backend is to send, and how far apart.
const paceHeader = "X-Bench-Pace"

// TestServer is a backend, or the standard library's proxy in front of the backend that its environment names. It serves
// until its standard input ends.
func TestServer(t *testing.T) {
	var handler http.Handler
	kind, backend, _ := strings.Cut(os.Getenv(serverEnv), " ")
	switch kind {
	case "backend":
		handler = http.HandlerFunc(answer)
	case "ReverseProxy":
		handler = reverseProxy(t, backend)
	default:
		t.Skip("TestGateway runs it")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go (&http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}).Serve(listener)
	fmt.Printf("listening %s\n", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// What the backend says: 682 bytes, or chunks of 288 bytes.
var (
	whole = `{"id":"chatcmpl-` + strings.Repeat("a", 29) + `","object":"chat.completion","model":"gpt-4.1","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"` +
		strings.Repeat("word ", 87) + `"}}],"usage":{"completion_tokens":87,"prompt_tokens":170,"total_tokens":257}}`
	chunk = `data: {"choices":[{"delta":{"content":"` + strings.Repeat("x", 212) + `"},"finish_reason":null,"index":0}]}` + "\n\n"
	final = `data: {"choices":[{"delta":{},"finish_reason":"stop","index":0}]}` + "\n\ndata: [DONE]\n\n"
)

// The paths of backends that never answer well begin like this.
const (
	failing  = "/failing"
	refusing = "/refusing"
)

func answer(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	switch {
	case strings.HasPrefix(r.URL.Path, failing):
		http.Error(w, `{"error":{"code":"InternalServerError","message":"The server had an error."}}`, http.StatusInternalServerError)
		return
	case strings.HasPrefix(r.URL.Path, refusing):
		http.Error(w, `{"error":{"code":"Conflict","message":"Not now."}}`, http.StatusConflict)
		return
	}
	var chunks int
	var apart time.Duration
	if n, _ := fmt.Sscanf(r.Header.Get(paceHeader), "%d/%d", &chunks, &apart); n != 2 {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, whole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	var next <-chan time.Time
	if apart > 0 {
		ticker := time.NewTicker(apart)
		defer ticker.Stop()
		next = ticker.C
	}
	for i := range chunks {
		if i > 0 && next != nil {
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
		io.WriteString(w, chunk)
		flusher.Flush()
	}
	io.WriteString(w, final)
}

// reverseProxy is the standard library's proxy, as well set up as can be: it keeps its connections, has a pool of
// buffers, and flushes at once. golang/go#40747 can still cut its streams.
func reverseProxy(t *testing.T, backend string) http.Handler {
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1 << 16, DisableCompression: true},
		FlushInterval: -1,
		BufferPool:    &buffers{},
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[8 << 10]byte); ok {
		return p[:]
	}
	return make([]byte, 8<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[8 << 10]byte)(p)) }
