package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/gateway"
)

// gatewayWatch puts a gateway's file in force again when it changes, and at
// SIGHUP also what it names: secrets and certificates that were replaced.
type gatewayWatch struct {
	name string
	gw   *gateway.Gateway
	log  zerolog.Logger
	last servedFile // that was tried last
	cert atomic.Pointer[tls.Certificate]
}

// lookEvery is how often the file is looked at.
const lookEvery = time.Second

// start watches until ctx is done; the function that it returns waits for that.
func (w *gatewayWatch) start(ctx context.Context) (wait func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer signal.Stop(hangup)
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				w.again()
			case <-look.C:
				if src, err := readBounded(w.name); err == nil && !bytes.Equal(src, w.last.src) {
					w.again()
				}
			}
		}
	}()
	return func() { <-done }
}

// again reads the file and puts it in force, or tells each of its mistakes.
func (w *gatewayWatch) again() {
	read, err := readGateway(w.name)
	w.last.src = read.src // a mistake is told once
	if err == nil {
		err = w.gw.Reconfigure(read.cfg)
	}
	if err != nil {
		for line := range strings.SplitSeq(strings.TrimSpace(err.Error()), "\n") {
			w.log.Error().Str("problem", line).Msg("the file has a mistake, and what was in force before stays")
		}
		return
	}
	if read.cert != nil && w.last.cert != nil {
		w.cert.Store(read.cert)
	}
	if (read.cert == nil) != (w.last.cert == nil) || read.Listen.Address != w.last.Listen.Address {
		w.log.Warn().Msg("listen.address, and whether there is TLS, change at the next start only")
	}
	read.cert, read.Listen = w.last.cert, w.last.Listen // what it was started with
	w.last = read
	w.log.Info().Str("file", w.name).Msg("the configuration is in force")
}
