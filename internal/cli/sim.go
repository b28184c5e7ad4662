package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
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

With a scenario: only its backends, each on its own listen address with its own key,
so that any gateway can be pointed at them; faults count from the start of this
command.

With --admin there is a control plane, on an address of its own: what every attempt
came to, metrics for Prometheus, where the deployments stand, and what can be changed
of them while they run.

With --state several of them, on one machine or many, are one resource behind a load
balancer: their deployments of one name have one limit together, in Redis.

With --fixtures what is answered is written down: rules in YAML, of which the first
that fits a request says its text, tool calls or error.`

const simExample = `  foundrylab sim
  curl -s http://127.0.0.1:8080/openai/v1/chat/completions -H 'api-key: foundrylab-key' \
       -d '{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}'
  foundrylab sim --admin 127.0.0.1:8081
  curl -s http://127.0.0.1:8081/ledger
  foundrylab sim --fixtures answers.yaml
  foundrylab sim ptu-outage --admin 127.0.0.1:8081
  foundrylab sim --state redis://127.0.0.1:6379/0`

// sim is the command with its flags.
type sim struct {
	overrides
	admin                   control
	together                state
	listen, level, fixtures string
	lenient, onlyDeployed   bool
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
	c.Flags().BoolVar(&s.lenient, "lenient", false, "let the ready-made resource accept parameters and values that the service refuses")
	c.Flags().BoolVar(&s.onlyDeployed, "only-deployed", false, "let the ready-made resource answer 404 for a deployment that is not in its list, as the service does, instead of deploying it on first use")
	c.Flags().StringVar(&s.level, "log", "info", "log `level`: debug, info, warn, error or disabled")
	c.Flags().StringVar(&s.fixtures, "fixtures", "", "answers of the ready-made resource: a `file` of rules, or a folder of them")
	s.admin.flags(c)
	s.together.flags(c)
	s.overrides.flags(c)
	return c
}

func (s *sim) run(c *cobra.Command, args []string) error {
	log, err := newLogger(c, s.level)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch {
	case len(args) == 0 && (len(s.sets) > 0 || c.Flags().Changed("seed")):
		return usage("--set and --seed change a scenario: name one, such as foundrylab sim ptu-outage")
	case len(args) > 0 && s.lenient:
		return usage("--lenient is for the ready-made resource: backends of a scenario refuse what the service refuses")
	case len(args) > 0 && s.onlyDeployed:
		return usage("--only-deployed is for the ready-made resource: a scenario has no backends but its own")
	case len(args) > 0 && c.Flags().Changed("listen"):
		return usage("--listen is for the ready-made resource: backends of a scenario have their own, such as --set backends[0].listen=127.0.0.1:9101")
	case len(args) > 0 && s.fixtures != "":
		return usage("--fixtures is for the ready-made resource, not for the backends of a scenario")
	}
	if err := s.admin.check(); err != nil {
		return err
	}
	if len(args) == 0 {
		cfg, err := s.config()
		if err != nil {
			return err
		}
		return serveDefault(ctx, c, cfg, s.listen, &s.admin, &s.together, log)
	}
	scenario, err := s.load(c, args[0])
	if err != nil {
		return err
	}
	return serveBackends(ctx, c, scenario, &s.admin, &s.together, log)
}

func serveBackends(ctx context.Context, c *cobra.Command, s *scenarios.Scenario, admin *control, together *state, log zerolog.Logger) error {
	sharing, end, err := together.sharing(c)
	if err != nil {
		return err
	}
	defer end()
	plane := simulator.NewControl(0)
	err = admin.around(ctx, c, plane, func(ctx context.Context) error {
		return live.ServeBackends(ctx, s, log, sharing, plane, func(name, url, key string) {
			fmt.Fprintf(c.OutOrStdout(), "%-20s %s  api-key: %s\n", name, url, key)
		})
	})
	if err != nil {
		return &exitError{exitInternal, err}
	}
	return nil
}

// config is that of the ready-made resource.
func (s *sim) config() (cfg simulator.Config, err error) {
	cfg = simulator.Default()
	if s.lenient {
		cfg.Checks = simulator.Lenient
	}
	if s.onlyDeployed {
		cfg.OnFirstUse = 0
	}
	if s.fixtures != "" {
		cfg.Fixtures, err = loadFixtures(s.fixtures)
	}
	return cfg, err
}

func serveDefault(ctx context.Context, c *cobra.Command, cfg simulator.Config, listen string, admin *control, together *state, log zerolog.Logger) error {
	cfg.Logger, cfg.Precise, cfg.Control = log, true, simulator.NewControl(0)
	sharing, end, err := together.sharing(c)
	if err != nil {
		return err
	}
	defer end()
	cfg.Sharing = sharing
	server, err := simulator.New(cfg)
	if err != nil {
		return &exitError{exitInternal, err}
	}
	defer server.Close()
	err = admin.around(ctx, c, cfg.Control, func(ctx context.Context) error {
		err := live.ServeResource(ctx, listen, server, func(url string) {
			banner(c.OutOrStdout(), url, &cfg)
		})
		if err != nil {
			return fmt.Errorf("%w\nTry another address with --listen", err)
		}
		return nil
	})
	if err != nil {
		return &exitError{exitInternal, err}
	}
	return nil
}

// newLogger logs to the error stream: readable on a terminal, JSON elsewhere.
func newLogger(c *cobra.Command, level string) (zerolog.Logger, error) {
	l, err := zerolog.ParseLevel(level)
	if err != nil {
		return zerolog.Nop(), usage("--log %s: choose debug, info, warn, error or disabled", level)
	}
	w := c.ErrOrStderr()
	if isTerminal(w) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(w).Level(l).With().Timestamp().Logger(), nil
}
