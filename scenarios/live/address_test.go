package live

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/pipenet"
	"foundrylab/simulator/fault"
)

func outageOf(mode string) *fault.Config { return &fault.Config{Outage: &fault.Outage{Mode: mode}} }

// serving is an address that answers "here".
func serving(t *testing.T, network Network) *address {
	t.Helper()
	a := newAddress("a", "", network, t.Logf)
	a.expect([]fault.Config{*outageOf("refused")})
	if _, err := a.listen(); err != nil {
		t.Fatal(err)
	}
	a.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") })
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a) }()
	t.Cleanup(func() {
		shutdown(a.server)
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return a
}

// Overlapping outages of two modes: the address is there when none of them
// lasts, however they begin and end; and under a wrong one it is not touched.
func TestAddressComesBack(t *testing.T) {
	a := serving(t, loopback{})
	there := func() bool {
		conn, err := net.Dial("tcp", a.addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	for i, step := range []struct {
		mode   string
		begins bool
		want   bool
	}{
		{"reset", true, true}, {"refused", true, false}, {"refused", true, false}, {"refused", false, false}, {"unknown_host", true, false},
		{"refused", false, false}, {"unknown_host", false, true}, {"tls", true, true}, {"refused", true, false}, {"tls", false, false}, {"refused", false, true},
	} {
		a.fault(outageOf(step.mode), step.begins)
		if there() != step.want {
			t.Fatalf("step %d: connecting gets through: %v", i, !step.want)
		}
	}
}

// A connection that stands, idle or never used, is no way around an outage.
func TestNoConnectionSurvives(t *testing.T) {
	for _, mode := range []string{"refused", "unknown_host", "tls"} {
		a := serving(t, loopback{})
		fresh, err := net.Dial("tcp", a.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		idle, err := net.Dial("tcp", a.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		buf := make([]byte, 4096)
		if n, err := idle.Read(buf); err != nil || !strings.HasSuffix(string(buf[:n]), "here") {
			t.Fatal(string(buf[:n]), err)
		}
		for until := time.Now().Add(10 * time.Second); ; { // the server knows of both
			a.mu.Lock()
			n := len(a.fresh)
			a.mu.Unlock()
			if n == 1 {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("%d fresh connections", n)
			}
			runtime.Gosched()
		}
		a.fault(outageOf(mode), true)
		for name, conn := range map[string]net.Conn{"unused": fresh, "idle": idle} {
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if n, err := conn.Read(buf); err == nil || errors.Is(err, os.ErrDeadlineExceeded) || n > 0 {
				t.Errorf("%s: the %s connection stands: %v", mode, name, err)
			}
		}
		a.fault(outageOf(mode), false)
	}
}

// taken is a network whose port somebody else has for a while.
type taken struct {
	*pipes
	mu    sync.Mutex
	tries []time.Time
	until int
}

func (n *taken) Listen(name, addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tries = append(n.tries, time.Now())
	if len(n.tries) > 1 && len(n.tries) < n.until {
		return nil, errors.New("address already in use")
	}
	return n.pipes.Listen(name, addr)
}

// A port that is taken when an outage ends is asked for until it is free.
func TestAddressIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &taken{pipes: &pipes{listeners: map[string]*pipenet.Listener{}}, until: 4}
		a := serving(t, network)
		a.fault(outageOf("refused"), true)
		if _, err := network.Dial(t.Context(), "tcp", "a"); err == nil {
			t.Error("it listens")
		}
		a.fault(outageOf("refused"), false)
		time.Sleep(time.Second)
		synctest.Wait()
		if _, err := network.Dial(t.Context(), "tcp", "a"); err != nil {
			t.Error(err)
		}
		if len(network.tries) != 4 || network.tries[3].Sub(network.tries[1]) != 2*reopenEvery {
			t.Errorf("it asked at %v", network.tries)
		}
	})
}

// The name of a backend resolves for the gateway of the run alone, and not
// while a fault keeps it from that.
func TestNamesOfARun(t *testing.T) {
	a := serving(t, loopback{})
	a.named = true
	roads := newRoads(loopback{}, nil)
	host := hostOf(3)
	client := &http.Client{Transport: roads.transport}
	get := func(url string) (string, error) {
		resp, err := client.Get(url)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err
	}
	url := roads.lead(host, a, false)
	if text, err := get(url); text != "here" || err != nil {
		t.Fatal(text, err)
	}
	a.fault(outageOf("unknown_host"), true)
	var unknown *net.DNSError
	if _, err := get(url); !errors.As(err, &unknown) || !unknown.IsNotFound || unknown.Name != host {
		t.Errorf("during the fault: %v", err)
	}
	if conn, err := net.Dial("tcp", a.addr); err != nil {
		t.Errorf("the address itself is gone: %v", err)
	} else {
		conn.Close()
	}
	a.fault(outageOf("unknown_host"), false)
	if text, err := get(url); text != "here" || err != nil {
		t.Error(text, err)
	}
	if _, err := get("http://" + hostOf(4)); !errors.As(err, &unknown) {
		t.Errorf("a backend that there is not: %v", err)
	}
	roads.transport.CloseIdleConnections()
}

// Backends over TLS, real sockets, real certificates: a run like any other.
func TestRunOverTLS(t *testing.T) {
	var notes []string
	s := loadScenario(t, strings.Replace(lone, "%s", ", tls: true", 1)+"faults: [{name: f, backend: std, at: 1s, for: 500ms, outage: {mode: tls}}]\n")
	s.Duration /= 8
	summary, err := Run(t.Context(), s, Options{Note: func(format string, args ...any) { notes = append(notes, format) }})
	if err != nil {
		t.Fatal(err)
	}
	if r := summary.Result(); r.Totals.Requests < 5 || r.Totals.Succeeded != r.Totals.Requests || r.Backends[0].Attempts == 0 {
		t.Errorf("totals %+v", r.Totals)
	}
	if slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "TLS") }) {
		t.Errorf("notes %q", notes)
	}
}
