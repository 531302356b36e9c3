#!/usr/bin/env bash
# Sourced before `go test -race`, also by hand: leaves the race detector out of
# code of others that only computes, where it takes most of the time and finds
# nothing of ours. SQLite is C that was translated and locks for itself;
# wazero's compiler works on one module in a process of its own. What talks to
# them (the driver of the database, the running of modules) stays under the
# detector, and all of our own code does.
for computes in modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory \
  github.com/tetratelabs/wazero/internal/engine/wazevo/{backend/...,frontend,ssa,wazevoapi} \
  github.com/tetratelabs/wazero/internal/{leb128,wasm,wasm/binary}; do
  GOFLAGS="${GOFLAGS:-$(go env GOFLAGS)} -gcflags=$computes=-race=false"
done
unset computes
export GOFLAGS # the programs that tests build are built alike
