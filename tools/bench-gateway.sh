#!/usr/bin/env bash
# Holds the gateway's speed beside other proxies': each has the first core to itself, client and backend share the second.
# As root with apt, nginx and haproxy are installed where they are missing; with npm, Portkey is, in a temporary folder. What
# is not there is skipped with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v nginx >/dev/null || missing+=(nginx-light)
command -v haproxy >/dev/null || missing+=(haproxy)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -qq </dev/null && apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null; } >/dev/null 2>&1 || echo "could not install ${missing[*]}"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v npm >/dev/null && npm install --silent --no-audit --no-fund --prefix "$work/portkey" @portkey-ai/gateway@1.15.2 >/dev/null 2>&1; then
	export FOUNDRYLAB_PORTKEY="$work/portkey"
fi
pin=()
if command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ]; then
	pin=(taskset -c 1)
	export FOUNDRYLAB_BENCH_PIN=1
else
	echo "NOT PINNED: there is one core, or no taskset; the figures say little"
fi
go test -c -o "$work/bench.test" ./gateway/bench
cd gateway/bench
ulimit -n "$(ulimit -Hn)"
FOUNDRYLAB_BENCH=1 "${pin[@]}" "$work/bench.test" -test.v -test.run '^TestGateway$' -test.timeout 20m
