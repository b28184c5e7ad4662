//go:build linux

package bench

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// front is what stands before the backend, in a process of its own.
type front struct {
	name, address, path string
	pid                 int
}

// streams reports whether a front's streams are measured: Portkey takes no 500 at that pace, and those of a gateway with
// failing backends are those of the one without.
func (f *front) streams() bool { return f.name != "Portkey" && !strings.HasPrefix(f.name, " ") }

// kinds are the fronts there can be; start returns the command, or why there is none.
var kinds = []struct {
	name  string
	path  string
	start func(t *testing.T, listen, backend string) (cmd *exec.Cmd, why string)
}{
	{"direct", classic, nil},
	{"gateway", classic, startGateway},
	{"  failed over", classic, startFailedOver},
	{"  retrying", classic, startRetrying},
	{"ReverseProxy", classic, nil},
	{"nginx", classic, startNginx},
	{"haproxy", classic, startHaproxy},
	{"Portkey", "/v1/chat/completions", startPortkey},
}

const classic = "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21"

// fronts starts everything that is there, and says what is not.
func fronts(t *testing.T) (list []*front) {
	backend := serve(t, "backend", "1")
	for _, k := range kinds {
		switch {
		case k.name == "direct":
			list = append(list, &front{k.name, backend.address, k.path, backend.pid})
		case k.start == nil:
			f := serve(t, k.name+" http://"+backend.address, "0")
			f.name, f.path = k.name, k.path
			list = append(list, f)
		default:
			listen := freePort(t)
			cmd, why := k.start(t, listen, backend.address)
			if cmd == nil {
				t.Logf("SKIPPED: %s: %s", k.name, why)
				continue
			}
			begin(t, cmd)
			await(t, k.name, listen)
			list = append(list, &front{k.name, listen, k.path, cmd.Process.Pid})
		}
	}
	return list
}

// on returns a command bound to one core, where that is possible.
func on(core, name string, args ...string) *exec.Cmd {
	if path, err := exec.LookPath("taskset"); err == nil && os.Getenv("FOUNDRYLAB_BENCH_PIN") != "" {
		return exec.Command(path, append([]string{"-c", core, name}, args...)...)
	}
	return exec.Command(name, args...)
}

// begin starts a command that ends with the test; a Go program has one thread.
func begin(t *testing.T, cmd *exec.Cmd) {
	cmd.Env = append(append(os.Environ(), "GOMAXPROCS=1"), cmd.Env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// serve starts TestServer.
func serve(t *testing.T, what, core string) *front {
	cmd := on(core, os.Args[0], "-test.run=^TestServer$")
	cmd.Env = []string{serverEnv + "=" + what}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin(t, cmd)
	line := make([]byte, 100)
	n, err := out.Read(line)
	address, ok := strings.CutPrefix(string(line[:n]), "listening ")
	if !ok {
		t.Fatalf("%s did not start: %q, %v", what, line[:n], err)
	}
	return &front{name: what, address: strings.TrimSpace(address), path: classic, pid: cmd.Process.Pid}
}

func startGateway(t *testing.T, listen, backend string) (*exec.Cmd, string) {
	return startGatewayWith(t, listen, backend)
}

// startFailedOver starts a gateway whose first backend is out: it has gone over to the other, and asks the first one now and
// then whether it is back.
func startFailedOver(t *testing.T, listen, backend string) (*exec.Cmd, string) {
	return startGatewayWith(t, listen, backend, first(failing)...)
}

// startRetrying starts one whose first backend answers with a status that is retried and says nothing against it: every
// answer takes two attempts, as those at the beginning of an outage do.
func startRetrying(t *testing.T, listen, backend string) (*exec.Cmd, string) {
	return startGatewayWith(t, listen, backend, append(first(refusing), "\ngateway:\n", "\ngateway:\n  retry: {on: [409], budget: {share: 100%}}\n")...)
}

// first puts a backend whose paths begin like that before the other.
func first(prefix string) []string {
	return []string{"\nbackends:\n", "\nbackends:\n- {name: first, url: BACKEND" + prefix + ", deployment: gpt-4.1, model: gpt-4.1@2025-04-14}\n",
		"groups: [[gpt-4.1]]", "groups: [[first], [gpt-4.1]]"}
}

// startGatewayWith starts the gateway of gateway.yaml with some of its text replaced.
func startGatewayWith(t *testing.T, listen, backend string, replace ...string) (*exec.Cmd, string) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "foundrylab")
	if out, err := exec.Command("go", "build", "-o", binary, "foundrylab/cmd/foundrylab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile("gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		text = bytes.Replace(text, []byte(replace[i]), []byte(replace[i+1]), 1)
	}
	filled := strings.NewReplacer("LISTEN", listen, "BACKEND", "http://"+backend).Replace(string(text))
	cmd := on("0", binary, "gateway", write(t, dir, "gateway.yaml", filled), "--metrics", freePort(t))
	log, err := os.Create(filepath.Join(dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd.Stderr = log
	return cmd, ""
}

func startNginx(t *testing.T, listen, backend string) (*exec.Cmd, string) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		return nil, "it is not installed (apt-get install nginx-light)"
	}
	dir := t.TempDir()
	conf := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log /dev/null;
events { worker_connections 10000; }
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  keepalive_requests 100000000; client_body_buffer_size 64k;
  upstream backend { server %[2]s; keepalive 10000; keepalive_requests 100000000; }
  server { listen %[3]s reuseport; location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }
}`, dir, backend, listen)
	return on("0", binary, "-e", "/dev/null", "-c", write(t, dir, "nginx.conf", conf)), ""
}

func startHaproxy(t *testing.T, listen, backend string) (*exec.Cmd, string) {
	binary, err := exec.LookPath("haproxy")
	if err != nil {
		return nil, "it is not installed (apt-get install haproxy)"
	}
	conf := fmt.Sprintf(`global
  nbthread 1
  maxconn 5000
defaults
  mode http
  option http-no-delay
  http-reuse always
  timeout client 5m
  timeout server 5m
  timeout connect 5s
frontend f
  bind %s
  default_backend b
backend b
  server s %s
`, listen, backend)
	return on("0", binary, "-db", "-f", write(t, t.TempDir(), "haproxy.cfg", conf)), ""
}

// startPortkey runs the open-source gateway of Portkey, which tools/bench-gateway.sh has npm install.
func startPortkey(_ *testing.T, listen, _ string) (*exec.Cmd, string) {
	dir := os.Getenv("FOUNDRYLAB_PORTKEY")
	if dir == "" {
		return nil, "npm has not installed it (make bench-gateway does)"
	}
	_, port, _ := net.SplitHostPort(listen)
	cmd := on("0", "node", filepath.Join(dir, "node_modules/@portkey-ai/gateway/build/start-server.js"), "--port="+port, "--headless")
	cmd.Env = []string{"NODE_ENV=production", "TRUSTED_CUSTOM_HOSTS=127.0.0.1"}
	return cmd, ""
}

func write(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await returns when somebody listens.
func await(t *testing.T, name, address string) {
	for range 500 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("%s does not listen", name)
}
