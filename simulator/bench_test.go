package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"foundrylab/simulator/content"
)

// BenchmarkWhole measures whole answers of 24 tokens over loopback, 64 clients at once, beside a bare net/http handler
// that reads the body and writes an answer of the same size. A simulated answer takes 0.3 ms at the least, three steps
// of the latency grid. vs-bare is the ratio of throughputs; the client's own work is in both.
func BenchmarkWhole(b *testing.B) {
	s, err := New(Config{Deployments: fastest()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	body := marked(1, 24, "")
	answer := content.NewChat(content.Reply{OutputTokens: 24, Model: "gpt-4.1-2025-04-14", Fingerprint: "fp_0123456789"}).AppendBody(nil)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = applicationJSON
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(answer))}
		w.Write(answer)
	})
	var perSecond [2]float64
	for i, h := range []http.Handler{bare, s} {
		b.Run([]string{"bare", "simulator"}[i], func(b *testing.B) {
			server := httptest.NewServer(h)
			defer server.Close()
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			b.SetParallelism(32)
			b.ReportAllocs()
			b.ResetTimer()
			began := time.Now()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, _ := http.NewRequest("POST", server.URL+"/openai/deployments/a/chat/completions?api-version=2024-10-21", strings.NewReader(body))
					r.Header.Set("Api-Key", "foundrylab-key")
					resp, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode != 200 {
						b.Errorf("answered %s", resp.Status)
						return
					}
				}
			})
			perSecond[i] = float64(b.N) / time.Since(began).Seconds()
			b.ReportMetric(perSecond[i], "req/s")
			if i == 1 {
				b.ReportMetric(perSecond[1]/perSecond[0], "vs-bare")
			}
		})
	}
}
