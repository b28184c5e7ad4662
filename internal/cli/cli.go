// Package cli is the command line: arguments and streams in, exit code out.
// It is the only package that knows all others, and the only one that knows
// cobra and viper. viper reads process settings (flags, environment) and never
// a scenario: it lower-cases keys and has no line numbers.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"foundrylab/internal/yamlconf"
	"foundrylab/scenarios"
)

// Exit codes. When several apply, the first of: internal, usage, interrupted,
// void, failed, regression.
const (
	exitPass        = 0
	exitInternal    = 1
	exitUsage       = 2
	exitFailed      = 10
	exitRegression  = 11
	exitVoid        = 12
	exitInterrupted = 130
)

// Streams are where a command reads and writes: results to Out, progress and
// errors to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// exitError carries an exit code other than what the error's kind implies; a
// nil cause prints nothing.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// Main runs one command and returns its exit code. No panic leaves it.
func Main(args []string, s Streams) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(s.Err, "foundrylab: internal error: %v\nThis is a defect of foundrylab; please report it with the command and scenario that led here.\n", r)
			if os.Getenv("FOUNDRYLAB_DEBUG") != "" {
				panic(r)
			}
			code = exitInternal
		}
	}()
	root := newRoot(s)
	root.SetArgs(args)
	err := root.Execute()
	if _, _, unknown := root.Find(args); err != nil && unknown != nil {
		err = usage("%s\nSee: foundrylab --help", strings.TrimSpace(unknown.Error()))
	}
	return conclude(err, s.Err)
}

// conclude tells what went wrong and returns the exit code.
func conclude(err error, w io.Writer) int {
	var exit *exitError
	var problems yamlconf.Problems
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &problems):
		fmt.Fprintln(w, problems.Error())
		if n := len(problems); n > 1 {
			fmt.Fprintf(w, "%d problems; nothing was run or written.\n", n)
		}
		return exitUsage
	case errors.As(err, &exit):
		if exit.cause != nil {
			fmt.Fprintf(w, "foundrylab: %v\n", exit.cause)
		}
		return exit.code
	}
	fmt.Fprintf(w, "foundrylab: %v\n", err)
	return exitInternal
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "foundrylab",
		Short: "Develop, load-test, break and size a Microsoft Foundry workload and its gateway, without paying for Foundry",
		Long: `foundrylab simulates Microsoft Foundry (Azure OpenAI) deployments on the wire, in
limits, pace and failure; puts a reference gateway or your own in front; sends the
load of a scenario; and judges the run.

Where a scenario file is asked for, the name of a shipped one does as well:
` + strings.Join(scenarios.ShippedNames(), ", ") + `.

Every option but --set can also be set in the environment: --out is FOUNDRYLAB_OUT.
The command line comes first.

Exit codes: 0 pass, 1 internal error, 2 usage or invalid input, 10 assertion
failed, 11 regression against a baseline, 12 the generator fell behind (void),
130 interrupted.`,
		Example: `  foundrylab run ptu-outage --out out
  foundrylab sim
  foundrylab lint my-scenario.yaml`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Version:           version(),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%s\nSee: %s --help", plain(err), c.CommandPath())
	})
	root.SetHelpCommand(newHelp())
	root.AddCommand(newRun(), newSim(), newLint(), newExplain(), newSchema(), newCompare(), newGateway(), newToken(), newTokens(), newSnippets())
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return fromEnvironment(c) }
	return root
}

// fromEnvironment gives flags that were not set the values of FOUNDRYLAB_*
// variables, through viper.
func fromEnvironment(c *cobra.Command) error {
	v := viper.NewWithOptions(viper.EnvKeyReplacer(strings.NewReplacer("-", "_")))
	v.SetEnvPrefix("FOUNDRYLAB")
	v.AutomaticEnv()
	flags := c.Flags()
	for _, name := range settable {
		f := flags.Lookup(name)
		if f == nil || f.Changed || !v.IsSet(name) {
			continue
		}
		if err := flags.Set(name, v.GetString(name)); err != nil {
			return usage("FOUNDRYLAB_%s: %s", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), plain(err))
		}
	}
	return nil
}

// settable are the flags that an environment variable may set.
var settable = []string{"mode", "seed", "out", "target", "target-key", "target-model", "baseline", "max-regression", "record", "quiet", "listen", "log", "admin", "admin-key", "model", "encoding", "state", "state-away", "state-wait", "fixtures", "lenient", "only-deployed", "url", "key", "resources", "tls", "tls-dir", "aoai-simulator", "extension", "extension-timeout", "strict-auth", "issuer-key", "scope", "oid", "role", "lifetime", "tenant", "check", "metrics"}

// plain is a flag's error without the name of the function that read it.
func plain(err error) string {
	var number *strconv.NumError
	if !errors.As(err, &number) {
		return err.Error()
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	if number.Func == "ParseBool" {
		return text + ": write true or false"
	}
	return text + ": write a whole number"
}

// newHelp is cobra's own help command, but for a word that is no command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about any command",
		Example: "  foundrylab help run",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage("no help on %q\nSee: foundrylab --help", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag() // as --help does
			return about.Help()
		},
	}
}

// takes wants a number of arguments and says which.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage("takes %s, got %d\nSee: %s --help", what, len(args), c.CommandPath())
		}
		return nil
	}
}
