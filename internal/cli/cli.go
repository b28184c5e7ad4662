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
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"foundrylab/internal/yamlconf"
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
	if err == nil {
		return exitPass
	}
	code = exitUsage
	var exit *exitError
	var problems yamlconf.Problems
	switch {
	case errors.As(err, &exit):
		code = exit.code
		if exit.cause == nil {
			return code
		}
	case errors.As(err, &problems):
		fmt.Fprintln(s.Err, problems.Error())
		if n := len(problems); n > 1 {
			fmt.Fprintf(s.Err, "%d problems; nothing was run or written.\n", n)
		}
		return code
	}
	fmt.Fprintf(s.Err, "foundrylab: %v\n", err)
	return code
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "foundrylab",
		Short: "Develop, load-test, break and size a Microsoft Foundry workload and its gateway, without paying for Foundry",
		Long: `foundrylab simulates Microsoft Foundry (Azure OpenAI) deployments on the wire, in
limits, pace and failure; puts a reference gateway or your own in front; sends the
load of a scenario; and judges the run.

Every option can also be set in the environment: --out is FOUNDRYLAB_OUT.

Exit codes: 0 pass, 1 internal error, 2 usage or invalid input, 10 assertion
failed, 11 regression against a baseline, 12 the generator fell behind (void),
130 interrupted.`,
		Example: `  foundrylab run scenarios/library/ptu-outage.yaml --out out
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
		return usage("%v\nSee: %s --help", err, c.CommandPath())
	})
	root.AddCommand(newRun(), newSim(), newLint(), newExplain(), newSchema(), newCompare())
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
			return usage("FOUNDRYLAB_%s: %v", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), err)
		}
	}
	return nil
}

// settable are the flags that an environment variable may set.
var settable = []string{"mode", "seed", "out", "target", "baseline", "max-regression", "quiet", "listen", "log"}

// one wants exactly one argument and says which.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("needs %s, got %d arguments\nSee: %s --help", what, len(args), c.CommandPath())
		}
		return nil
	}
}
