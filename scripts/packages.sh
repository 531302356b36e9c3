#!/usr/bin/env bash
# Sourced by the other scripts: installs missing Debian packages.
# need WHAT...: a package, or COMMAND=PACKAGE if the command may also come from
# elsewhere. Without dpkg, only commands are checked.

missing_packages() {
  local what
  for what in "$@"; do
    case $what in
      *=*) command -v "${what%%=*}" >/dev/null || echo "${what#*=}" ;;
      *) ! command -v dpkg-query >/dev/null || [ "$(dpkg-query -W -f '${db:Status-Status}' "$what" 2>/dev/null)" = installed ] || echo "$what" ;;
    esac
  done
}

# quietly runs a command and shows its output only if it fails.
quietly() {
  local said
  said=$(DEBIAN_FRONTEND=noninteractive "$@" 2>&1) || { printf '%s\n' "$said" >&2; return 1; }
}

need() {
  local missing policy=/usr/sbin/policy-rc.d
  missing=$(missing_packages "$@" | xargs)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "${0##*/}: missing: $missing; next: install them (as root on Debian this is done by itself)" >&2
    return 1
  fi
  (
    exec 8>/run/lock/rollcall-packages
    flock 8
    missing=$(missing_packages "$@" | xargs)
    [ -n "$missing" ] || exit 0
    # Without this, packages would start their services on the system's addresses.
    if [ ! -e $policy ]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' >$policy
      chmod 755 $policy
    fi
    echo "installing with apt-get: $missing" >&2
    # shellcheck disable=SC2086 # a list of words
    quietly apt-get update -qq && quietly apt-get install -o DPkg::Lock::Timeout=300 -y -qq --no-install-recommends $missing
  )
}
