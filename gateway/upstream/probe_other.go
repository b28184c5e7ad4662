//go:build !unix

package upstream

import "net"

// prober returns nil where a connection cannot say it itself: on this system a connection that was closed is found out by the request that meets it.
func prober(c net.Conn) func() bool {
	if q, ok := c.(quiet); ok {
		return q.Quiet
	}
	return nil
}
