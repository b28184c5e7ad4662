package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Clients that vanish in the middle of their streams take the backend's end of it along within 50 ms, over sockets too, and
// leave nothing behind. In the short form only the median is held to that, since other tests use the processor.
func TestVanishedClientsEndTheirAttempts(t *testing.T) {
	const n = 200
	var mu sync.Mutex
	ended := map[string]time.Time{}
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\n", contentEvent)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		mu.Lock()
		ended[r.Header.Get("X-Number")] = time.Now()
		mu.Unlock()
	})
	front := strings.TrimPrefix(listen(t, gatewayTo(t, listen(t, backend))), "http://")
	clients := make([]net.Conn, n)
	before := runtime.NumGoroutine()
	for i := range clients {
		conn, err := net.Dial("tcp", front)
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = conn
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nX-Number: %d\r\nContent-Length: %d\r\n\r\n%s", classic, i, len(chat), chat)
		in := bufio.NewReader(conn)
		for line := ""; !strings.HasPrefix(line, "data: "); {
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := make([]time.Time, n)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for i, conn := range clients {
		<-pace.C
		left[i] = time.Now()
		conn.Close()
	}
	over := func() bool { // other tests' goroutines end too: their number alone says nothing
		mu.Lock()
		defer mu.Unlock()
		return len(ended) == n && runtime.NumGoroutine() <= before
	}
	for wait := time.Now(); !over() && time.Since(wait) < 10*time.Second; {
		<-pace.C
	}
	mu.Lock()
	defer mu.Unlock()
	var took []time.Duration
	for i := range left {
		at, ok := ended[fmt.Sprint(i)]
		if !ok {
			t.Fatalf("the backend still serves client %d", i)
		}
		took = append(took, at.Sub(left[i]))
	}
	slices.Sort(took)
	held := took[n/2]
	if os.Getenv("FOUNDRYLAB_SOAK") != "" {
		held = took[n-1]
	}
	if held > 50*time.Millisecond {
		t.Errorf("half of them ended within %v, all within %v", took[n/2], took[n-1])
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, then %d", before, after)
	}
	t.Logf("half of them ended within %v, all within %v", took[n/2], took[n-1])
}
