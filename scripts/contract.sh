#!/usr/bin/env bash
# Checks the connectors and simulators against the vendors' API specifications:
#   make contract APIS=FOLDER
# Exit: 0 no violation, 1 violations, 2 the check could not run.
set -euo pipefail
cd "$(dirname "$0")/.."

cannot() { echo "contract: $*" >&2; exit 2; }

apis=${APIS:-}
[ -n "$apis" ] || cannot "APIS is not set: make contract APIS=FOLDER, the folder that holds the vendors' specifications"
for file in pipedrive-subset.yaml infobip-people.json infobip-agents.json; do
  [ -r "$apis/$file" ] || cannot "$apis/$file is not there, or cannot be read"
done
apis=$(cd "$apis" && pwd)
for command in node npm go; do
  command -v "$command" >/dev/null || cannot "$command is not installed"
done

version=5.14.2
cache="${XDG_CACHE_HOME:-$HOME/.cache}/rollcall/tools/prism-$version"
prism="$cache/node_modules/.bin/prism"
if [ ! -x "$prism" ]; then
  echo "installing @stoplight/prism-cli@$version (once)" >&2
  mkdir -p "$cache"
  npm install --silent --no-audit --no-fund --prefix "$cache" "@stoplight/prism-cli@$version" >&2 || cannot "prism cannot be installed"
fi

work=$(mktemp -d)
pid=
# The check runs in its own process group, so that no proxy outlives it.
trap '[ -z "$pid" ] || kill -KILL -- "-$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
go test -c -tags contract -o "$work/contract" ./agent/internal/connector || cannot "the check cannot be built"
cd agent/internal/connector
set -m
APIS=$apis PRISM=$prism "$work/contract" -test.run '^TestContract$' -test.timeout 30m &
pid=$!
wait "$pid"
