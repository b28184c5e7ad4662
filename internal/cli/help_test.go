package cli

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// call runs one command within this process.
func call(args ...string) (out, err string, code int) {
	var o, e bytes.Buffer
	code = Main(args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return o.String(), e.String(), code
}

// commands are those that a person is shown.
func commands() []*cobra.Command {
	root := newRoot(Streams{})
	root.InitDefaultHelpCmd()
	return append(below(root), root)
}

// below returns the commands of a command, and theirs.
func below(c *cobra.Command) (all []*cobra.Command) {
	for _, one := range c.Commands() {
		all = append(append(all, one), below(one)...)
	}
	return all
}

func TestEveryCommandHelps(t *testing.T) {
	for _, c := range commands() {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		out, diagnostics, code := call(args...)
		if code != exitPass || diagnostics != "" {
			t.Errorf("%v: exit code %d, stderr %s", args, code, diagnostics)
		}
		for _, want := range []string{"Usage:\n  foundrylab", "Examples:\n  foundrylab", "Flags:\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v has no %q:\n%s", args, want, out)
			}
		}
		if c.HasParent() {
			if also, _, code := call(append([]string{"help"}, strings.Fields(c.CommandPath())[1:]...)...); code != exitPass || also != out {
				t.Errorf("help on %s (exit code %d) differs from %v:\n%s", c.CommandPath(), code, args, also)
			}
		}
	}
}

func TestHelpWithoutArguments(t *testing.T) {
	out, _, code := call()
	for _, want := range []string{"Exit codes: 0 pass", "ptu-outage, trace-replay", "FOUNDRYLAB_OUT", "Available Commands:"} {
		if code != exitPass || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in:\n%s", code, want, out)
		}
	}
}

// TestExamplesParse holds the examples of the help texts against the commands.
func TestExamplesParse(t *testing.T) {
	n := 0
	for _, c := range commands() {
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(line, " > ")
			words := strings.Fields(line)
			if len(words) == 0 || words[0] != "foundrylab" {
				continue
			}
			n++
			root := newRoot(Streams{})
			root.InitDefaultHelpCmd()
			about, rest, err := root.Find(words[1:])
			if err == nil {
				err = about.ParseFlags(rest)
			}
			if err == nil {
				err = about.ValidateArgs(about.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %v", strings.TrimSpace(line), err)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d examples were looked at", n)
	}
}

// TestEveryOptionIsInTheEnvironment holds the list of options that variables
// set against the flags, as the help texts show them.
func TestEveryOptionIsInTheEnvironment(t *testing.T) {
	flags := []string{}
	for _, c := range commands() {
		for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([a-z-]+)`).FindAllStringSubmatch(c.Flags().FlagUsages(), -1) {
			flags = append(flags, m[1])
		}
	}
	slices.Sort(flags)
	flags = slices.DeleteFunc(slices.Compact(flags), func(name string) bool { return slices.Contains([]string{"help", "version", "set"}, name) })
	if want := slices.Sorted(slices.Values(settable)); !slices.Equal(flags, want) {
		t.Errorf("the flags are %v, the environment sets %v", flags, want)
	}
}

func TestVersion(t *testing.T) {
	out, _, code := call("--version")
	if code != exitPass || !regexp.MustCompile(`^foundrylab version \S+\n$`).MatchString(out) {
		t.Errorf("exit code %d: %q", code, out)
	}
}
