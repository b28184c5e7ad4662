// Package bench holds the gateway's speed beside that of others, each in a process of its own on one core: a well set up
// httputil.ReverseProxy, nginx, haproxy and Portkey. make bench-gateway runs it. It refuses figures without a baseline of
// the same run.
package bench
