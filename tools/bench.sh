#!/usr/bin/env bash
# Holds the bounds on speed, then runs every benchmark of the module, one package at a time. Arguments go to go test; "-count 10" makes the output fit for benchstat.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t packages < <(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u)
if [ ${#packages[@]} -eq 0 ]; then
	echo "there is no benchmark in this tree" >&2
	exit 1
fi
FOUNDRYLAB_BENCH=1 go test -p 1 -count=1 -v -run 'TenMillion|WithEverything|Pacing|Flat|SpeedAgainst|TestSpeed$' ./scenarios/virtual ./loadgen ./simulator ./simulator/deployment ./internal/tokens
exec go test -p 1 -run '^$' -bench . -benchmem "$@" "${packages[@]}"
