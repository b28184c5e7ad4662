//go:build linux

package simulator

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/simulator/content"
)

// TestSpeed measures what a client gets of a server that has one thread: of the simulator, with exact counting of
// distinct prompts, limits, ledger, metrics and the access log, and of bare net/http handlers that answer the same bytes
// without thinking. Rounds take turns, and the median counts. What is asked:
//
//	whole answers:  0.5 of the bare handler's requests a second
//	streams:        0.6 of the bare handler's chunks a second
//	open streams:   1.1 times the bare handler's memory for each, at 4,000
//
// The first and the last are not reached yet (0.44 and 1.13 on 2026-11-26: a third of the time is headers, and the body's
// digest, deadline and count; headers and the call are 5 KB of a stream). The test says so, and fails where it gets worse.
func TestSpeed(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("measures for half a minute; make bench runs it")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	bare, ours := speedServer(t, "bare"), speedServer(t, "simulator")
	for _, c := range []struct {
		what       string
		streams    bool
		aim, worst float64
	}{{"whole answers", false, 0.5, 0.38}, {"streams", true, 0.6, 0.6}} {
		requests := speedRequests(c.streams)
		var rates [2][]float64
		for range 5 {
			rates[0] = append(rates[0], bare.rate(t, requests))
			rates[1] = append(rates[1], ours.rate(t, requests))
		}
		a, b := medianOf(rates[0]), medianOf(rates[1])
		t.Logf("%-14s bare %8.0f/s  simulator %8.0f/s  ratio %.2f  (bare %.0f, simulator %.0f)", c.what, a, b, b/a, rates[0], rates[1])
		if b/a < c.aim {
			t.Logf("%s: NOT REACHED: %.2f of the bare handler's, asked are %.2f", c.what, b/a, c.aim)
		}
		if b/a < c.worst {
			t.Errorf("%s: %.2f of the bare handler's, it was never below %.2f", c.what, b/a, c.worst)
		}
	}
	a, b := bare.perStream(t), ours.perStream(t)
	t.Logf("open streams    bare %8.0f B  simulator %8.0f B  ratio %.2f", a, b, b/a)
	if b > 1.1*a {
		t.Logf("open streams: NOT REACHED: %.2f times the bare handler's, asked are 1.10", b/a)
	}
	if b > 1.25*a {
		t.Errorf("an open stream takes %.0f B, %.2f times the bare handler's", b, b/a)
	}
}

func medianOf(list []float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// speedRequests are 10,000 requests of 1 KB each, no two alike.
func speedRequests(streams bool) [][]byte {
	dice := rand.New(rand.NewPCG(1, 2))
	requests := make([][]byte, 10_000)
	for i := range requests {
		text := content.AppendProse(nil, dice.Uint64(), 160)
		text = fmt.Appendf(text, " %x", dice.Uint64())
		more := ""
		if streams {
			more = `,"stream":true`
		}
		body := fmt.Sprintf(`{"model":"a","max_tokens":24%s,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"%s"}]}`, more, text)
		requests[i] = fmt.Appendf(nil, "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: sim\r\nApi-Key: foundrylab-key\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	return requests
}

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
	var handler http.Handler = bareAnswers()
	if kind == "simulator" {
		log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		deployments := append(fastest(), fastest()...)
		deployments[1].Name = "slow"
		deployments[1].Latency = swift("").Latency
		deployments[1].Latency.TokensPerS = 1
		s, err := New(Config{Deployments: deployments, Logger: zerolog.New(log)})
		if err != nil {
			t.Fatal(err)
		}
		handler = s
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go (&http.Server{Handler: handler}).Serve(listener)
	fmt.Printf("listening %s\n", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// bareAnswers reads a request and writes what the simulator would, known beforehand: a stream chunk by chunk, each
// flushed; or, of the model slow, one chunk a second.
func bareAnswers() http.Handler {
	chat := content.NewChat(content.Reply{OutputTokens: 24, Model: "gpt-4.1-2025-04-14", Fingerprint: "fp_0123456789", Obfuscation: true})
	whole := chat.AppendBody(nil)
	chunks := [][]byte{chat.AppendHead(nil), chat.AppendOpen(nil)}
	for k := range 24 {
		chunks = append(chunks, chat.AppendTokens(nil, k, k+1))
	}
	chunks = append(chunks, chat.AppendClose(nil))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body[:64], []byte(`"stream":true`)) {
			w.Header()["Content-Type"] = applicationJSON
			w.Header()["Content-Length"] = []string{strconv.Itoa(len(whole))}
			w.Write(whole)
			return
		}
		w.Header()["Content-Type"] = eventStream
		slow := bytes.Contains(body[:64], []byte(`"slow"`))
		flusher := w.(http.Flusher)
		for _, chunk := range chunks {
			w.Write(chunk)
			flusher.Flush()
			if slow {
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
					return
				}
			}
		}
	})
}

const speedConnections, speedRound = 64, 2 * time.Second

// rate has 64 connections send requests one after the other for a round, and returns how many answers there were in a
// second, or chunks of them where they stream.
func (p *speedProcess) rate(t *testing.T, requests [][]byte) float64 {
	var units, next atomic.Int64
	var connected sync.WaitGroup
	connected.Add(speedConnections)
	begin := make(chan struct{})
	done := make(chan error, speedConnections)
	var until time.Time
	for range speedConnections {
		go func() {
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				connected.Done()
				done <- err
				return
			}
			defer conn.Close()
			r := bufio.NewReaderSize(conn, 32<<10)
			connected.Done()
			<-begin
			for time.Now().Before(until) {
				if _, err := conn.Write(requests[next.Add(1)%int64(len(requests))]); err != nil {
					done <- err
					return
				}
				n, err := speedAnswer(r)
				if err != nil {
					done <- err
					return
				}
				units.Add(int64(n))
			}
			done <- nil
		}()
	}
	connected.Wait()
	began := time.Now()
	until = began.Add(speedRound)
	close(begin)
	for range speedConnections {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return float64(units.Load()) / time.Since(began).Seconds()
}

// speedAnswer reads one answer and returns 1, or how many events it had where it streams.
func speedAnswer(r *bufio.Reader) (int, error) {
	length := -1
	line, err := r.ReadSlice('\n')
	if err == nil && !bytes.Contains(line, []byte(" 200 ")) {
		return 0, fmt.Errorf("answered %s", line)
	}
	for err == nil && len(line) > 2 {
		if line, err = r.ReadSlice('\n'); bytes.HasPrefix(line, []byte("Content-Length: ")) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[16:])))
		}
	}
	if err != nil {
		return 0, err
	}
	if length >= 0 {
		_, err = r.Discard(length)
		return 1, err
	}
	events := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return 0, err
		}
		chunk, err := r.Peek(int(size) + 2)
		if err != nil {
			return 0, err
		}
		events += bytes.Count(chunk, []byte("data: "))
		r.Discard(len(chunk))
		if size == 0 {
			return events, nil
		}
	}
}

// perStream returns what an open stream takes of the server's memory, in bytes: 4,000 of them, against none.
func (p *speedProcess) perStream(t *testing.T) float64 {
	const streams = 4000
	request := []byte(`{"model":"slow","stream":true,"messages":[{"role":"user","content":"Tell me a long story, please."}]}`)
	request = append(fmt.Appendf(nil, "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: sim\r\nApi-Key: foundrylab-key\r\nContent-Length: %d\r\n\r\n", len(request)), request...)
	before := residentOf(t, p.pid)
	for range streams {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReaderSize(conn, 512).ReadSlice('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return float64(residentOf(t, p.pid)-before) / streams
}

func residentOf(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
