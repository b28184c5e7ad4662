// Package redistest starts Redis servers for tests: real ones, each on a port
// and in a folder of its own.
package redistest

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// Server is a redis-server that a test has started. Not safe for concurrent
// use.
type Server struct {
	Addr string // host and port, the same after a restart
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

// Start starts a server that keeps nothing on disk, with more arguments as a
// command line has them. It ends with the test. Without redis-server the test
// is skipped.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("no redis-server in PATH: tools/setup-test.sh installs it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), t: t, dir: t.TempDir(), args: args}
	l.Close()
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// URL returns the address as --state takes it.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Kill ends the server at once; what it knew is lost.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts the server again, empty, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	host, port, _ := net.SplitHostPort(s.Addr)
	s.cmd = exec.Command("redis-server", append([]string{"--port", port, "--bind", host, "--dir", s.dir, "--save", "", "--appendonly", "no"}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 500 {
		if s.answers() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("redis-server does not answer")
}

func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "PING\r\n")
	n, err := conn.Read(make([]byte, 16))
	return err == nil && n > 0 // also where it wants a password first
}
