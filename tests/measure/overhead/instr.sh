#!/bin/bash
# instr.sh SPEC...   (SPEC: see common.sh; e.g. instr.sh peers ../../../target/release/libtcptune.so)
# User-space instructions that each library adds to one round of each kind of call, counted by callgrind:
# ((2N run - N run) with the library - the same without) / N, so that the loop, start-up and warm-up drop out. Of forty runs of
# each length the one with the fewest counts: the machine has not interrupted it.
# Deterministic; a cell is "?" where a run failed, "-" = nothing added.  "write+sendfile" is two calls, "serve" four
# (epoll_wait, recv, write, sendfile), "write+write+read" three; "xT" is per call, T threads.
# KINDS='write tcp,serve' for some only; N=400 for more rounds.
. "$(dirname "$0")/common.sh"; build; specs "$@"
N=${N:-50}
mapfile -t kinds < <(if [ -n "$KINDS" ]; then tr , '\n' <<<"$KINDS"; else "$B/calls" list; fi)

one() {                                    # one I KIND: instructions per round
  local d rc threads totals
  d=$(mktemp -d "$B/cg.XXXX")
  under $1 timeout 120 valgrind -q --tool=callgrind --callgrind-out-file=$d/o "$B/calls" "$2" $N >"$d/log" 2>&1; rc=$?
  threads=${2##* x}; [ "$threads" = "$2" ] && threads=1
  totals=($(for half in "$d"/o.{1..40} : "$d"/o.{41..80}; do
      if [ "$half" = : ]; then echo :; else gawk '/^totals:/ { print $2 }' "$half" 2>/dev/null; fi; done |
    gawk '$1 == ":" { print least; least = ""; next } least == "" || $1 < least { least = $1 } END { print least }'))
  if [ $rc = 0 ] && [ ${#totals[@]} = 2 ]; then
    gawk -v a=${totals[0]} -v b=${totals[1]} -v n=$((N * threads)) 'BEGIN { printf "%.2f\n", (b - a) / n }'
  else echo "?"; sed "s/^/overhead: ${LABEL[$1]}, $2: /" "$d/log" | head -5 >&2; fi
  rm -rf "$d"
}
column() {                                 # all kinds of library I, in its own process with its own peer
  local k; peer_up $1; for k in "${kinds[@]}"; do one $1 "$k"; done >"$B/instr.$1"; peer_down
}
# The job must not run finish(): the work directory is the parent's.
j=0; for i in "${!LABEL[@]}"; do (trap peer_down EXIT; column $i) & if [ $((++j % $(nproc))) = 0 ]; then wait; fi; done; wait

heading kind "native total" "${LABEL[@]:1}"
for k in "${!kinds[@]}"; do
  base=$(sed -n $((k + 1))p "$B/instr.0"); r=("${kinds[$k]}" "$(printf %.0f "$base" 2>/dev/null)")
  for i in "${!LABEL[@]}"; do [ $i = 0 ] && continue
    added=$(gawk -v a="$(sed -n $((k + 1))p "$B/instr.$i")" -v b="$base" 'BEGIN { if (a == "?" || b == "?") print "?"; else printf "%.2f\n", a - b }')
    raw instructions "${kinds[$k]}" "${LABEL[$i]}" "$added"
    r+=("$(gawk -v d="$added" 'BEGIN { if (d == "?") print "?"; else if (d > -0.5 && d < 0.5) print "-"; else printf "%+.0f\n", d }')")
  done; row "${r[@]}"
done
