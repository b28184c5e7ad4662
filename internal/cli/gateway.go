package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"foundrylab/gateway"
	"foundrylab/gateway/identity"
	"foundrylab/gateway/tenancy"
)

const gatewayLong = `Serve the reference gateway that a file describes: its backends, how requests are
routed among them, who may use it, and what for. docs/gateway.md tells of the file.

Clients find it as they find the service: at the same paths, with a key in api-key,
x-api-key or Authorization: Bearer, a token of an issuer that is trusted, or a client
certificate. What they bring never reaches a backend, and no key of a backend them.

A file that changes is read again, at SIGHUP at once, and is in force whole or, where
it has a mistake, not at all. Answers under way are not disturbed.

Told to stop (Ctrl-C, SIGTERM), it says so at /readyz for the time of listen.notice;
then it takes nothing new and lets answers go on for the time of listen.drain.`

// gatewayCommand is the command with its flags.
type gatewayCommand struct {
	listen, level string
	metrics       string
	check         bool
}

func newGateway() *cobra.Command {
	var g gatewayCommand
	c := &cobra.Command{
		Use:   "gateway FILE",
		Short: "Serve the reference gateway in front of real or simulated deployments",
		Long:  gatewayLong,
		Example: `  foundrylab gateway gateway.yaml
  foundrylab gateway gateway.yaml --check
  foundrylab gateway key --tenant chat`,
		Args: takes(1, 1, "one file"),
		RunE: g.run,
	}
	c.Flags().StringVar(&g.listen, "listen", "", "`address` to listen on, instead of the file's")
	c.Flags().StringVar(&g.metrics, "metrics", "", "`address` to serve Prometheus metrics on, at /metrics; default: nowhere")
	c.Flags().StringVar(&g.level, "log", "info", "log `level`: debug, info, warn, error or disabled")
	c.Flags().BoolVar(&g.check, "check", false, "only check the file, with the secrets and certificates that it names, and serve nothing")
	c.AddCommand(newGatewayKey())
	return c
}

func (g *gatewayCommand) run(c *cobra.Command, args []string) error {
	log, flush, err := newLogger(c, g.level)
	if err != nil {
		return err
	}
	defer flush()
	read, err := readGateway(args[0])
	if err != nil {
		return err
	}
	out, err := newExport()
	if err != nil {
		return err
	}
	if err := out.trace(log); err != nil {
		return err
	}
	read.cfg.Logger, read.cfg.Seed, read.cfg.Tracer = log, uint64(time.Now().UnixNano()), out.tracer
	gw, err := gateway.New(read.cfg)
	if err != nil {
		return usage("%s: %v", args[0], err)
	}
	defer gw.Close()
	if g.check {
		fmt.Fprintf(c.OutOrStdout(), "%s: ok\n", args[0])
		return nil
	}
	out.from = append(out.from, counting{gw.Metrics(), gateway.MetricName, ""})
	return g.serve(c, gw, args[0], read, log, out)
}

// readGateway reads a gateway's file and all that it names.
func readGateway(name string) (read servedFile, err error) {
	if read.src, err = readBounded(name); err != nil {
		return read, usage("%v", err)
	}
	if read.File, err = gateway.ReadFile(name, read.src); err != nil {
		return read, err
	}
	if read.cfg, err = read.Config(identity.OS); err != nil {
		return read, usage("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", "\n"+name+": "))
	}
	if read.cert, err = certificate(read.Listen.TLS); err != nil {
		return read, usage("%s: listen.tls: %v", name, err)
	}
	return read, nil
}

// servedFile is a gateway's file, read.
type servedFile struct {
	gateway.File
	src  []byte
	cfg  gateway.Config
	cert *tls.Certificate // nil: without TLS
}

// certificate loads what the gateway shows to clients; nil without TLS.
func certificate(from *gateway.Certificate) (*tls.Certificate, error) {
	if from == nil {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(from.Cert, from.Key)
	if err != nil {
		return nil, err
	}
	return &cert, nil
}

func (g *gatewayCommand) serve(c *cobra.Command, gw *gateway.Gateway, name string, file servedFile, log zerolog.Logger, out *export) error {
	ctx, stop := interruptible()
	defer stop()
	if g.listen == "" {
		g.listen = file.Listen.Address
	}
	l, err := net.Listen("tcp", g.listen)
	if err != nil {
		return &exitError{exitInternal, fmt.Errorf("%w\nTry another address with --listen", err)}
	}
	if g.metrics != "" {
		stop, err := serveMetrics(g.metrics, gw, log)
		if err != nil {
			return &exitError{exitInternal, fmt.Errorf("%w\nTry another address with --metrics", err)}
		}
		defer stop()
	}
	scheme := "http"
	watch := &gatewayWatch{name: name, gw: gw, log: log, last: file}
	var cert func() *tls.Certificate
	if file.cert != nil {
		scheme, cert = "https", watch.cert.Load
		watch.cert.Store(file.cert)
	}
	fmt.Fprintf(c.OutOrStdout(), "The gateway is at %s://%s, its health at /healthz.\n", scheme, l.Addr())
	if !file.Identity.Enabled() {
		fmt.Fprintln(c.OutOrStdout(), "Anybody who reaches it may use it: the file has no identity.")
	}
	defer watch.start(ctx)()
	err = out.around(ctx, log, func(ctx context.Context) error {
		return gw.Serve(ctx, gw.NewServer(cert), l, gateway.Ending{Notice: time.Duration(file.Listen.Notice), Drain: time.Duration(file.Listen.Drain)})
	})
	if err != nil {
		return &exitError{exitInternal, err}
	}
	return nil
}

// serveMetrics serves a gateway's metrics until it is told to stop.
func serveMetrics(address string, gw *gateway.Gateway, log zerolog.Logger) (stop func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	m := http.NewServeMux()
	m.Handle("GET /metrics", promhttp.HandlerFor(gw.Metrics(), promhttp.HandlerOpts{}))
	s := &http.Server{Handler: m, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() { _ = s.Serve(l) }() // it ends by being closed
	log.Info().Str("metrics", "http://"+l.Addr().String()+"/metrics").Msg("metrics are served")
	return func() { _ = s.Close() }, nil
}

// newGatewayKey is the command that makes a key.
func newGatewayKey() *cobra.Command {
	var tenant string
	c := &cobra.Command{
		Use:   "key",
		Short: "Print a new key for a tenant of a gateway, once, and the line that lets the gateway know it",
		Long: `key makes a key of 256 random bits and prints it, and the item for identity.keys in the
gateway's file, which holds its SHA-256 alone. Give the key to the tenant: it is kept nowhere.

To replace a key, add the new item, hand the new key over, and take the old item out
once its id no longer stands in the log. Taking an item out revokes that key alone.`,
		Example: "  foundrylab gateway key --tenant chat",
		Args:    takes(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if !tenancy.NameFits(tenant) {
				return usage("--tenant %q: name whose key it is to be, in letters, digits, - _ and ., at most 64", tenant)
			}
			secret, k := identity.NewKey(tenant)
			_, err := fmt.Fprintf(c.OutOrStdout(), "key: %s\n\nidentity:\n  keys:\n  - {tenant: %s, id: %q, sha256: %q}\n", secret, tenant, k.ID, k.SHA256)
			return err
		},
	}
	c.Flags().StringVar(&tenant, "tenant", "", "`name` of the tenant, as in the gateway's file")
	return c
}
