// Command foundrylab develops, load-tests and sizes Microsoft Foundry
// workloads and the gateways in front of them, without paying for Foundry.
package main

import (
	"os"

	"foundrylab/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
