#!/usr/bin/env bash
# Benchmarks whose results are ratios of interleaved pairs against a baseline in
# the same run: absolute figures depend on the machine.
#   records/s  through connector, mapping and plan, against the same work in
#              plain native Go; ratio is our time by theirs
#   users/s    of an apply, against ldapadd of the same entries on the same
#              domain controller; ratio is our rate by theirs
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then scripts/dc.sh install; fi
CGO_ENABLED=0 go test ./agent -run '^$' -bench . -benchtime 1x -timeout 30m "$@"
