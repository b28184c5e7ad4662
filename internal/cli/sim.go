package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"foundrylab/scenarios"
	"foundrylab/scenarios/live"
	"foundrylab/simulator"
)

const simLong = `Serve simulated Microsoft Foundry deployments.

Without a scenario: one resource with the key foundrylab-key, in which the common
models are deployed by their names. A name that is not deployed appears on first use:
gpt-5-team-b is a deployment of gpt-5, and a name that tells of no model has one that
is able to do what is asked. With --only-deployed it gets the service's 404.

With --resources there are several resources, with names, regions, keys and
deployments of their own, in one process: a request goes to the one that its Host
header or its path names, or whose port it comes to.

With --tls they are served over TLS by any name, such as contoso.openai.azure.com,
with certificates of an authority that is kept for you: what it takes to trust it is
printed. The Azure SDKs take nothing else for a name.

With a scenario: only its backends, each on its own listen address with its own key,
so that any gateway can be pointed at them; faults count from the start of this
command.

With --admin there is a control plane, on an address of its own: what every attempt
came to, metrics for Prometheus, where the deployments stand, and what can be changed
of them while they run.

With --state several of them, on one machine or many, are one resource behind a load
balancer: their deployments of one name have one limit together, in Redis.

Any key opens a resource, until --strict-auth.

With --fixtures what is answered is written down: rules in YAML, of which the first
that fits a request says its text, tool calls or error. With --extension a URL of
yours is asked.`

const simExample = `  foundrylab sim
  curl -s http://127.0.0.1:8080/openai/v1/chat/completions -H 'api-key: foundrylab-key' \
       -d '{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}'
  foundrylab sim --admin 127.0.0.1:8081
  curl -s http://127.0.0.1:8081/ledger
  foundrylab sim --fixtures answers.yaml
  foundrylab sim --resources resources.yaml --tls
  foundrylab sim ptu-outage --admin 127.0.0.1:8081
  foundrylab sim --state redis://127.0.0.1:6379/0`

// sim is the command with its flags.
type sim struct {
	overrides
	admin         control
	together      state
	listen, level string
	home
	secure
}

func newSim() *cobra.Command {
	var s sim
	c := &cobra.Command{
		Use:     "sim [SCENARIO]",
		Short:   "Serve simulated deployments: a ready-made resource, or the backends of a scenario",
		Long:    simLong,
		Example: simExample,
		Args:    takes(0, 1, "at most one scenario, a file or a shipped name"),
		RunE:    s.run,
	}
	c.Flags().StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of the ready-made resource")
	c.Flags().StringVar(&s.level, "log", "info", "log `level`: debug, info, warn, error or disabled")
	s.home.flags(c)
	s.secure.flags(c)
	s.admin.flags(c)
	s.together.flags(c)
	s.overrides.flags(c)
	return c
}

func (s *sim) run(c *cobra.Command, args []string) error {
	log, flush, err := newLogger(c, s.level)
	if err != nil {
		return err
	}
	defer flush()
	ctx, stop := interruptible()
	defer stop()
	switch {
	case len(args) == 0 && (len(s.sets) > 0 || c.Flags().Changed("seed")):
		return usage("--set and --seed change a scenario: name one, such as foundrylab sim ptu-outage")
	case len(args) > 0 && c.Flags().Changed("listen"):
		return usage("--listen is for the ready-made resource: backends of a scenario have their own, such as --set backends[0].listen=127.0.0.1:9101")
	case len(args) > 0 && s.secure.on:
		return usage("--tls is for serving without a scenario: its backends have tls: true")
	case len(args) > 0:
		if err := s.home.unused(); err != nil {
			return err
		}
	}
	if err := s.secure.check(); err != nil {
		return err
	}
	if err := s.admin.check(); err != nil {
		return err
	}
	if len(args) == 0 {
		return s.serveHome(ctx, c, log)
	}
	scenario, err := s.load(c, args[0])
	if err != nil {
		return err
	}
	return s.serveBackends(ctx, c, scenario, log)
}

func (s *sim) serveBackends(ctx context.Context, c *cobra.Command, scenario *scenarios.Scenario, log zerolog.Logger) error {
	issuer, err := s.issuer()
	if err != nil {
		return err
	}
	sharing, end, err := s.together.sharing(c)
	if err != nil {
		return err
	}
	defer end()
	out, err := newExport()
	if err != nil {
		return err
	}
	plane := simulator.NewControl(0)
	out.add(plane, "")
	serve := func(ctx context.Context) error {
		return live.ServeBackends(ctx, scenario, log, sharing, issuer, plane, func(name, url, key string) {
			fmt.Fprintf(c.OutOrStdout(), "%-20s %s  api-key: %s\n", name, url, key)
		})
	}
	return s.observed(ctx, c, log, plane.Handler(), out, serve)
}

// observed serves beside the control plane and the export of metrics.
func (s *sim) observed(ctx context.Context, c *cobra.Command, log zerolog.Logger, plane http.Handler, out *export, serve func(context.Context) error) error {
	err := s.admin.around(ctx, c, plane, func(ctx context.Context) error { return out.around(ctx, log, serve) })
	if err != nil {
		return &exitError{exitInternal, err}
	}
	return nil
}

// newLogger logs to the error stream: readable on a terminal, JSON elsewhere, a little later. flush writes what is left.
func newLogger(c *cobra.Command, level string) (log zerolog.Logger, flush func(), err error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		return zerolog.Nop(), nil, usage("--log %s: choose debug, info, warn, error or disabled", level)
	}
	w, flush := c.ErrOrStderr(), func() {}
	if isTerminal(w) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	} else {
		lines := &logLines{w: w}
		w, flush = lines, lines.flush
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), flush, nil
}
