package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/spf13/cobra"

	"foundrylab/scenarios/live"
	"foundrylab/simulator"
)

// control is where sim serves the control plane; off without an address.
type control struct{ address, key string }

func (p *control) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.address, "admin", "", "`address` of the control plane, such as 127.0.0.1:8081; default none")
	c.Flags().StringVar(&p.key, "admin-key", "", "`key` that the control plane asks for (better in FOUNDRYLAB_ADMIN_KEY); needed unless it is on a loopback address")
}

// check refuses an address that others could reach without a key.
func (p *control) check() error {
	if p.address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(p.address)
	if err != nil {
		return usage("--admin %s: give a host and a port, such as 127.0.0.1:8081", p.address)
	}
	ip, err := netip.ParseAddr(host)
	if local := host == "localhost" || err == nil && ip.IsLoopback(); !local && p.key == "" {
		return usage("--admin %s: other machines can reach it; set FOUNDRYLAB_ADMIN_KEY or --admin-key, or choose a loopback address, such as 127.0.0.1:8081", p.address)
	}
	return nil
}

func (p *control) handler(plane http.Handler) http.Handler {
	if p.key == "" {
		return plane
	}
	return simulator.RequireKey(p.key, plane)
}

// around serves the control plane while serve runs, and ends with whichever of the two fails.
func (p *control) around(ctx context.Context, c *cobra.Command, plane http.Handler, serve func(context.Context) error) error {
	if p.address == "" {
		return serve(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- live.Serve(ctx, []live.Served{{Addr: p.address, Handler: p.handler(plane)}}, func(urls []string) { ready <- urls[0] })
		stop()
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("%w\nTry another address with --admin", err)
	case url := <-ready:
		fmt.Fprintf(c.OutOrStdout(), "Control plane on %s\n", url)
	}
	err := serve(ctx)
	stop()
	if failed := <-ended; err == nil && failed != nil {
		err = fmt.Errorf("the control plane failed: %w", failed)
	}
	return err
}
