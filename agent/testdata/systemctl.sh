#!/bin/bash
# What systemd does with rollcall.service, as far as the page about the first
# sync needs it: passes credentials and the state folder, and runs ExecStart as
# the unit's user. FIRST_SYNC is a folder for what it needs itself.
set -euo pipefail
unit=/etc/systemd/system/rollcall.service
value() { sed -n "s/^$1=//p" "$unit"; }

stop() {
  [ -e "$FIRST_SYNC/pid" ] || return 0
  kill "$(cat "$FIRST_SYNC/pid")"
  tail --pid="$(cat "$FIRST_SYNC/pid")" -s 0.05 -f /dev/null
  rm "$FIRST_SYNC/pid"
}

start() {
  local user credential credentials=$FIRST_SYNC/credentials
  user=$(value User)
  install -d -o "$user" -m 500 "$credentials"
  for credential in $(value LoadCredential); do
    install -o "$user" -m 400 "${credential#*:}" "$credentials/${credential%%:*}"
  done
  install -d -o "$user" -g "$user" -m "$(value StateDirectoryMode)" "/var/lib/$(value StateDirectory)"
  # shellcheck disable=SC2046 # a command line
  (cd / && umask "$(value UMask)" && exec setpriv --reuid="$user" --regid="$(value Group)" --init-groups --no-new-privs --bounding-set=-all \
    env -i PATH=/usr/bin CREDENTIALS_DIRECTORY="$credentials" $(value ExecStart)) >"$FIRST_SYNC/log" 2>&1 &
  echo $! >"$FIRST_SYNC/pid"
  until grep -qE 'msg=(ready|"started)' "$FIRST_SYNC/log"; do
    kill -0 "$(cat "$FIRST_SYNC/pid")" 2>/dev/null || { cat "$FIRST_SYNC/log"; exit 1; }
    sleep 0.1
  done
}

case $* in
  daemon-reload) ;;
  "enable --now rollcall") start ;;
  "restart rollcall") stop; start ;;
  "stop rollcall") stop ;;
  "status rollcall") kill -0 "$(cat "$FIRST_SYNC/pid")"; cat "$FIRST_SYNC/log" ;;
  *) echo "systemctl $*: not known here"; exit 2 ;;
esac
