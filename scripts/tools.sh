#!/usr/bin/env bash
# Sourced by the other scripts: builds pinned tools once, into a cache outside the
# tree.
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

# during TEXT COMMAND... prints what a command does, and repeats it every 20
# seconds, because compiling prints nothing for minutes.
during() {
  local text=$1 running status=0
  shift
  echo "$text" >&2
  exec {running}> >(
    SECONDS=0
    until read -r -t 20 _; [ $? -le 128 ]; do echo "  still at it after $SECONDS seconds" >&2; done
  )
  "$@" {running}>&- || status=$?
  exec {running}>&- # ends the reader
  return "$status"
}
