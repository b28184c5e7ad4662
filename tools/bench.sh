#!/usr/bin/env bash
# Runs every benchmark of the module. Arguments go to go test; "-count 10" makes the output fit for benchstat.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t packages < <(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u)
if [ ${#packages[@]} -eq 0 ]; then
	echo "there is no benchmark in this tree" >&2
	exit 1
fi
exec go test -run '^$' -bench . -benchmem "$@" "${packages[@]}"
