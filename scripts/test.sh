#!/usr/bin/env bash
# Runs every test with the race detector and ends with one line of totals. If
# tests that need a domain controller could not run, it says so; with
# ROLLCALL_REQUIRE_DC=1, as in CI, that is a failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. scripts/tools.sh
. scripts/packages.sh
. scripts/race.sh

# Only the tests need a C compiler: the race detector uses cgo.
# Mails are sent to a real SMTP server, aiosmtpd.
need ca-certificates "$(go env CC)=gcc" libc6-dev python3-aiosmtpd || exit 1
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  scripts/dc.sh install || exit 1
fi
gotestsum=$(tool gotestsum gotest.tools/gotestsum@v1.13.0) || exit 1
log=$(mktemp)
tmp=''
trap 'rm -f "$log"; [ -z "$tmp" ] || rm -rf "$tmp"' EXIT
# Tests write their state to disk again and again. Where memory has room for it
# and lets programs run, that is where their folders lie: no test is about a
# power cut.
if [ -z "${TMPDIR:-}" ] && [ "$(df --output=avail -B1G /dev/shm 2>/dev/null | tail -n 1)" -ge 4 ] 2>/dev/null &&
  [ "$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)" -ge 12 ] && tmp=$(mktemp -d /dev/shm/rXXXX); then
  # As in /tmp, other users may come in: some tests run programs as them.
  chmod 1777 "$tmp" && cp /bin/true "$tmp/true" && "$tmp/true" && export TMPDIR=$tmp GOTMPDIR=${GOTMPDIR:-/tmp}
fi
export CGO_ENABLED=1
during "compiling with the race detector (for the first time this takes minutes)" go build -race ./... || exit 1
# The slowest packages come first, so that none runs alone at the end.
long=(./agent ./host ./agent/internal/{engine,directory/mirror,store,directory/write})
# Two packages more than processors: tests against the domain controller wait a lot.
"$gotestsum" --format pkgname --format-hide-empty-pkg --jsonfile "$log" -- -race -timeout 75m -p "$(($(nproc) + 2))" "$@" "${long[@]}" ./...
status=$?
count() { grep '"Test":' "$log" | grep -c "\"Action\":\"$1\""; }
dc=$(grep -o 'DC TESTS DID NOT RUN:[^"\\]*' "$log" | sort | uniq -c | sed 's/^ *//')
if [ -n "$dc" ]; then
  printf '\n*** Tests against a real domain controller did not run:\n%s\n' "$dc"
  if [ "${ROLLCALL_REQUIRE_DC:-}" = 1 ]; then status=1; fi
fi
printf '%s passed, %s failed, %s skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
exit $status
