package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"foundrylab/internal/record"
	"foundrylab/reports/compare"
	"foundrylab/reports/render"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/scenarios/live"
	"foundrylab/scenarios/virtual"
)

// runOptions are the flags of run.
type runOptions struct {
	overrides
	mode          string
	out           string
	target        string
	targetKey     string
	targetModel   string
	baseline      string
	maxRegression string
	entries       string
	quiet         bool
}

func newRun() *cobra.Command {
	o := &runOptions{}
	c := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a scenario in virtual time or live, judge it and report",
		Long: `Run a scenario and judge it by its assertions.

In virtual mode (the default) an hour of traffic takes a moment and equal seeds give
equal bytes. In live mode the same decisions are made over real HTTP on this machine:
simulated backends, the gateway, and vegeta as load driver. --target puts any other
gateway or endpoint in place of ours; backends with a listen address are served on it,
so that such a gateway can be pointed at them.`,
		Example: `  foundrylab run ptu-outage --out out
  foundrylab run my.yaml --mode live --set duration=60s
  foundrylab run my.yaml --mode live --target http://127.0.0.1:4000/v1
  foundrylab run my.yaml --baseline main/report.json --max-regression 5%`,
		Args: takes(1, 1, "one scenario, a file or a shipped name"),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args[0]) },
	}
	f := c.Flags()
	f.StringVar(&o.mode, "mode", "virtual", "virtual or live")
	f.StringVar(&o.out, "out", "", "`directory` for report.json, report.html, report.md and junit.xml")
	f.StringVar(&o.target, "target", "", "live: `URL` of another gateway or endpoint to send the load to")
	f.StringVar(&o.targetKey, "target-key", "", "live: `key` for the target (better in FOUNDRYLAB_TARGET_KEY); default the first backend's")
	f.StringVar(&o.targetModel, "target-model", "", "live: deployment or model `name` to ask the target for; default the first backend's")
	f.StringVar(&o.baseline, "baseline", "", "report.json `file` of an earlier run to compare with")
	f.StringVar(&o.maxRegression, "max-regression", "5%", "how much worse than the baseline a metric may be, as a `percentage`")
	f.StringVar(&o.entries, "record", "", "`file` for every entry of the run, as JSON lines")
	f.BoolVar(&o.quiet, "quiet", false, "print nothing but errors")
	o.flags(c)
	return c
}

func (o *runOptions) run(c *cobra.Command, file string) error {
	ctx, stop := interruptible()
	defer stop()
	limit, err := o.check()
	if err != nil {
		return err
	}
	s, err := o.load(c, file)
	if err != nil {
		return err
	}
	var baseline *record.Result
	if o.baseline != "" {
		if baseline, err = loadReport(o.baseline); err != nil {
			return err
		}
	}
	out, err := openOutput(o.out)
	if err != nil {
		return err
	}
	entries, err := openEntries(o.entries)
	if err != nil {
		out.abandon()
		return err
	}
	summary, err := o.execute(ctx, s, entries, c.ErrOrStderr())
	if err != nil {
		entries.abandon()
		out.abandon()
		return err
	}
	stop() // a second Ctrl-C ends the writing of reports
	result := summary.Result()
	if entries != nil {
		if result.Interrupted {
			entries.Interrupt()
		}
		err = entries.Close(summary.Header)
	}
	assert.JudgeAll(result, s.Programs())
	if err := errors.Join(err, out.write(result)); err != nil {
		return err
	}
	return o.report(c, result, baseline, limit)
}

// check reads the flags that need no scenario.
func (o *runOptions) check() (limit record.Ratio, err error) {
	if o.mode != "virtual" && o.mode != "live" {
		return 0, usage("--mode %s: choose virtual or live", o.mode)
	}
	if o.target != "" && o.mode != "live" {
		return 0, usage("--target needs --mode live: another gateway cannot run in virtual time")
	}
	if o.target == "" && (o.targetKey != "" || o.targetModel != "") {
		return 0, usage("--target-key and --target-model are about a --target: give its URL")
	}
	if u, err := url.Parse(o.target); o.target != "" &&
		(err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return 0, usage("--target %s: give http or https, a host and perhaps a path, such as http://localhost:4000/v1", o.target)
	}
	return parseRatio("--max-regression", o.maxRegression)
}

// execute runs the scenario in its mode.
func (o *runOptions) execute(ctx context.Context, s *scenarios.Scenario, entries *entryFile, progress io.Writer) (*record.Summary, error) {
	show := newProgress(progress, time.Duration(s.Duration), o.quiet)
	defer show.done()
	var also record.Sink
	if entries != nil {
		also = entries
	}
	if o.mode == "virtual" {
		return virtual.Run(s, virtual.Options{Also: also, Progress: func(passed time.Duration) bool {
			show.at(passed)
			return ctx.Err() == nil
		}}), nil
	}
	// Fewer, larger collections: the generator's own pauses count as its lag.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	return live.Run(ctx, s, live.Options{Target: o.target, TargetKey: o.targetKey, TargetModel: o.targetModel, Also: also, Progress: show.at, Note: show.note})
}

// report prints the report and turns the outcome into an exit code.
func (o *runOptions) report(c *cobra.Command, r, baseline *record.Result, limit record.Ratio) error {
	w := c.OutOrStdout()
	opt := render.TextOptions{Color: isTerminal(w)}
	regressed := false
	if !o.quiet {
		if _, err := w.Write(render.Text(r, opt)); err != nil {
			return &exitError{exitInternal, err}
		}
	}
	if baseline != nil {
		cmp := compare.Compare(baseline, r, limit)
		regressed = cmp.Regressions() > 0 && !cmp.Void
		if !o.quiet {
			if _, err := w.Write(append([]byte("\n"), cmp.Text(opt)...)); err != nil {
				return &exitError{exitInternal, err}
			}
		}
	}
	if !o.quiet && o.out != "" {
		fmt.Fprintf(c.ErrOrStderr(), "Reports: %s, report.json, report.md, junit.xml\n", filepath.Join(o.out, "report.html"))
	} else if !o.quiet {
		fmt.Fprintln(c.ErrOrStderr(), "No files written; add --out DIR for report.html, report.json, report.md and junit.xml.")
	}
	switch {
	case r.Interrupted:
		return &exitError{code: exitInterrupted}
	case r.Verdict == assert.Void:
		return &exitError{code: exitVoid}
	case r.Verdict == assert.Fail:
		return &exitError{code: exitFailed}
	case regressed:
		return &exitError{code: exitRegression}
	}
	return nil
}
