#!/usr/bin/env bash
# Sourced before `go test -race`, also by hand: excludes third-party code that
# only computes from the race detector, which would spend most of its time there
# and find none of our faults. SQLite is translated C with its own locks;
# wazero's compiler works on one module in a separate process. The code around
# them (the database driver, the running of modules) stays under the detector,
# and so does all of our own code.
#
# A package that instantiates generics of sync or sync/atomic (a sync.Map does)
# must not be on this list: the linker keeps one copy for the whole program, and
# with one that the detector does not watch it reports races that are none.
for computes in modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory \
  github.com/tetratelabs/wazero/internal/engine/wazevo/{backend/...,frontend,ssa} \
  github.com/tetratelabs/wazero/internal/{leb128,wasm/binary}; do
  GOFLAGS="${GOFLAGS:-$(go env GOFLAGS)} -gcflags=$computes=-race=false"
done
unset computes
export GOFLAGS # programs that tests build get the same flags
