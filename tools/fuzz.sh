#!/usr/bin/env bash
# fuzz.sh SECONDS PACKAGE...: run every fuzz target of the packages for so many seconds, one at a time. What one finds
# stays in the package's testdata, where `go test` runs it from then on.
set -euo pipefail
seconds=$1
shift
for package in "$@"; do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz'); do
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" "$package"
	done
done
