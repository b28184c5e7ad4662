//go:build linux

package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/tick"
)

const pacedJobVariable = "FOUNDRYLAB_PACED_SERVER" // a pacedJob, for the process that serves

// seen is one answer as the client saw it.
type seen struct {
	sent   tick.Instant
	tokens []tick.Instant
}

// watched is what a server had planned, and what a client saw of each answer.
type watched struct {
	paced
	seen []seen
}

// watch starts a server in a process of its own, with one thread, and lets clients ask it for one stream each; they
// begin evenly over a second. Both processes stamp by the clock of the machine.
func watch(t *testing.T, job pacedJob, streams int) (w watched) {
	t.Helper()
	text, _ := json.Marshal(job)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPacedServer$")
	cmd.Env = append(os.Environ(), pacedJobVariable+"="+string(text), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	address, err := out.ReadString('\n')
	if err != nil {
		t.Fatalf("the server's process: %q, %v", address, err)
	}
	answers := attend(t, strings.TrimSpace(address), streams, job.Tokens)
	stdin.Close()
	if err := json.NewDecoder(out).Decode(&w.paced); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(w.Planned) != streams {
		t.Fatalf("%d answers were planned for %d streams", len(w.Planned), streams)
	}
	for _, d := range w.Planned {
		w.seen = append(w.seen, answers[d.Key])
	}
	return w
}

// attend is the client: a socket and a goroutine for each stream.
func attend(t *testing.T, address string, streams, tokens int) []seen {
	clock := monotonicClock()
	all, failed := make([]seen, streams), make([]error, streams)
	conns := make([]net.Conn, streams)
	for i := range conns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	var clients sync.WaitGroup
	began := clock.Now()
	for i, conn := range conns {
		conn.SetDeadline(time.Now().Add(time.Minute))
		clients.Go(func() {
			pace.Timer(t.Context(), clock, began.Add(time.Duration(i)*time.Second/time.Duration(streams)))
			all[i], failed[i] = converseRaw(conn, clock, i, tokens)
		})
	}
	clients.Wait()
	for i, err := range failed {
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
	}
	return all
}

// converseRaw sends one request and reads its answer. An event came when the read that held its end returned.
func converseRaw(conn net.Conn, clock *drive.Clock, key, tokens int) (seen, error) {
	body := marked(uint64(key), tokens, streamed)
	request := fmt.Sprintf("POST /openai/deployments/a/chat/completions?api-version=2024-10-21 HTTP/1.1\r\nHost: sim\r\nApi-Key: foundrylab-key\r\n"+
		"X-Key: %d\r\nContent-Length: %d\r\n\r\n%s", key, len(body), body)
	s := seen{sent: clock.Now(), tokens: make([]tick.Instant, 0, tokens)}
	if _, err := io.WriteString(conn, request); err != nil {
		return s, err
	}
	stamped := &stampedReader{conn, clock, 0}
	resp, err := http.ReadResponse(bufio.NewReaderSize(stamped, 8<<10), nil)
	if err != nil {
		return s, err
	}
	if resp.StatusCode != 200 {
		return s, fmt.Errorf("answered %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if line := lines.Bytes(); bytes.Contains(line, []byte(`"delta":{"content":"`)) && !bytes.Contains(line, []byte(`"delta":{"content":""`)) {
			s.tokens = append(s.tokens, stamped.at)
		} else if string(line) == "data: [DONE]" {
			return s, nil
		}
	}
	return s, fmt.Errorf("the stream ended after %d tokens: %v", len(s.tokens), lines.Err())
}

// stampedReader knows when its last Read returned.
type stampedReader struct {
	io.Reader
	clock *drive.Clock
	at    tick.Instant
}

func (r *stampedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.at = r.clock.Now()
	return n, err
}
