#!/usr/bin/env bash
# A real Active Directory for development and tests: Samba as a domain
# controller of AD.TEST on a loopback address. It needs root on Debian. Its
# passwords are written below for anyone to read: use it for nothing else.
set -euo pipefail

usage() {
  cat <<'USAGE'
dc.sh install                   the Debian packages; does nothing when they are there
dc.sh provision                 makes the domain once and keeps a snapshot of it below
                                ${XDG_CACHE_HOME:-~/.cache}/rollcall
dc.sh start DIR [IP] [--for PID [--remove]]
                                a fresh copy of the snapshot in DIR, running on IP
                                (127.0.0.20 to 127.0.0.60; default: a free one from .21).
                                With --for it ends when the process PID does, and with
                                --remove DIR goes too. DIR/dc.env says how to reach it.
                                With ROLLCALL_DC_MODEL=standard in the environment each
                                connection has a process of its own; otherwise four
                                processes share all, and one that waits for its turn to
                                write keeps all its connections waiting.
dc.sh stop DIR                  ends it; nothing of it is left running
USAGE
}

readonly packages="samba samba-ad-dc samba-ad-provision samba-dsdb-modules winbind ldap-utils ldb-tools tdb-tools openssl pgrep=procps"
readonly base_dn="DC=ad,DC=test"
readonly agent_dn="CN=rollcall,CN=Users,$base_dn"
readonly admin_dn="CN=Administrator,CN=Users,$base_dn"
readonly admin_password="Loopback-Admin-1" agent_password="Loopback-Agent-1" user_password="Loopback-User-1"
readonly first_ip=20 last_ip=60
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
# shellcheck source=scripts/packages.sh
. "$here/packages.sh"

fail() { echo "dc.sh: $*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || fail "$1 needs root: Samba sets ACLs and listens on ports 389 and 636; next: run it as root"; }

install_packages() {
  command -v apt-get >/dev/null || fail "install needs a Debian system (no apt-get here)"
  # shellcheck disable=SC2086 # a list of words
  need $packages
}

# cache_folder names the folder of the snapshot. Each version of Samba, of this
# script and of the seed has its own.
cache_folder() {
  local version digest
  version=$(samba --version | awk '{print $2}')
  digest=$(cat "$here/dc.sh" "$here/dc-seed.ldif" | sha256sum | cut -c1-12)
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/rollcall/dc-$version-$digest"
}

certificates() { # DIR
  local sans="DNS:dc1.ad.test" i
  for ((i = first_ip; i <= last_ip; i++)); do sans+=",IP:127.0.0.$i"; done
  (
    cd "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
      -subj "/CN=rollcall development CA" -addext "keyUsage=critical,keyCertSign,cRLSign" \
      -keyout ca.key -out ca.pem
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
      -subj "/CN=dc1.ad.test" -keyout leaf.key -out leaf.csr
    openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -out leaf.pem \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' "$sans")
    rm -f ca.key leaf.csr ca.srl
    chmod 600 leaf.key
  ) >/dev/null 2>&1 || fail "openssl could not make the certificates"
}

# unicode_pwd prints a password as unicodePwd requires it (quoted, UTF-16LE), in
# base64.
unicode_pwd() { printf '"%s"' "$1" | iconv -t UTF-16LE | base64 -w0; }

seed() { # the database
  local db=$1 sid
  local user=bf967aba-0de6-11d0-a285-00aa003049e2 group=bf967a9c-0de6-11d0-a285-00aa003049e2
  local member=bf9679c0-0de6-11d0-a285-00aa003049e2 replicate=1131f6aa-9c07-11d1-f79f-00c04fc2dcd2
  # ldbmodify takes records without a changetype as additions.
  sed -e "s|@AGENT_PASSWORD@|$(unicode_pwd "$agent_password")|" -e "s|@USER_PASSWORD@|$(unicode_pwd "$user_password")|" \
    "$here/dc-seed.ldif" | ldbmodify -H "$db" --option=ldb:nosync=true
  sid=$(ldbsearch -H "$db" -b "$agent_dn" -s base objectSid | awk '/^objectSid:/ {print $2}')
  grant() { samba-tool dsacl set -H "$db" --option=ldb:nosync=true --objectdn="$1" --sddl="$2"; }
  local ou
  for ou in Staff Leavers; do
    grant "OU=$ou,$base_dn" "(OA;CI;CCDC;$user;;$sid)(OA;CIIO;GA;;$user;$sid)"
  done
  grant "OU=Groups,$base_dn" "(OA;CIIO;WP;$member;$group;$sid)"
  grant "$base_dn" "(OA;;CR;$replicate;;$sid)"
  # Samba reports deletions only to accounts that may list this container (on
  # Windows: dsacls with LCRP). samba-tool cannot reach the container, because it
  # counts as deleted itself.
  ldbmodify -H "$db" --option=ldb:nosync=true --controls=show_deleted:1 <<LDIF
dn: CN=Deleted Objects,$base_dn
changetype: modify
replace: nTSecurityDescriptor
nTSecurityDescriptor: O:SYG:SYD:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)(A;;RPLC;;;$sid)
LDIF
}

provision() { # sets cache
  command -v samba-tool >/dev/null || fail "Samba is not installed; next: scripts/dc.sh install"
  need_root provision
  cache=$(cache_folder)
  mkdir -p "$(dirname "$cache")"
  exec 8>"$cache.lock"
  flock 8
  if [ ! -e "$cache/ready" ]; then
    rm -rf "$cache"
    mkdir -m 700 "$cache"
    # A separate command, so that its first failure ends it.
    "$here/dc.sh" make-domain "$cache" >"$cache/log" 2>&1 || { tail -n 20 "$cache/log" >&2; fail "provisioning failed; the whole output is in $cache/log"; }
    touch "$cache/ready"
  fi
  exec 8>&-
}

make_domain() { # CACHE
  local cache=$1
  # With its own configuration: the system's smb.conf is neither read nor changed.
  echo '[global]' >"$cache/base.conf"
  samba-tool domain provision --configfile="$cache/base.conf" --realm=AD.TEST --domain=ADTEST \
    --server-role=dc --dns-backend=NONE --use-rfc2307 --adminpass="$admin_password" \
    --host-name=dc1 --host-ip=127.0.0.$first_ip --function-level=2008_R2 --backend-store=mdb \
    --targetdir="$cache/domain" --option=ldb:nosync=true
  seed "$cache/domain/private/sam.ldb"
  certificates "$cache"
}

smb_conf() { # DIR IP
  cat <<CONF
[global]
  realm = AD.TEST
  workgroup = ADTEST
  netbios name = DC1
  server role = active directory domain controller
  server services = ldap, kdc
  interfaces = $2/8
  bind interfaces only = Yes
  disable netbios = Yes
  private dir = $1/private
  state directory = $1/state
  cache directory = $1/cache
  lock directory = $1/lock
  pid directory = $1/lock
  ncalrpc dir = $1/lock/ncalrpc
  ntp signd socket directory = $1/lock/ntp
  winbindd socket directory = $1/lock/winbindd
  binddns dir = $1/bind-dns
  log file = $1/samba.log
  tls enabled = yes
  tls cafile = $1/ca.pem
  tls certfile = $1/leaf.pem
  tls keyfile = $1/leaf.key
  idmap_ldb:use rfc2307 = yes
  prefork children:ldap = 4
  ldb:nosync = true
[sysvol]
  path = $1/state/sysvol
[netlogon]
  path = $1/state/sysvol/ad.test/scripts
CONF
}

# lock_ip opens the lock of an address as descriptor 9. Samba inherits it, so the
# address stays locked until its last process has ended.
lock_ip() {
  exec 9>"/run/lock/rollcall-dc-$1"
  flock -n 9 && ! listens "$1"
}

# listens reports whether another program uses one of Samba's ports on an
# address, such as a domain controller in a container that shares the network.
listens() {
  local port
  for port in 88 389 636; do
    if (exec 3<>"/dev/tcp/$1/$port") 2>/dev/null; then return 0; fi
  done
  return 1
}

pick_ip() { # [IP]; sets ip
  if [ -n "${1:-}" ]; then
    ip=$1
    lock_ip "$ip" || fail "something else listens on $ip, such as another domain controller; next: stop it, or leave the address out"
    return
  fi
  local i
  for ((i = first_ip + 1; i <= last_ip; i++)); do
    ip=127.0.0.$i
    if lock_ip "$ip"; then return; fi
  done
  fail "all loopback addresses from .$((first_ip + 1)) to .$last_ip are taken by domain controllers"
}

restore() { # CACHE DIR IP
  local cache=$1 dir=$2
  if [ -e "$dir/dc.env" ]; then
    if running "$dir"; then fail "a domain controller runs in $dir; next: scripts/dc.sh stop $dir"; fi
    rm -rf "$dir"
  fi
  mkdir -p "$dir"
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty and holds no domain controller; next: name another folder"
  chmod 700 "$dir"
  # dc.env is written first: it marks the folder as one that may be replaced.
  (umask 077; cat >"$dir/dc.env" <<ENV
DC_IP='$3'
DC_HOST='dc1.ad.test'
DC_URL='ldaps://$3'
DC_CA_FILE='$dir/ca.pem'
DC_BASE_DN='$base_dn'
DC_BIND_DN='rollcall@ad.test'
DC_BIND_PASSWORD='$agent_password'
DC_ADMIN_DN='$admin_dn'
DC_ADMIN_PASSWORD='$admin_password'
DC_USER_PASSWORD='$user_password'
ENV
  )
  mkdir "$dir/cache" "$dir/lock"
  cp -a --sparse=always "$cache/domain/private" "$cache/domain/state" "$cache/ca.pem" "$cache/leaf.pem" "$cache/leaf.key" "$dir/"
  smb_conf "$dir" "$3" >"$dir/smb.conf"
}

start() { # DIR [IP] [--for PID [--remove]]
  local dir="" ip="" wanted="" watch="" remove=""
  while [ $# -gt 0 ]; do
    case $1 in
      --for) watch=${2:?--for needs a process id}; shift ;;
      --remove) remove=1 ;;
      -*) usage >&2; exit 2 ;;
      *) if [ -z "$dir" ]; then dir=$1; else wanted=$1; fi ;;
    esac
    shift
  done
  [ -n "$dir" ] || { usage >&2; exit 2; }
  dir=$(realpath -m "$dir")
  # Samba's sockets lie below DIR, and a socket's path holds 107 bytes.
  [ ${#dir} -le 70 ] || fail "$dir is too long a path for Samba's sockets; next: name a folder of at most 70 characters"
  local cache
  provision
  pick_ip "$wanted"
  restore "$cache" "$dir" "$ip"
  setsid "$here/dc.sh" supervise "$dir" "${watch:-0}" "$remove" </dev/null >"$dir/samba.out" 2>&1 &
  echo "DC_PID='$!'" >>"$dir/dc.env"
  wait_ready "$dir" $!
}

# supervise runs Samba until it is told to stop or the watched process has ended.
# It leads its own session and process group; dc.env holds its pid.
supervise() { # DIR PID REMOVE
  local dir=$1 watch=$2 remove=$3 samba
  cd "$dir"
  samba -F --no-process-group ${ROLLCALL_DC_MODEL:+-M "$ROLLCALL_DC_MODEL"} -s "$dir/smb.conf" &
  samba=$!
  trap 'exit 0' TERM INT HUP
  # shellcheck disable=SC2064 # the values of now
  trap "end_group $samba '$dir' '$remove'" EXIT
  if [ "$watch" != 0 ]; then
    tail --pid="$watch" -s 0.2 -f /dev/null &
  fi
  wait -n || true
}

end_group() { # SAMBA DIR REMOVE
  trap '' TERM
  kill -TERM "$1" 2>/dev/null || true
  local i p
  for ((i = 0; i < 30; i++)); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  for p in $(pgrep -g $$); do
    if [ "$p" != $$ ]; then kill -KILL "$p" 2>/dev/null || true; fi
  done
  if [ -n "$3" ]; then rm -rf "$2"; fi
}

running() { # DIR: true while any process of its group lives
  local DC_PID=""
  # shellcheck disable=SC1091 # written by restore
  [ -e "$1/dc.env" ] && . "$1/dc.env"
  [ -n "$DC_PID" ] && ours "$DC_PID" "$1"
}

# ours guards against a pid that now belongs to another program: a process of the
# group must have DIR as its working folder.
ours() { # GROUP DIR
  local p
  for p in $(pgrep -g "$1"); do
    [ "$(readlink "/proc/$p/cwd")" = "$2" ] && return
  done
  return 1
}

wait_ready() { # DIR PID
  # shellcheck disable=SC1091 # written by restore
  . "$1/dc.env"
  (umask 077; printf %s "$admin_password" >"$1/lock/password")
  local i
  for ((i = 0; i < 3000; i++)); do # only a hang takes longer, not a busy machine
    if LDAPTLS_CACERT=$DC_CA_FILE ldapsearch -LLL -x -H "$DC_URL" -D "$DC_ADMIN_DN" -y "$1/lock/password" -b "$DC_BASE_DN" -s base dn >/dev/null 2>&1; then
      echo "domain controller of ad.test at $DC_URL, $1/dc.env says how to reach it" >&2
      return
    fi
    kill -0 "$2" 2>/dev/null || { cat "$1/samba.out" >&2; fail "Samba ended while starting"; }
    sleep 0.1
  done
  tail -n 20 "$1/samba.out" "$1/samba.log" >&2 || true
  stop "$1"
  fail "no LDAPS bind within minutes"
}

stop() { # DIR
  local dir DC_PID=""
  dir=$(realpath -m "${1:?stop needs DIR}")
  [ -e "$dir/dc.env" ] || fail "no domain controller in $dir"
  # shellcheck disable=SC1091 # written by restore
  . "$dir/dc.env"
  if [ -z "$DC_PID" ] || ! ours "$DC_PID" "$dir"; then return; fi
  kill -TERM "$DC_PID" 2>/dev/null || true
  local i
  for ((i = 0; i < 80; i++)); do
    ours "$DC_PID" "$dir" || return 0
    sleep 0.05
  done
  kill -KILL -- "-$DC_PID" 2>/dev/null || true
  while ours "$DC_PID" "$dir"; do sleep 0.05; done
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  install) install_packages ;;
  provision) provision ;;
  start) need_root start; start "$@" ;;
  stop) stop "$@" ;;
  make-domain) make_domain "$@" ;;
  supervise) supervise "$@" ;;
  *) usage >&2; exit 2 ;;
esac
