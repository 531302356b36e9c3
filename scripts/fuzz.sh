#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 30s) each. An input that
# covers something new is made smaller for 100 tries only: Go's default, a minute for
# each, would leave no time for others.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do
  grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | cut -d' ' -f2 | while read -r target; do
    echo "== $(dirname "$file") $target"
    go test "$(dirname "$file")" -run '^$' -fuzz "^${target}\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 100x
  done
done
