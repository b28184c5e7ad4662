//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/internal/proctest"
)

// client is one connection to a front.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (f *front) dial(t *testing.T) *client {
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{conn, bufio.NewReaderSize(conn, 4<<10)}
}

// prompts are 10,000 bodies of 1 KB, no two alike.
func prompts() [][]byte {
	dice := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if")
	list := make([][]byte, 10_000)
	for i := range list {
		var text strings.Builder
		for text.Len() < 800 {
			text.WriteString(words[dice.IntN(len(words))] + " ")
		}
		list[i] = fmt.Appendf(nil, `{"model":"gpt-4.1","max_tokens":100,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"%s%x"}]}`, text.String(), dice.Uint64())
	}
	return list
}

// request returns a request of a body as it goes to a front; pace "": for a whole answer.
func (f *front) request(body []byte, pace, backend string) []byte {
	if pace != "" {
		body = append([]byte(`{"stream":true,`), body[1:]...)
		pace = paceHeader + ": " + pace + "\r\n"
	}
	if f.name == "Portkey" {
		pace += "x-portkey-provider: openai\r\nx-portkey-custom-host: http://" + backend + "/v1\r\n"
	}
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nApi-Key: k\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", f.path, pace, len(body)), body...)
}

// head reads the head of an answer, and returns its length; -1: it comes in chunks.
func (c *client) head() (int, error) {
	line, err := c.in.ReadSlice('\n')
	if err == nil && !bytes.Contains(line, []byte(" 200 ")) {
		return 0, fmt.Errorf("answered %s", line)
	}
	length := -1
	for err == nil && len(line) > 2 {
		if line, err = c.in.ReadSlice('\n'); len(line) > 16 && bytes.EqualFold(line[:16], []byte("Content-Length: ")) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[16:])))
		}
	}
	return length, err
}

// chunk reads one chunk of the transfer, and returns how many events begin in it; false: it was the last.
func (c *client) chunk() (events int, more bool, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
	if err != nil {
		return 0, false, err
	}
	for left := int(size) + 2; left > 0; {
		part, err := c.in.Peek(min(left, c.in.Size()))
		if err != nil {
			return 0, false, err
		}
		events += bytes.Count(part, []byte("data: "))
		left -= len(part)
		c.in.Discard(len(part))
	}
	return events, size > 0, nil
}

// ask sends a request and reads all of its answer.
func (c *client) ask(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	length, err := c.head()
	if err != nil || length >= 0 {
		c.in.Discard(max(length, 0))
		return err
	}
	for more := true; more && err == nil; {
		_, more, err = c.chunk()
	}
	return err
}

// rate has connections send requests one after the other, and returns how many answers there were in a second, and what
// each took of the front's processor.
func (f *front) rate(t *testing.T, requests [][]byte, connections int, round time.Duration) (float64, time.Duration) {
	var done, next atomic.Int64
	clients := make([]*client, connections)
	for i := range clients {
		clients[i] = f.dial(t)
	}
	began, used := time.Now(), proctest.Processor(t, f.pid)
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			defer c.Close()
			for time.Since(began) < round {
				if err := c.ask(requests[next.Add(1)%int64(len(requests))]); err != nil {
					t.Errorf("%s: %v", f.name, err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	n := max(done.Load(), 1)
	return float64(n) / time.Since(began).Seconds(), (proctest.Processor(t, f.pid) - used) / time.Duration(n)
}

// latency is the time of an answer over one connection, of n in the middle.
func (f *front) latency(t *testing.T, requests [][]byte, n int) time.Duration {
	c := f.dial(t)
	defer c.Close()
	var times []time.Duration
	for i := range n {
		began := time.Now()
		if err := c.ask(requests[i]); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		times = append(times, time.Since(began))
	}
	return quantile(times, 0.5)
}

// streaming opens n streams that go on, one a millisecond, so that their chunks are spread over time, and returns when all
// have begun.
func (f *front) streaming(t *testing.T, n int, request []byte) (end func()) {
	var begun, all sync.WaitGroup
	begun.Add(n)
	clients := make([]*client, n)
	spread := time.NewTicker(time.Millisecond)
	defer spread.Stop()
	for i := range clients {
		<-spread.C
		c := f.dial(t)
		clients[i] = c
		all.Go(func() {
			started := false
			begin := func() {
				if !started {
					started = true
					begun.Done()
				}
			}
			defer begin()
			if _, err := c.Write(request); err != nil {
				t.Errorf("%s: %v", f.name, err)
				return
			}
			if _, err := c.head(); err != nil {
				t.Errorf("%s: %v", f.name, err)
				return
			}
			for {
				if _, more, err := c.chunk(); err != nil || !more {
					return // closed by end
				}
				begin()
			}
		})
	}
	begun.Wait()
	return func() {
		for _, c := range clients {
			c.Close()
		}
		all.Wait()
	}
}

// first is how long the first event of a stream takes, of n streams one after the other at quantile q.
func (f *front) first(t *testing.T, request []byte, n int, q float64) time.Duration {
	c := f.dial(t)
	defer c.Close()
	var times []time.Duration
	for range n {
		began, seen := time.Now(), 0
		_, err := c.Write(request)
		if err == nil {
			_, err = c.head()
		}
		for events, more := 0, true; err == nil && more; seen += events {
			if events, more, err = c.chunk(); events > 0 && seen == 0 {
				times = append(times, time.Since(began))
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
	}
	return quantile(times, q)
}
