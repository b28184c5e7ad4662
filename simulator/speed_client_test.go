//go:build linux

package simulator

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/internal/proctest"
)

const speedConnections, speedRound = 64, 2 * time.Second

// rates are answers, or events where they stream: in a second of the round, and of the server's processor time.
type rates struct{ second, processor float64 }

// rate has 64 connections send requests one after the other for a round.
func (p *speedProcess) rate(t *testing.T, requests [][]byte) rates {
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
	ran, began := proctest.Processor(t, p.pid), time.Now()
	until = began.Add(speedRound)
	close(begin)
	for range speedConnections {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return rates{float64(units.Load()) / time.Since(began).Seconds(), float64(units.Load()) / (proctest.Processor(t, p.pid) - ran).Seconds()}
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
	before := proctest.Resident(t, p.pid)
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
	return float64(proctest.Resident(t, p.pid)-before) / streams
}
