#!/usr/bin/env bash
# Sourced by the other scripts: pinned tools, built once into a cache outside the tree.
# tool NAME MODULE@VERSION prints the path of the built command.
tool() {
  local name=$1 module=$2
  local dir="${XDG_CACHE_HOME:-$HOME/.cache}/rollcall/tools/${name}-${module##*@}"
  if [ ! -x "$dir/$name" ]; then
    echo "building $module (once)" >&2
    mkdir -p "$dir"
    GOBIN="$dir" CGO_ENABLED=0 GOFLAGS='' go install "$module" >&2 || return 1
  fi
  echo "$dir/$name"
}
