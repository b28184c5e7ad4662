package simulator

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// sdkScripts are the programs of the matrix: which client, and what it must say that it did.
var sdkScripts = []struct {
	name, script, clients, does string
	at                          func(reached) string
	run                         func(t *testing.T, script string) *exec.Cmd
}{
	{"openai python", "matrix_openai.py", "plain azure", "chat stream tool_loop parsed embeddings chain retry cancellation errors", atOpenAI, python},
	{"anthropic python", "matrix_anthropic.py", "anthropic", "chat stream tool_loop errors", atFoundry, python},
	{"openai node", "matrix.mjs", "plain azure", "chat stream tool_loop parsed embeddings chain retry cancellation errors", atOpenAI, node},
}

func atOpenAI(r reached) string  { return r.openai }
func atFoundry(r reached) string { return r.foundry }

// matrixDeployments are what the programs ask: tight has one request a second, slow and slow-claude take a minute, and each
// kind of failure has one of its own, so that a gateway that leaves it alone leaves nothing else alone.
func matrixDeployments() []deployment.Config {
	tight, slow, slowClaude := swift("tight"), swift("slow"), claude()
	tight.RPM = 60
	slow.Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms(1), P95: ms(1)}, TokensPerS: 10, Spread: 1, Filter: "asynchronous"}
	slowClaude.Name, slowClaude.Latency = "slow-claude", slow.Latency
	list := append(everyModel(), swift("chat-prod"), tight, slow, slowClaude)
	for _, status := range []string{"429", "503", "403", "outage"} {
		of := claude()
		of.Name = "claude-" + status
		list = append(list, swift("chat-"+status), of)
	}
	return list
}

// The official SDKs do what programs do with them, whichever way they come. They are installed from the package registries:
// make sdk.
func TestSDKMatrix(t *testing.T) {
	needSDKs(t)
	for _, road := range roads {
		for _, s := range sdkScripts {
			t.Run(road.name+"/"+s.name, func(t *testing.T) {
				var gone atomic.Int32
				at := road.open(t, Config{Auth: strict, Deployments: matrixDeployments(), Ledger: func(_ int, a record.Attempt) {
					if a.Reason == record.ClientGone && a.CompletionTokens > 0 && a.CompletionTokens < 100 {
						gone.Add(1)
					}
				}})
				cmd := s.run(t, s.script)
				cmd.Env = append(cmd.Env, at.env...)
				cmd.Args = append(cmd.Args, s.at(at), at.key, at.outage)
				out, err := cmd.CombinedOutput()
				t.Logf("%s", out)
				if err != nil {
					t.Fatal(err)
				}
				for client := range strings.FieldsSeq(s.clients) {
					for what := range strings.FieldsSeq(s.does) {
						if !strings.Contains(string(out), "ok "+client+" "+what+"\n") {
							t.Errorf("%s did not do: %s", client, what)
						}
					}
				}
				if want := strings.Count(s.does, "cancellation") * len(strings.Fields(s.clients)); int(gone.Load()) != want {
					t.Errorf("%d streams were cancelled, want %d", gone.Load(), want)
				}
			})
		}
	}
}

var updateTranscript = flag.Bool("transcript", false, "write docs/langchain.md anew")

const transcriptPage = "../docs/langchain.md"

// LangChain holds a streamed conversation with tools; docs/langchain.md is what it said, but for what is made up.
func TestLangChainConversation(t *testing.T) {
	needSDKs(t)
	for _, road := range roads {
		t.Run(road.name, func(t *testing.T) {
			cmd := python(t, "conversation.py")
			cfg := Default()
			cfg.Seed = 1
			at := road.open(t, cfg)
			cmd.Env = append(cmd.Env, at.env...)
			cmd.Args = append(cmd.Args, at.openai+"/openai/v1", at.key)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if *updateTranscript {
				writeTranscript(t, string(out))
			}
			if strings.Count(string(out), "calls get_weather(") < 2 || strings.Count(string(out), "> ") < 2 {
				t.Errorf("no conversation:\n%s", out)
			}
		})
	}
}

func writeTranscript(t *testing.T, said string) {
	program, err := os.ReadFile("testdata/sdk/conversation.py")
	if err != nil {
		t.Fatal(err)
	}
	page := "# A conversation with LangChain\n\nOnly base URL and key are those of the simulator. The program is\n" +
		"[conversation.py](../simulator/testdata/sdk/conversation.py); this page is written by it: `go test ./simulator -run LangChain -transcript`\n" +
		"with `FOUNDRYLAB_SDK=1`. `make sdk` runs it, and the SDKs of OpenAI and Anthropic beside it.\n\n## The program\n\n```python\n" + string(program) +
		"```\n\n## What it said\n\nTool calls come after the user has spoken, words after the tools' results; both are made up.\n\n```text\n" + strings.TrimSpace(said) + "\n```\n"
	if err := os.WriteFile(transcriptPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func needSDKs(t *testing.T) {
	t.Helper()
	if os.Getenv("FOUNDRYLAB_SDK") == "" {
		t.Skip("installs SDKs from the package registries: set FOUNDRYLAB_SDK=1, or run make sdk")
	}
}

// sdkDir is where SDKs are installed: FOUNDRYLAB_SDK_DIR, where they stay, or a directory of the test's own.
func sdkDir(t *testing.T) string {
	if dir := os.Getenv("FOUNDRYLAB_SDK_DIR"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// python is a command that runs a script with the SDKs installed; the test is skipped where they cannot be.
func python(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	dir := sdkDir(t)
	venv := filepath.Join(dir, "venv")
	install(t, venv, "", "python3", "-m", "venv", venv)
	install(t, filepath.Join(venv, "installed"), "", filepath.Join(venv, "bin", "pip"), "install", "-q", "openai", "anthropic", "langchain-openai", "pydantic")
	path, err := filepath.Abs(filepath.Join("testdata", "sdk", script))
	if err != nil {
		t.Fatal(err)
	}
	return limited(t, "", filepath.Join(venv, "bin", "python"), path)
}

// node is as python, with Node; the script is copied to where its modules are.
func node(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	dir := filepath.Join(sdkDir(t), "npm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	install(t, filepath.Join(dir, "node_modules", "openai"), dir, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "openai")
	text, err := os.ReadFile(filepath.Join("testdata", "sdk", script))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, script), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return limited(t, dir, "node", script)
}

// install runs a command unless what it makes is there, and skips the test where it cannot.
func install(t *testing.T, made, dir, name string, args ...string) {
	t.Helper()
	if _, err := os.Stat(made); err == nil {
		return
	}
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not here", name)
	}
	if out, err := limited(t, dir, name, args...).CombinedOutput(); err != nil {
		t.Skipf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	os.WriteFile(made, nil, 0o644) // where the command has made it, it is a directory and stays
}

// limited is a command that is ended after some minutes.
func limited(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(stop)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	for _, pair := range os.Environ() { // addresses and keys of the real services stay outside
		if !strings.HasPrefix(pair, "OPENAI_") && !strings.HasPrefix(pair, "AZURE_") && !strings.HasPrefix(pair, "ANTHROPIC_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}
