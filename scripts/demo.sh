#!/usr/bin/env bash
# Shows rollcall's main job on this machine alone: a Samba AD domain controller,
# a simulated Pipedrive company with 500 people, a simulated Infobip account, and
# the agent between them, at the end in both directions at once.
# ROLLCALL_DEMO_END=1 ends after the story instead of leaving the agent running.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/tools.sh
. scripts/packages.sh

fail() { echo "demo: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "a domain controller needs root: run it as root (in a container if you like)"
command -v apt-get >/dev/null || fail "it installs Samba with apt-get: run it on Debian"
command -v go >/dev/null || fail "Go 1.26 or later is not in the PATH"

demo=$PWD/.demo
export PATH="$PWD/bin:$PATH"
rollcall() { command rollcall --config "$demo/agent.toml" "$@"; }
bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
say() { printf '\033[36m%s\033[0m\n' "$*"; }
# step CODE COMMAND...: shows a command, runs it and checks its exit code.
step() {
  local want=$1 code=0 word line=
  shift
  for word; do
    case $word in '' | *[!A-Za-z0-9_./:=,@%+-]*) word="'${word//\'/\'\\\'\'}'" ;; esac
    line+=" $word"
  done
  printf '\n\033[1m$%s\033[0m\n' "$line"
  "$@" || code=$?
  [ "$code" = "$want" ] || fail "\`$*\` ended with $code, not $want"
}
sim() { curl -fsS "http://127.0.0.1:$port/_sim/$1" "${@:2}" >/dev/null; }
pipedrive() { curl -fsS -H 'x-api-token: sim-api-token' "http://127.0.0.1:$port/v1/users/$1"; }
person() { pipedrive "$1" | sed -E 's/.*"name":"([^"]*)".*/\1/'; }
# infobip returns the person with an e-mail address; nothing when there is none.
infobip() {
  curl -fsS -H 'Authorization: App sim-api-key' "http://127.0.0.1:$infobip_port/people/2/persons?type=EMAIL&identifier=$1" 2>/dev/null
}
# seen_in_infobip WHAT: what the simulator has, beside its API.
seen_in_infobip() { curl -fsS "http://127.0.0.1:$infobip_port/_sim/$1" 2>/dev/null; }
# simulate PROGRAM ARGUMENTS...: starts a simulator and waits until it listens.
# Its port is in $listening then.
simulate() {
  local log=$demo/$1.log
  "bin/$1" --listen 127.0.0.1:0 "${@:2}" >"$log" 2>&1 &
  simulators+=" $!"
  for _ in $(seq 100); do
    listening=$(grep -oE '127\.0\.0\.1:[0-9]+' "$log" | head -n 1 | cut -d: -f2) && [ -n "$listening" ] && return
    sleep 0.1
  done
  fail "$1 did not start: $(cat "$log")"
}
# now is the time in milliseconds.
now() { date +%s%3N; }
# soon WHAT COMMAND...: as await, but looks again at once.
soon() {
  for _ in $(seq 3000); do "${@:2}" && return; sleep 0.01; done
  cat "$demo/agent.log"
  fail "$1 has not happened"
}
# await WHAT COMMAND...: waits until a command succeeds, for a minute at most.
await() {
  for _ in $(seq 120); do "${@:2}" && return; sleep 0.5; done
  cat "$demo/agent.log"
  fail "$1 has not happened"
}
# readable decodes the base64 values of LDIF: names with letters beyond ASCII.
readable() {
  local name value
  while IFS= read -r line; do
    case $line in
      *':: '*) name=${line%%::*} value=${line#*:: }; printf '  %s: %s\n' "$name" "$(base64 -d <<<"$value")" ;;
      '#'* | '') ;;
      dn:*) printf '\n  %s\n' "$line" ;;
      *) printf '  %s\n' "$line" ;;
    esac
  done
}
compile() {
  make --no-print-directory build
  CGO_ENABLED=0 go build -o bin/pipedrive-sim ./plugins/pipedrive/sim/cmd
  CGO_ENABLED=0 go build -o bin/infobip-sim ./plugins/infobip/sim/cmd
}
# disable disables an account as an administrator would.
disable() {
  LDAPTLS_CACERT=$DC_CA_FILE ldapmodify -H "$DC_URL" -x -D "$DC_ADMIN_DN" -w "$DC_ADMIN_PASSWORD" >/dev/null <<LDIF
dn: $1
changetype: modify
replace: userAccountControl
userAccountControl: 514
LDIF
}
directory() { LDAPTLS_CACERT=$DC_CA_FILE ldapsearch -LLL -o ldif-wrap=no -H "$DC_URL" -x -D "$DC_BIND_DN" -w "$DC_BIND_PASSWORD" -b "$DC_BASE_DN" "$@"; }

agent='' simulators='' watcher=''
# shellcheck disable=SC2329 # the trap calls it
stop() {
  trap '' INT TERM
  trap - EXIT
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
  for pid in $agent $simulators; do kill "$pid" 2>/dev/null || true; done
  for pid in $agent $simulators; do wait "$pid" 2>/dev/null || true; done
  if [ -e "$demo/dc/dc.env" ]; then scripts/dc.sh stop "$demo/dc"; fi
  rm -rf "$demo"
  echo "The demo has ended; nothing of it is left running."
}
trap stop EXIT

# make prints "Error 130" when a command exits with 130, and nothing when make
# itself was interrupted and the command exits with 0.
made=''
[ "$(cat /proc/$PPID/comm 2>/dev/null)" != make ] || made=$PPID
# shellcheck disable=SC2329 # the trap calls it
interrupted() {
  [ -n "$made" ] || exit 130
  kill -INT "$made" 2>/dev/null || true
  exit 0
}
trap interrupted INT TERM
# interrupt interrupts a process and its descendants, as Ctrl-C on a terminal
# does.
# shellcheck disable=SC2329 # runs in the background
interrupt() {
  local child
  kill -INT "$1" 2>/dev/null || true
  for child in $(pgrep -P "$1"); do
    if [ "$child" != "$BASHPID" ]; then interrupt "$child"; fi
  done
}
# make does not pass on an interrupt that only make received: it blocks the signal
# (bit 2 of SigBlk) until the command has ended.
# shellcheck disable=SC2329 # runs in the background
watch_make() {
  local blocked
  while blocked=$(awk '/^SigBlk:/ { print $2 }' "/proc/$made/status" 2>/dev/null) && [ -n "$blocked" ]; do
    if ((0x${blocked:8} & 2)); then interrupt $$; return; fi
    sleep 0.5
  done
  kill -TERM $$ # make has ended
}
if [ -n "$made" ]; then watch_make & watcher=$!; fi

bold "1. What it needs: rollcall, its Pipedrive connector, and a domain controller"
need ca-certificates curl=curl pgrep=procps
scripts/dc.sh install
during "compiling rollcall, the connectors and a simulated Pipedrive (for the first time this takes minutes)" compile
during "making an Active Directory domain (once)" scripts/dc.sh provision
rm -rf "$demo"
mkdir -m 700 "$demo"
scripts/dc.sh start "$demo/dc" --for $$
# shellcheck disable=SC1091 # written a moment ago
. "$demo/dc/dc.env"
say "Active Directory: $DC_URL, domain $DC_BASE_DN"

simulate pipedrive-sim --people 500 --seed 1 --no-email 3 --loopback-webhooks
port=$listening
say "Pipedrive (simulated): http://127.0.0.1:$port, 500 people"

(umask 077; printf '%s' "$DC_BIND_PASSWORD" >"$demo/ad_password"; printf 'sim-api-token' >"$demo/pipedrive_token")
sed -e "s|/var/lib/rollcall|$demo/state|" \
  -e "s|/usr/lib/rollcall/modules|$PWD/bin/modules|" \
  -e 's|^include .*||' \
  -e "s|\"ldaps://dc1.example.com\", \"ldaps://dc2.example.com\"|\"$DC_URL\"|" \
  -e "s|/etc/rollcall/ca.pem|$DC_CA_FILE|" \
  -e "s|@{cred:|@{file:$demo/|" \
  -e 's|DC=example,DC=com|DC=ad,DC=test|g' -e 's|example\.com|ad.test|g' \
  -e 's|CHANGE||' \
  -e "s|^connector = \"pipedrive\"|&\nbase_url  = \"http://127.0.0.1:$port\"|" \
  -e 's|^# schedule  = .*|schedule    = "* * * * *"|' \
  -e 's|create = 100|create = 400|' \
  configs/agent.toml >"$demo/agent.toml"
say "Configuration: $demo/agent.toml"
step 0 rollcall validate

bold "2. The plan: who would get an account, and why. Nothing is written."
code=0
rollcall plan staff >"$demo/plan.txt" || code=$?
[ "$code" = 3 ] || { cat "$demo/plan.txt"; fail "plan ended with $code, not 3"; }
head -n 32 "$demo/plan.txt"
say "... ($(wc -l <"$demo/plan.txt") lines in all; its end:)"
tail -n 42 "$demo/plan.txt"

bold "3. Apply: the limit lets 400 new accounts through in 24 hours and holds the rest."
step 3 rollcall apply staff
run=$(rollcall --output json runs | grep -m1 '"id"' | grep -oE '[0-9]+')

bold "4. Somebody looked at it: approve what run $run holds."
step 0 rollcall approve "$run"

bold "5. The second run: everything is as it should be."
step 4 rollcall apply staff
say "Exit code 4: done, and the people without an e-mail address are in quarantine, each with a reason."

bold "6. In Pipedrive: a rename, a joiner, a leaver. Then the next run."
say "400 accounts were made without anybody looking; the limit for 24 hours is raised to 450 for what comes."
sed -i 's|create = 400|create = 450|' "$demo/agent.toml"
old=$(person 4) leaver=$(person 5)
sim users/4 -X PATCH -d '{"name":"Ada King Lovelace"}'
sim users -X POST -d '{"name":"Bo Ek","email":"bo.ek@example.org"}'
sim users/5/deactivate -X POST
say "Renamed: $old is now Ada King Lovelace. Joined: Bo Ek. Left: $leaver."
step 4 rollcall apply --verbose staff
say "In the directory:"
directory '(|(employeeNumber=pipedrive:4)(employeeNumber=pipedrive:5)(employeeNumber=pipedrive:501))' displayName sAMAccountName userAccountControl | readable

bold "7. Pipedrive has a bad day and answers with nobody at all."
sim faults -X POST -d '{"kind":"data_empty","route":"users","times":1}'
step 3 rollcall apply staff
say "Exit code 3, result doubtful: nobody is disabled, and somebody should look why."
bold "   ... and with only half of the people."
sim faults -X POST -d '{"kind":"half","route":"users","times":1}'
step 3 rollcall apply staff
bold "   ... and with an answer that breaks off."
sim faults -X POST -d '{"kind":"truncate","route":"users","bytes":20000,"times":1}'
step 1 rollcall apply staff
say "Accounts that rollcall has disabled in all of this: $(directory '(&(employeeNumber=pipedrive:*)(userAccountControl:1.2.840.113556.1.4.803:=2))' dn | grep -c '^dn:') (the one who left)."

bold "8. The other direction: what happens in Active Directory goes to the applications."
simulate infobip-sim --people 20 --agents 0
infobip_port=$listening
say "Infobip (simulated): http://127.0.0.1:$infobip_port"
(umask 077; printf 'sim-api-key' >"$demo/infobip_key"; printf 'what-pipedrive-sends-with-changes' >"$demo/receiver_password")
sed -i 's|^\[automations\.staff\]|&\nafter       = { created = "welcome" }|' "$demo/agent.toml"
tee -a "$demo/agent.toml" <<TEXT

[applications.infobip]
connector = "infobip"
base_url  = "http://127.0.0.1:$infobip_port"
auth      = "api_key"
api_key   = "@{file:$demo/infobip_key}"

[orchestrations.welcome]
description = "A new employee becomes a person in Infobip"
[[orchestrations.welcome.steps]]
webhook = "infobip/create_person"
if      = 'link == null'
[[orchestrations.welcome.steps]]
webhook = "infobip/create_agent"
if      = 'link == null'

[orchestrations.leaver]
description = "Who is disabled in AD loses the seat in Pipedrive"
cancel_when = '!ad.disabled'
[[orchestrations.leaver.steps]]
webhook = "pipedrive/deactivate_user"
if      = 'link != null'
[[orchestrations.leaver.steps]]
webhook = "infobip/disable_agent"
if      = 'link != null'

# Both ways at once: whatever anybody changes in AD.
[automations.leavers]
trigger       = "directory"
on            = ["disabled"]
where         = 'links.infobip != null'
orchestration = "leaver"

[orchestrations.rename]
[[orchestrations.rename.steps]]
webhook = "infobip/update_person"
if      = 'link != null'

[automations.renames]
trigger       = "directory"
on            = ["modified(displayName)"]
where         = 'links.infobip != null'
orchestration = "rename"

# And what Pipedrive tells by itself.
[receiver]
listen = "127.0.0.1:9481"
url    = "http://127.0.0.1:9481"
[applications.pipedrive.receiver]
enabled  = true
username = "pipedrive"
password = "@{file:$demo/receiver_password}"
TEXT
step 0 rollcall validate
say "A new employee: Ida Berg appears in Pipedrive. A run makes the account, and with it what must follow."
sim users -X POST -d '{"name":"Ida Berg","email":"ida.berg@example.org"}'
step 4 rollcall apply staff
say "A leaver: an administrator disables the account of $(person 9) in AD, with whatever tool."
leaver=$(directory '(employeeNumber=pipedrive:9)' dn | sed -n 's/^dn: //p')
disable "$leaver"
step 0 rollcall test webhook pipedrive/deactivate_user --user "$leaver" --dry-run
step 0 rollcall orchestrate leaver --user "$leaver" --yes
say "Both are kept in the state until the agent runs:"
step 0 rollcall orchestrations

bold "9. The agent, every minute from now on."
# Not through the function above: its process would be a shell around the agent.
"$(type -P rollcall)" --config "$demo/agent.toml" run 2>"$demo/agent.log" &
agent=$!
ready() { curl -fsS http://127.0.0.1:9480/readyz >/dev/null 2>&1; }
await "that the agent is ready" ready
in_infobip() { found=$(infobip ida.berg@example.org) && [[ $found == *'"firstName":"Ida"'* ]]; }
in_pipedrive() { pipedrive 9 | grep -q '"active_flag":false'; }
await "that Ida Berg is in Infobip" in_infobip
await "that $(person 9) is deactivated in Pipedrive" in_pipedrive
say "Infobip:   $found"
say "Pipedrive: $(person 9), $(pipedrive 9 | grep -o '"active_flag":[a-z]*')"
step 0 rollcall orchestrations --all

bold "10. Both ways at once: the agent hears what changes in AD and in Pipedrive."
step 0 rollcall webhook-receiver register pipedrive
ida=$(curl -fsS -H 'x-api-token: sim-api-token' "http://127.0.0.1:$port/v1/users/find?term=ida.berg@example.org&search_by_email=1" | grep -oE '"id":[0-9]+' | head -n 1 | cut -d: -f2)
say "Ida Berg marries. Somebody changes the name in Pipedrive, which tells rollcall."
renamed_in_ad() { directory "(employeeNumber=pipedrive:$ida)" displayName | grep -q 'displayName: Ida Sand'; }
# Looked at beside the API, whose rate limit would otherwise be spent by looking.
ida_in_infobip=$(grep -oE '"id":[0-9]+' <<<"$found" | head -n 1 | cut -d: -f2)
agents_in_infobip=$(seen_in_infobip stats | grep -oE '"agents":[0-9]+' | cut -d: -f2)
renamed_in_infobip() { seen_in_infobip "persons/$ida_in_infobip" | grep -q '"lastName":"Sand"'; }
began=$(now)
sim "users/$ida" -X PATCH -d '{"name":"Ida Sand"}'
soon "that the new name is in AD" renamed_in_ad
say "  in AD after $(($(now) - began)) ms,"
soon "that the new name is in Infobip" renamed_in_infobip
say "  and from there in Infobip after $(($(now) - began)) ms."
say "Then she leaves: an administrator disables the account in AD."
leaver=$(directory "(employeeNumber=pipedrive:$ida)" dn | sed -n 's/^dn: //p')
without_seat() { curl -fsS "http://127.0.0.1:$port/_sim/users/$ida" | grep -q '"active_flag":false'; }
without_agent() {
  for n in $(seq "$agents_in_infobip"); do
    seen_in_infobip "agents/$n" | grep '"displayName":"Ida ' | grep -q '"enabled":false' && return
  done
  return 1
}
began=$(now)
disable "$leaver"
soon "that the seat in Pipedrive is gone" without_seat
say "  deactivated in Pipedrive after $(($(now) - began)) ms,"
soon "that the agent in Infobip is disabled" without_agent
say "  and disabled in Infobip after $(($(now) - began)) ms."
say "What happened to her, from all sides:"
step 0 rollcall explain "$leaver" --since 10m
[ -z "${ROLLCALL_DEMO_END:-}" ] || exit 0
cat <<TEXT
It runs. Metrics: http://127.0.0.1:9480/metrics    Log: $demo/agent.log

Try in another terminal:
  cd $PWD
  bin/rollcall --config .demo/agent.toml runs
  bin/rollcall --config .demo/agent.toml quarantine list
  bin/rollcall --config .demo/agent.toml events
  bin/rollcall --config .demo/agent.toml explain pipedrive:7
  curl -X PATCH -d '{"name":"Grace Hopper"}' http://127.0.0.1:$port/_sim/users/7
  bin/rollcall --config .demo/agent.toml plan staff
  bin/rollcall --config .demo/agent.toml journal verify

Ctrl-C ends all of it and removes what the demo made.
TEXT
wait "$agent"
