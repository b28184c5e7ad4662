#!/usr/bin/env bash
# Makes sure that the programs exist that a few tests start: an arm64 emulator (same seed, same bytes on both processors), a browser
# (the HTML report drawn as a reader sees it) and a Redis server (limits that several simulators share). Without them those tests skip and say so; nothing here is ever fatal.
set -euo pipefail

missing=()
command -v qemu-aarch64 >/dev/null || missing+=(qemu-user)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
command -v redis-server >/dev/null || missing+=(redis-server)

if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing for the tests: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	if apt-get update -qq </dev/null && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null; then
		exit 0
	fi
fi
echo "NOT INSTALLED: ${missing[*]}. The tests that need them will be skipped."
echo "On Debian or Ubuntu: sudo apt-get install ${missing[*]}"
