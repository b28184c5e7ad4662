package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that ends with the first SIGINT or SIGTERM. From then on signals do what they do to any
// process, so that whoever does not want to wait for an orderly end sends another.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
