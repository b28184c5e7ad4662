package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchChunks is the number of content events in a benchmarked stream, 288
// bytes each, written and flushed one by one without a pause.
const benchChunks = 120

// endOf is the last of an answer on the wire, by which the client knows it.
const (
	endOfBody   = `"total_tokens":27}}`
	endOfStream = "\r\n0\r\n\r\n"
)

func benchStream(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	event := strings.Replace(contentEvent, "Hi", "Hi"+strings.Repeat("x", 288-8-len(contentEvent)), 1)
	for range benchChunks {
		fmt.Fprintf(w, "data: %s\n\n", event)
		w.(http.Flusher).Flush()
	}
	fmt.Fprintf(w, "data: %s\n\ndata: [DONE]\n\n", finishEvent)
}

func benchBody(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	ok(w, r)
}

// BenchmarkNonStream and BenchmarkStream measure the same load against the
// backend itself, through the gateway, through one with timeouts, and through the standard library's proxy
// (given the body in memory, see bodyFirst).
// Client, proxy and backend share the processor, so only differences between the
// lines mean something: cpu-us/op is what the whole process used.
func BenchmarkNonStream(b *testing.B) { benchAll(b, benchBody, endOfBody) }

func BenchmarkStream(b *testing.B) { benchAll(b, benchStream, endOfStream) }

// bodyFirst reads the body into memory, without which the stock proxy now and
// then loses a request here too.
func bodyFirst(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func benchAll(b *testing.B, backend http.HandlerFunc, end string) {
	for _, clients := range []int{1, 64} {
		for _, front := range []struct {
			name string
			over func(backend string) http.Handler
		}{
			{"bare", func(string) http.Handler { return backend }},
			{"gateway", func(url string) http.Handler { return gatewayTo(b, url) }},
			{"timeouts", func(url string) http.Handler { return gatewayWithin(b, url, 10*time.Second) }},
			{"reverseproxy", func(url string) http.Handler { return bodyFirst(reverseProxy(b, url)) }},
		} {
			b.Run(fmt.Sprintf("%s/clients=%d", front.name, clients), func(b *testing.B) {
				benchmark(b, listen(b, front.over(listen(b, backend))), clients, end)
			})
		}
	}
}

// benchmark sends b.N requests over so many connections, from a client that
// does next to nothing.
func benchmark(b *testing.B, base string, clients int, end string) {
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", classic, len(chat), chat)
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	failed := make(chan error, clients)
	b.ReportAllocs()
	cpu := cpuTime()
	for b.ResetTimer(); clients > 0; clients-- {
		go func() { failed <- drain(strings.TrimPrefix(base, "http://"), request, end, work) }()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
}

// drain does the work there is over one connection.
func drain(addr, request, end string, work <-chan struct{}) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	buf := make([]byte, 64<<10)
	for range work {
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		have := 0 // bytes kept: the end of the answer may come in two reads
		for {
			n, err := conn.Read(buf[have:])
			if err != nil {
				return err
			}
			seen := buf[:have+n]
			if bytes.HasSuffix(seen, []byte(end)) {
				break
			}
			have = copy(buf, seen[max(0, len(seen)-len(end)):])
		}
	}
	return nil
}

// cpuTime is the processor time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
