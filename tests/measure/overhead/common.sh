# Sourced by the scripts here: builds the programs, reads SPECs, runs things under a library.
# A SPEC names a library:  [LABEL@]FILE.so[:VAR=VALUE]...   (a VALUE may hold blanks, no colon)   or is the word
# "peers": empty, bare, pass, limit and every packaged interposer found here.  "none" always comes first by itself.
# With RAW=FILE in the environment the measured numbers are also appended there: measure, what, label, value (tabs).
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LABEL=(); SOFILE=(); SOENV=()               # per library: its name, its file, its variables (one on a line)
PORT=; PEER=; EXEC=
export LC_ALL=C

if [ -n "$OVERHEAD_TMP" ]; then B=$OVERHEAD_TMP; mkdir -p "$B"; OWN_B=
else B=$(mktemp -d "${TMPDIR:-/tmp}/overhead.XXXXXX") || exit 2; OWN_B=$B; fi
finish() { peer_down; [ -n "$OWN_B" ] && rm -rf "$OWN_B"; }
trap finish EXIT

need() {                                    # need TOOL...: one clear line and exit 2 when one is missing
  local t missing=()
  for t; do type -P "$t" >/dev/null || missing+=("$t"); done
  [ ${#missing[@]} = 0 ] && return
  echo "overhead: not found: ${missing[*]} (Debian packages: gcc valgrind strace gawk binutils)" >&2; exit 2
}
build() {                                   # once per work directory
  need gcc valgrind strace gawk readelf
  [ -e "$B/built" ] && return
  local cf="-O2 -Wall"
  gcc $cf -pthread -o "$B/calls" "$HERE/calls.c" || exit 2
  gcc $cf -o "$B/spawn" "$HERE/spawn.c" || exit 2
  gcc $cf -shared -fPIC -o "$B/empty.so" "$HERE/empty.c" || exit 2
  gcc $cf -shared -fPIC -o "$B/pass.so" "$HERE/pass.c" || exit 2
  gcc $cf -shared -fPIC -DBARE -o "$B/bare.so" "$HERE/pass.c" || exit 2
  gcc $cf -shared -fPIC -DLOCK -o "$B/lock.so" "$HERE/pass.c" || exit 2
  gcc $cf -shared -fPIC -DCOUNT -o "$B/count.so" "$HERE/pass.c" || exit 2
  # One code+rodata segment, one data segment, no NEEDED, no start files: fewer mmaps, faults and relocations than empty.so.
  gcc $cf -shared -fPIC -DLAZY -nostdlib -Wl,-z,noseparate-code,-z,norelro,--hash-style=gnu,-s -o "$B/limit.so" "$HERE/pass.c" || exit 2
  printf 'AllowInbound 1\nAllowOutboundLocalhost 1\n' >"$B/torsocks.conf"
  printf 'strict_chain\nquiet_mode\nlocalnet 127.0.0.0/255.0.0.0\n[ProxyList]\nsocks4 127.0.0.1 9050\n' >"$B/proxychains.conf"
  chmod 755 "$B"; chmod 644 "$B"/*.conf; touch "$B/built"
}

packaged() { dpkg -L "$1" 2>/dev/null | grep -E "/$2\$" | head -1; }
add() {                                     # add LABEL FILE [VARIABLES]
  [ -n "$2" ] && [ -e "$2" ] || { echo "overhead: no $1, left out" >&2; return; }
  LABEL+=("$1"); SOFILE+=("$(readlink -f "$2")"); SOENV+=("$3")
}
add_peers() {
  add empty "$B/empty.so"; add bare "$B/bare.so"; add pass "$B/pass.so"; add limit "$B/limit.so"
  add eatmydata "$(packaged libeatmydata1 'libeatmydata.so.1')"
  add keepalive "$(packaged libkeepalive0 'libkeepalive.so.0')" "KEEPALIVE=on"
  add faketime "$(packaged libfaketime 'libfaketime.so.1')" "FAKETIME=+0"
  add torsocks "$(packaged torsocks 'libtorsocks.so.0')" "TORSOCKS_CONF_FILE=$B/torsocks.conf"
  add proxychains "$(packaged libproxychains4 'libproxychains.so.4')" \
    "PROXYCHAINS_CONF_FILE=$B/proxychains.conf"$'\n'"PROXYCHAINS_QUIET_MODE=1"
  add swrap-off "$(packaged libsocket-wrapper 'libsocket_wrapper.so')"
  mkdir -p "$B/swrap"
  add swrap-on "$(packaged libsocket-wrapper 'libsocket_wrapper.so')" "SOCKET_WRAPPER_DIR=$B/swrap"$'\n'"SOCKET_WRAPPER_DEFAULT_IFACE=1"
}
specs() {                                   # specs SPEC...: fills LABEL, SOFILE, SOENV
  LABEL=(none); SOFILE=(""); SOENV=("")
  local s file label
  for s; do
    if [ "$s" = peers ]; then add_peers; continue; fi
    label=${s%%@*}; [ "$label" = "$s" ] && label= || s=${s#*@}
    file=${s%%:*}
    [ -n "$label" ] || { label=$(basename "$file"); label=${label%%.so*}; label=${label#lib}; }
    [ "$file" = "$s" ] && s= || s=${s#*:}
    [ -e "$file" ] || { echo "overhead: no such file: $file" >&2; exit 2; }
    case $s in "") ;; [A-Za-z_]*=*) ;; *) echo "overhead: \"$s\" after the file name is not VAR=VALUE" >&2; exit 2 ;; esac
    add "$label" "$file" "${s//:/$'\n'}"
  done
}
redirects() { case "${SOENV[$1]}" in *SOCKET_WRAPPER_DIR*) return 0 ;; *) return 1 ;; esac; }

envof() {                                   # envof I: the environment of library I, one variable on a line
  echo "PATH=$PATH"; echo "HOME=$B"
  [ -n "${SOFILE[$1]}" ] && echo "LD_PRELOAD=${SOFILE[$1]}"
  [ -n "${SOENV[$1]}" ] && echo "${SOENV[$1]}"
  [ -n "$PORT" ] && echo "CALLS_PORT=$PORT"
}
under() { local i=$1 e; shift; mapfile -t e < <(envof "$i"); $EXEC env -i "${e[@]}" "$@"; }
traced() {                                  # traced I STRACE-OPTION... -- CMD...: strace without the library in strace itself
  local i=$1 a=() e x; shift
  mapfile -t e < <(envof "$i"); for x in "${e[@]}"; do a+=(-E "$x"); done
  while [ "$1" != -- ]; do a+=("$1"); shift; done; shift
  env -i PATH="$PATH" timeout 60 strace -f "${a[@]}" "$@"
}
peer_up() {                                 # the other end: native, unless the library redirects sockets
  local w=0 k; if redirects "$1"; then w=$1; rm -f "$B"/swrap/*; fi
  PORT=; rm -f "$B/port.$1"
  EXEC=exec under $w "$B/calls" peer "$B/port.$1" >/dev/null 2>&1 & PEER=$!
  for k in $(seq 100); do [ -s "$B/port.$1" ] && break; sleep 0.05; done
  PORT=$(cat "$B/port.$1")
}
peer_down() { [ -n "$PEER" ] && kill "$PEER" 2>/dev/null && wait "$PEER" 2>/dev/null; PEER=; PORT=; }

row() { local IFS='|'; echo "|$*|"; }      # one line of a table
heading() { local a=() x; for x; do a+=("---"); done; row "$@"; row "${a[@]}"; }
raw() { [ -n "$RAW" ] && printf '%s\t%s\t%s\t%s\n' "$@" >>"$RAW"; return 0; }
