package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Same seed, same bytes: across processes, GOMAXPROCS and processors; another
// seed, other bytes. The arm64 binary runs under qemu-user.
func TestSameSeedSameBytes(t *testing.T) {
	dir := t.TempDir()
	binary := build(t, dir, "amd64")
	native := func() *exec.Cmd { return exec.Command(binary) }
	if runtime.GOARCH != "amd64" {
		t.Skip("NOT COMPARED: the test is written for an amd64 machine")
	}
	mixed := filepath.Join(dir, "mixed.yaml")
	if err := os.WriteFile(mixed, []byte(everything), 0o644); err != nil {
		t.Fatal(err)
	}
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		qemu, err = exec.LookPath("qemu-aarch64-static")
	}
	arm := ""
	if err == nil {
		arm = build(t, dir, "arm64")
	}
	for _, scenario := range []string{"ptu-outage", "trace-replay", mixed} {
		t.Run(filepath.Base(scenario), func(t *testing.T) {
			want := report(t, native(), scenario, "1", "42")
			for _, procs := range []string{"1", "2"} {
				if got := report(t, native(), scenario, procs, "42"); !bytes.Equal(got, want) {
					t.Errorf("another process with GOMAXPROCS=%s: other bytes", procs)
				}
			}
			if bytes.Equal(report(t, native(), scenario, "2", "43"), want) {
				t.Error("another seed gives the same bytes")
			}
			if arm == "" {
				t.Skip("NOT COMPARED with arm64: install Debian's qemu-user (make test does)")
			}
			if got := report(t, exec.Command(qemu, arm), scenario, "1", "42"); !bytes.Equal(got, want) {
				t.Error("arm64: other bytes")
			}
		})
	}
}

// everything uses what the shipped scenarios do not: closed loop, timeouts,
// gamma, round-robin, and every kind of fault.
const everything = `
version: 1
duration: 3m
warmup: 10s
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 50, utilization_window: 2s}
  - {name: std-a, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 180}
  - {name: std-b, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 180}
gateway:
  route: {policy: round-robin, groups: [[ptu], [std-a, std-b]]}
tenants:
  - {name: chat, weight: 3, arrivals: {poisson: {rate: 3/s}}, prompt: {uniform: {min: 100, max: 900}}, max_tokens: 200}
  - {name: burst, arrivals: {gamma: {rate: 1/s, cv: 3}}, prompt: {lognormal: {p50: 800, p99: 4000}}, max_tokens: 1.5x output, client: openai-go}
  - {name: users, users: 4, think: 700ms, prompt: 300, output: {exponential: {mean: 40}}, stream: false}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: outage, backend: ptu, at: 60s, for: 30s, outage: {}}
  - {name: errors, backend: std-a, at: 75s, for: 30s, probability: 50%, status: {code: 500}}
  - {name: slow, backend: std-b, at: 2m, for: 30s, latency: {add: 1s, jitter: 500ms}}
`

func build(t *testing.T, dir, arch string) string {
	t.Helper()
	out := filepath.Join(dir, "foundrylab-"+arch)
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building for %s: %v\n%s", arch, err, text)
	}
	return out
}

// report runs a scenario and returns its report.json.
func report(t *testing.T, cmd *exec.Cmd, scenario, procs, seed string) []byte {
	t.Helper()
	dir := t.TempDir()
	cmd.Args = append(cmd.Args, "run", scenario, "--quiet", "--seed", seed, "--out", dir)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+procs)
	text, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 10) { // another seed may fail an assertion
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	body, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}
