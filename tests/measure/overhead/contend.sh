#!/bin/bash
# contend.sh SPEC...
# What instructions do not show (locks, shared cache lines): CPU time per call, 1 to 16 threads on separate fds: the least
# of ROUNDS (15) interleaved rounds, as a ratio to the least without the library.  "recv idle" is recv(MSG_DONTWAIT) on TCP
# sockets with nothing to read: the cheapest call on a socket that has state.  Noisy: read nothing into less than 5 %.
# "lock" (a mutex) and "count" (a shared atomic counter) are mistakes put there to show what the table can see.
. "$(dirname "$0")/common.sh"; build; specs "$@"; add lock "$B/lock.so"; add count "$B/count.so"
N=${N:-100000}
kinds=("write null" "write null x2" "write null x4" "write null x16" "recv idle" "recv idle x2" "recv idle x4" "recv idle x16")
rm -f "$B"/ct.*; peer_up 0
for r in $(seq ${ROUNDS:-15}); do for k in "${!kinds[@]}"; do for i in $(shuf -e "${!LABEL[@]}"); do
  redirects $i && [[ ${kinds[$k]} = recv* ]] && continue      # its sockets do not reach a native peer
  threads=${kinds[$k]##* x}; [ "$threads" = "${kinds[$k]}" ] && threads=1
  under $i "$B/calls" "${kinds[$k]}" $((N / threads)) time 2>/dev/null | gawk -v t=$threads '{ print ($2 + $3) / t }' >>"$B/ct.$k.$i"
done; done; done
least() { sort -n "$1" 2>/dev/null | head -1; }
heading kind "native cpu ns" "${LABEL[@]:1}"
for k in "${!kinds[@]}"; do
  n=$(least "$B/ct.$k.0"); r=("${kinds[$k]}" $n)
  for i in "${!LABEL[@]}"; do [ $i = 0 ] && continue
    r+=("$(gawk -v a="$(least "$B/ct.$k.$i")" -v n=$n 'BEGIN { if (a == "") print "?"; else printf "%.2f\n", a / n }')")
  done; row "${r[@]}"
done
