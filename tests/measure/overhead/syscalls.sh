#!/bin/bash
# syscalls.sh SPEC...
# System calls per round: (strace of 2N rounds - strace of N rounds) / N, natively and with each library.
# The native column lists them; a library's cell lists only what differs ("=" nothing).  KINDS='serve,...' for some only.
# TRIES=3 takes the least of three: a library that goes by the clock may make a call more where other work interrupts it.
. "$(dirname "$0")/common.sh"; build; specs "$@"
N=${N:-40}
KINDS=${KINDS:-write null,write tcp,send tcp,writev tcp,sendmsg tcp,recv tcp,read tcp,recv idle,poll 1,epoll_wait,open+close file,socket+close,listen+close,accept+close,socket+connect+close,dup+close tcp,write+sendfile,serve,write+write+read}

count() {                                  # count I KIND N: "name calls" lines
  traced $1 -c -U name,calls -o "$B/st.$1" -- "$B/calls" "$2" $3 >/dev/null 2>&1 || { echo fail 1; return; }
  gawk 'NF == 2 && $2 ~ /^[0-9]+$/ && $1 != "total"' "$B/st.$1"
}
per_round() {                              # per_round I KIND: "name calls-per-round" lines
  { count $1 "$2" $N | sed 's/^/a /'; count $1 "$2" $((2 * N)) | sed 's/^/b /'; } |
    gawk -v n=$N '$2 == "fail" { print "? 0"; bad = 1; exit } $1 == "a" { a[$2] = $3 } $1 == "b" { b[$2] = $3 }
      END { if (!bad) for (k in b) { d = (b[k] - a[k]) / n; if (d >= 0.05 || d <= -0.05) printf "%s %.2f\n", k, d } }' | sort
}
total() { gawk '{ n += $1 == "?" ? 1000000 : $2 } END { print n + 0 }' <<<"$1"; }
least() {                                  # least I KIND: per_round, the one of TRIES with the fewest calls
  local best this t
  best=$(per_round $1 "$2")
  for t in $(seq 2 ${TRIES:-1}); do
    this=$(per_round $1 "$2"); [ "$(gawk -v a="$(total "$this")" -v b="$(total "$best")" 'BEGIN { print a < b }')" = 1 ] && best=$this
  done; echo "$best"
}
differs() {                                # differs BASE THIS: "N what differs", N the difference of the sums
  gawk -v base="$1" 'BEGIN { m = split(base, l, "\n"); for (x = 1; x <= m; x++) { split(l[x], w, " "); if (w[1] != "") b[w[1]] = w[2] } }
    $1 == "?" { q = 1; next } NF { a[$1] = $2 }
    END { if (q || ("?" in b)) { print "? ?"; exit }
          for (x in a) if (!(x in b)) b[x] = 0
          for (x in b) { d = a[x] - b[x]; if (d >= 0.05 || d <= -0.05) { sum += d; s = s sprintf("%s%+.4g %s", s ? ", " : "", d, x) } }
          printf "%.4g %s\n", sum, s ? s : "=" }' <<<"$2"
}
declare -A R
IFS=, read -ra kinds <<<"$KINDS"
for i in "${!LABEL[@]}"; do peer_up $i; for k in "${kinds[@]}"; do R[$i.$k]=$(least $i "$k"); done; peer_down; done

heading kind native "${LABEL[@]:1}"
for k in "${kinds[@]}"; do
  r=("$k" "$(gawk '{ printf "%s%s%s", (NR > 1 ? " " : ""), ($2 == 1 ? "" : $2 + 0 " "), $1 }' <<<"${R[0.$k]}")")
  for i in "${!LABEL[@]}"; do [ $i = 0 ] && continue
    d=$(differs "${R[0.$k]}" "${R[$i.$k]}")
    raw "system calls" "$k" "${LABEL[$i]}" "${d%% *}"; r+=("${d#* }")
  done; row "${r[@]}"
done
