package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/simulator/replica/redistest"
)

// TestSimState: two processes with one Redis admit the tokens of one deployment together, 95 % of them at least and no
// more; the password of the Redis is nowhere to be read.
func TestSimState(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "hidden")
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte(busy), 0o644); err != nil {
		t.Fatal(err)
	}
	var urls []string
	var processes []*process
	for range 2 {
		p := start(t, "sim", file, "--log", "warn", "--state", "redis://:hidden@"+server.Addr+"/0", "--set", "faults=[]", "--set", "assert=[]",
			"--set", "backends[west].tpm=20k", "--set", "backends[west].rpm=600k", "--set", "backends[west].latency.tokens_per_s=100000")
		if line := until(t, p.out, "Limits are shared"); strings.TrimSpace(line) != "Limits are shared through redis://"+server.Addr+"/0" {
			t.Errorf("it says %s", line)
		}
		urls = append(urls, strings.Fields(until(t, p.out, "west"))[1])
		processes = append(processes, p)
	}
	if left := time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)); left < 4*time.Second {
		<-time.After(left) // all within one window
	}
	var admitted, refused atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(3 * time.Second)
	for u := range 16 {
		all.Go(func() {
			// 98 tokens at most and 2 for "Hello": 100 are charged
			const body = `{"model":"west","max_tokens":98,"messages":[{"role":"user","content":"Hello"}]}`
			for i := u; time.Now().Before(end); i++ {
				r, _ := http.NewRequestWithContext(t.Context(), "POST", urls[i%2]+"/openai/v1/chat/completions", strings.NewReader(body))
				r.Header.Set("Api-Key", "foundrylab-key")
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					admitted.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
					<-time.After(10 * time.Millisecond)
				default:
					t.Errorf("status %d", resp.StatusCode)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d of 200 admitted, %d refused", admitted.Load(), refused.Load())
	if n := admitted.Load(); n > 200 || n < 190 || refused.Load() == 0 {
		t.Errorf("%d admitted of 200, %d refused", n, refused.Load())
	}
	for _, p := range processes {
		if err := p.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if out, diagnostics, code := p.end(t); code != exitPass || strings.Contains(out+diagnostics, "hidden") {
			t.Errorf("exit code %d\n%s%s", code, out, diagnostics)
		}
	}
}
