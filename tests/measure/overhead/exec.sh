#!/bin/bash
# exec.sh SPEC...
# 1. start: exec+exit of true(1): median time and ratio to none, ROUNDS (3000) rounds in random order on one CPU; instructions
#    (callgrind), system calls (strace) and minor faults of the whole process: what start-up costs, free of noise.
# 2. memory: of a process that sleeps, and of one with 1000 TCP sockets in use: kB and minor faults added (median of 9; the whole
#    process is good to about 30 kB because of read-ahead of shared pages; "of the .so itself" is what is mapped from it, with its .bss).
# 3. file: what the file asks of its host: size, NEEDED, TLS, GLIBC floor, exported and undefined symbols.
# PARTS='start file' for some only.
. "$(dirname "$0")/common.sh"; build; specs "$@"
PARTS=${PARTS:-start memory file}
median() { sort -n | gawk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

instructions() {
  under $1 valgrind -q --tool=callgrind --callgrind-out-file="$B/ir" "$true_" >/dev/null 2>&1; gawk '/^totals:/ { print $2 }' "$B/ir"
}
system_calls() { traced $1 -o "$B/sc" -- "$true_" 2>/dev/null; grep -cE '^[0-9]+ +[a-z0-9_]+\(' "$B/sc"; }
start() {
  local args=() i e us ratio q1 q3 faults bad ir sc ir0 sc0 faults0
  true_=$(type -P true)
  for i in "${!LABEL[@]}"; do mapfile -t e < <(envof $i); args+=(-- "${e[@]}"); done
  "$B/spawn" ${ROUNDS:-3000} "$true_" "${args[@]}" >"$B/spawn.out"
  echo "## exec+exit of true"; echo
  heading library "us (median)" "ratio to none" "quartiles" "instructions" "system calls" "minor faults" "exit not 0"
  i=0
  while read -r us ratio q1 q3 faults bad; do
    ir=$(instructions $i); sc=$(system_calls $i)
    if [ $i = 0 ]; then
      ir0=$ir sc0=$sc faults0=$faults; row none $us 1 "$q1-$q3" $ir $sc $faults $bad
    else
      raw start instructions "${LABEL[$i]}" $((ir - ir0)); raw start "system calls" "${LABEL[$i]}" $((sc - sc0))
      raw start "minor faults" "${LABEL[$i]}" $((faults - faults0)); raw start "exit not 0" "${LABEL[$i]}" $bad
      raw exec "ratio to none" "${LABEL[$i]}" $ratio
      row "${LABEL[$i]}" $us $ratio "$q1-$q3" "+$((ir - ir0))" "+$((sc - sc0))" "+$((faults - faults0))" $bad
    fi
    i=$((i + 1))
  done <"$B/spawn.out"
}

hold() {                                   # hold I K: "rss dirty faults own_rss own_dirty" once it sleeps
  if redirects $1; then rm -f "$B"/swrap/*; fi
  local o p e; mapfile -t e < <(envof $1)
  coproc H { exec env -i "${e[@]}" "$B/calls" hold $2 2>/dev/null; }; p=$H_PID
  if read -r -t 20 o <&"${H[0]}"; then
    gawk '/^Rss:/ { r = $2 } /^Private_Dirty:/ { d = $2 } END { printf "%d %d ", r, d }' /proc/$p/smaps_rollup
    sed 's/.*) //' /proc/$p/stat | gawk '{ printf "%d ", $8 }'
    gawk -v so="${SOFILE[$1]:-none}" '/^[0-9a-f]+-[0-9a-f]+ / { split($1, a, "-"); own = $6 == so || (NF < 6 && was && a[1] == end); was = own; end = a[2] }
      own && /^Rss:/ { r += $2 } own && /^Private_Dirty:/ { d += $2 } END { print r + 0, d + 0 }' /proc/$p/smaps
  else echo "0 0 0 0 0"; fi
  kill $p 2>/dev/null; wait $p 2>/dev/null
}
memory() {
  local k i c m r names=("RSS kB" "private dirty kB" "minor faults" "own RSS kB" "own private dirty kB") zero=() state
  for k in 0 500; do
    [ $k = 0 ] && state=asleep || state="$((2 * k)) sockets"
    echo; [ $k = 0 ] && echo "## memory added, process asleep" || echo "## memory added, $((2 * k)) TCP sockets in use"; echo
    heading library "RSS kB" "private dirty kB" "minor faults" "RSS kB of the .so itself" "private dirty kB of the .so itself"
    for i in "${!LABEL[@]}"; do
      r=("${LABEL[$i]}"); for c in $(seq 9); do hold $i $k; done >"$B/hold"
      for c in 1 2 3 4 5; do
        m=$(gawk -v c=$c '{ print $c }' "$B/hold" | median)
        if [ $i = 0 ]; then zero[$c]=$m; r+=($m); continue; fi
        if grep -q '^0 0 0' "$B/hold"; then m="?"; r+=("?"); else m=$((m - zero[c])); r+=("$(printf %+d $m)"); fi
        raw memory "${names[c - 1]}, $state" "${LABEL[$i]}" "$m"
      done; row "${r[@]}"
    done
  done
}

file() {
  local i f bytes needed tls floor exported undefined relocations
  echo; echo "## the file"; echo
  heading library bytes NEEDED "PT_TLS bytes" "GLIBC floor" exported undefined "relocations"
  for i in "${!LABEL[@]}"; do [ $i = 0 ] && continue; f=${SOFILE[$i]}
    bytes=$(stat -c %s "$f")
    needed=$(readelf -dW "$f" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | tr '\n' ' ' | sed 's/ $//')
    tls=$(readelf -lW "$f" | gawk '$1 == "TLS" { print strtonum($6) }')
    floor=$(readelf -VW "$f" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
    exported=$(nm -D --defined-only "$f" 2>/dev/null | grep -c .)
    undefined=$(nm -D --undefined-only "$f" 2>/dev/null | grep -cv ' w ')
    relocations=$(readelf -rW "$f" | grep -c R_)
    row "${LABEL[$i]}" $bytes "$needed" "$tls" "$floor" $exported $undefined $relocations
    raw file bytes "${LABEL[$i]}" $bytes
    raw file "NEEDED entries" "${LABEL[$i]}" $(wc -w <<<"$needed")
    raw file "PT_TLS bytes" "${LABEL[$i]}" ${tls:-0}
    raw file "version requirements" "${LABEL[$i]}" $(readelf -VW "$f" | grep -c 'Name: .*Flags')
    raw file "undefined but weak dlsym, _r_debug" "${LABEL[$i]}" $(nm -D --undefined-only "$f" 2>/dev/null | grep -cvE '^ +(w dlsym|[vw] _r_debug)$')
    raw file relocations "${LABEL[$i]}" $relocations
  done
}

PORT=1; sync "$B" "$B"/*.so "$B/calls" "${SOFILE[@]:1}"   # pages not yet on disk would count as dirty
ulimit -n 8192 2>/dev/null
for part in $PARTS; do case $part in
  start|memory|file) $part ;;
  *) echo "overhead: PARTS has \"$part\": start, memory and file are allowed" >&2; exit 2 ;;
esac; done
