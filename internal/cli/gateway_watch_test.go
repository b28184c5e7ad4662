package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A gateway's file that changes is in force without a restart; one with mistakes
// is not, and each of them is told with its line.
func TestGatewayReadsItsFileAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	docsWrite(t, file, "version: 1\nlisten: {address: 127.0.0.1:0}\nbackends: [{name: east, url: http://127.0.0.1:1}]\ngateway: {route: {groups: [[east]]}}\n")
	p := start(t, "gateway", file)
	_, url, _ := strings.Cut(until(t, p.out, "The gateway is at "), "The gateway is at ")
	url, _, _ = strings.Cut(url, ",")
	health := func(want, never string) {
		t.Helper()
		resp, err := http.Get(url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), want) || strings.Contains(string(body), never) {
			t.Errorf("health is about other backends than %q: %s", want, body)
		}
	}
	health("east", "west")
	docsWrite(t, file, "version: 1\nlisten: {address: 127.0.0.1:1}\nbackends: [{name: west, url: http://127.0.0.1:1}]\ngateway: {route: {groups: [[west]]}}\n")
	until(t, p.err, "change at the next start only")
	until(t, p.err, "the configuration is in force")
	health("west", "east")
	docsWrite(t, file, "version: 1\nbackends: [{name: north, url: nowhere}]\ngateway: {route: {groups: [[south]]}}\n")
	for _, problem := range []string{"gateway.yaml:2:31: backends[0].url", `gateway.yaml:3:29: gateway.route.groups[0][0]: \"south\" is not among backends`} {
		if line := until(t, p.err, "has a mistake"); !strings.Contains(line, problem) {
			t.Errorf("%s: not %q", line, problem)
		}
	}
	health("west", "north")
	docsWrite(t, file, "version: 1\nbackends: [{name: north, url: http://127.0.0.1:1}]\ngateway: {route: {groups: [[north]]}}\n")
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, p.err, "the configuration is in force")
	health("north", "west")
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, _, code := p.end(t); code != 0 && code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
}
