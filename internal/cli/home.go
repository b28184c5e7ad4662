package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"foundrylab/scenarios/live"
	"foundrylab/simulator"
	"foundrylab/simulator/aoai"
)

// home is what sim serves without a scenario: the ready-made resource, or the resources of a file.
type home struct {
	resources, fixtures   string
	lenient, onlyDeployed bool
	aoaiSimulator         bool
	extension             string
	extensionTimeout      time.Duration
	strictAuth            bool
	issuerKey
}

func (h *home) flags(c *cobra.Command) {
	c.Flags().StringVar(&h.resources, "resources", "", "`file` of resources to serve instead of the ready-made one, each with its region, key and deployments")
	c.Flags().StringVar(&h.fixtures, "fixtures", "", "answers of the ready-made resource: a `file` of rules, or a folder of them")
	c.Flags().StringVar(&h.extension, "extension", "", "`URL` that says what the ready-made resource answers, where no fixture does; default none")
	c.Flags().DurationVar(&h.extensionTimeout, "extension-timeout", 5*time.Second, "longest `time` that the extension is waited for")
	c.Flags().BoolVar(&h.aoaiSimulator, "aoai-simulator", false, "take the environment variables, the deployment file and the control path /++/config of Microsoft's aoai-api-simulator")
	c.Flags().BoolVar(&h.lenient, "lenient", false, "let the ready-made resource accept parameters and values that the service refuses")
	c.Flags().BoolVar(&h.strictAuth, "strict-auth", false, "take only the resource's keys, and tokens that the local tenant has signed, instead of any")
	h.issuerKey.flags(c)
	c.Flags().BoolVar(&h.onlyDeployed, "only-deployed", false, "let the ready-made resource answer 404 for a deployment that is not in its list, as the service does, instead of deploying it on first use")
}

// unused refuses what says nothing of a scenario's backends.
func (h *home) unused() error {
	switch {
	case h.lenient:
		return usage("--lenient is for the ready-made resource: backends of a scenario refuse what the service refuses")
	case h.strictAuth:
		return usage("--strict-auth is for the ready-made resource: backends of a scenario take only their own keys, and tokens of the local tenant")
	case h.onlyDeployed:
		return usage("--only-deployed is for the ready-made resource: a scenario has no backends but its own")
	case h.fixtures != "":
		return usage("--fixtures is for the ready-made resource, not for the backends of a scenario")
	case h.extension != "":
		return usage("--extension is for the ready-made resource, not for the backends of a scenario")
	case h.aoaiSimulator:
		return usage("--aoai-simulator is for serving without a scenario")
	case h.resources != "":
		return usage("--resources is for serving without a scenario: its backends have resources of their own, such as backends[0].resource")
	}
	return nil
}

// adjust returns what the flags make of a resource's configuration.
func (h *home) adjust() (func(*simulator.Config), error) {
	fixtures := simulator.Config{}.Fixtures
	if h.fixtures != "" {
		var err error
		if fixtures, err = loadFixtures(h.fixtures); err != nil {
			return nil, err
		}
	}
	issuer, err := h.issuer()
	if err != nil {
		return nil, err
	}
	var extension simulator.Extension
	if h.extension != "" {
		var err error
		if extension, err = simulator.HTTPHook(h.extension, h.extensionTimeout); err != nil {
			return nil, usage("--extension: %v", err)
		}
	}
	return func(cfg *simulator.Config) {
		cfg.Fixtures, cfg.Extension, cfg.Issuer = fixtures, extension, issuer
		cfg.Auth.Strict = cfg.Auth.Strict || h.strictAuth
		if h.lenient {
			cfg.Checks = simulator.Lenient
		}
		if h.onlyDeployed {
			cfg.OnFirstUse = 0
		}
	}, nil
}

// served is what a home is made of, running.
type served struct {
	handler, plane http.Handler
	hosts          []string                                     // its names, of which there may be others
	more           []live.Served                                // addresses of resources' own
	tell           func(w io.Writer, url string, more []string) // says where all is
	close          func()
}

// one is the ready-made resource.
func (h *home) one(adjust func(string, *simulator.Config)) (*served, error) {
	cfg := simulator.Default()
	adjust("", &cfg)
	server, err := simulator.New(cfg)
	if err != nil {
		return nil, &exitError{exitInternal, err}
	}
	tell := func(w io.Writer, url string, _ []string) { banner(w, url, &cfg) }
	return &served{handler: server, plane: server.Admin(), hosts: simulator.HostNames("foundrylab"), tell: tell, close: server.Close}, nil
}

// moved is the resource that the environment of another simulator describes; notes says what of it has no effect.
func (h *home) moved(notes io.Writer, adjust func(string, *simulator.Config)) (*served, error) {
	settings, has, err := aoai.FromEnvironment(os.Getenv)
	if err != nil {
		return nil, usage("--aoai-simulator: %v", err)
	}
	cfg := simulator.Config{Deployments: aoai.BuiltIn()}
	if file := settings.DeploymentFile; file != "" {
		src, err := readBounded(file)
		if err != nil {
			return nil, usage("OPENAI_DEPLOYMENT_CONFIG_PATH: %v", err)
		}
		all, more, err := aoai.Deployments(src)
		if err != nil {
			return nil, usage("OPENAI_DEPLOYMENT_CONFIG_PATH: %s: %v", file, err)
		}
		cfg.Deployments, has = all, append(has, more...)
	}
	for _, note := range has {
		fmt.Fprintf(notes, "note: %s\n", note)
	}
	plane := aoai.New(settings)
	plane.Configure(&cfg)
	adjust("", &cfg)
	server, err := simulator.New(cfg)
	if err != nil {
		return nil, usage("--aoai-simulator: %v", err)
	}
	tell := func(w io.Writer, url string, _ []string) { banner(w, url, &cfg) }
	return &served{handler: plane.Front(server), plane: server.Admin(), hosts: simulator.HostNames("foundrylab"), tell: tell, close: server.Close}, nil
}

// several are the resources of the file.
func (h *home) several(adjust func(string, *simulator.Config)) (*served, error) {
	src, err := readBounded(h.resources)
	if err != nil {
		return nil, usage("--resources: %v", err)
	}
	all, err := simulator.ReadResources(h.resources, src)
	if err != nil {
		return nil, err
	}
	site, end, err := simulator.NewResources(all, func(r *simulator.ResourceConfig, cfg *simulator.Config) {
		adjust(r.Name, cfg)
		cfg.Logger = cfg.Logger.With().Str("resource", r.Name).Logger()
		cfg.Sharing = cfg.Sharing.In(r.Name)
	})
	if err != nil {
		return nil, usage("--resources %s: %v", h.resources, err)
	}
	s := &served{handler: site, plane: site.Admin(), close: end}
	for _, r := range all.Resources {
		s.hosts = append(s.hosts, simulator.HostNames(r.Name)...)
		if r.Listen != "" {
			s.more = append(s.more, live.Served{Addr: r.Listen, Handler: site.Server(r.Name)})
		}
	}
	s.tell = func(w io.Writer, url string, more []string) { bannerOfMany(w, url, more, &all) }
	return s, nil
}

// serveHome serves until it is told to stop.
func (s *sim) serveHome(ctx context.Context, c *cobra.Command, log zerolog.Logger) error {
	adjust, err := s.home.adjust()
	if err != nil {
		return err
	}
	sharing, end, err := s.together.sharing(c)
	if err != nil {
		return err
	}
	defer end()
	start := s.home.one
	switch {
	case s.resources != "" && s.aoaiSimulator:
		return usage("--aoai-simulator describes one resource, --resources several: choose one of them")
	case s.resources != "":
		start = s.home.several
	case s.aoaiSimulator:
		start = func(adjust func(string, *simulator.Config)) (*served, error) {
			return s.home.moved(c.ErrOrStderr(), adjust)
		}
	}
	out, err := newExport()
	if err != nil {
		return err
	}
	home, err := start(func(resource string, cfg *simulator.Config) {
		cfg.Logger, cfg.Precise, cfg.Sharing, cfg.Control = log, true, sharing, simulator.NewControl(0)
		out.add(cfg.Control, resource)
		adjust(cfg)
	})
	if err != nil {
		return err
	}
	defer home.close()
	over, err := s.secure.config(home.hosts)
	if err != nil {
		return err
	}
	serve := func(ctx context.Context) error {
		all := append([]live.Served{{Addr: s.listen, Handler: home.handler}}, home.more...)
		for i := range all {
			all[i].TLS = over
		}
		err := live.Serve(ctx, all, func(urls []string) {
			home.tell(c.OutOrStdout(), urls[0], urls[1:])
			s.secure.tell(c.OutOrStdout())
		})
		if err != nil {
			return fmt.Errorf("%w\nTry another address with --listen", err)
		}
		return nil
	}
	return s.observed(ctx, c, log, home.plane, out, serve)
}
