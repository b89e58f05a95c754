#!/bin/bash
# where.sh SPEC
# Where the instructions go: for each kind of KINDS ("write tcp" when not set) what each source file of the library adds to one
# round of the kind, by function, counted by cachegrind, start-up included but spread over the rounds. The library must have
# its symbols and line numbers; the shipped one has not:
#   TCPTUNE_SYMBOLS=1 CARGO_PROFILE_RELEASE_DEBUG=1 cargo build --release -p tcptune-shim --target-dir target/unstripped
. "$(dirname "$0")/common.sh"; build; need cg_annotate; specs "$@"
readelf -SW "${SOFILE[1]}" | grep -q '\.debug_line' || { echo "overhead: ${SOFILE[1]} has no line numbers: build it as where.sh says" >&2; exit 2; }
N=${N:-4000}
IFS=, read -ra kinds <<<"${KINDS:-write tcp}"
peer_up 1
for k in "${kinds[@]}"; do
  under 1 timeout 120 valgrind -q --tool=cachegrind --cache-sim=no --cachegrind-out-file="$B/where" "$B/calls" "$k" $N >"$B/log" 2>&1 ||
    { sed "s/^/overhead: $k: /" "$B/log" | head -5 >&2; exit 2; }
  echo; echo "## $k"; echo; heading "instructions per round" file function
  # calls makes 50 rounds to warm up, then N and 2N.
  cg_annotate --threshold=0.01 "$B/where" | gawk -v rounds=$((3 * N + 50)) '
    /^ *[0-9,]+ \(/ { at = $NF; if (at !~ /src\/(shim|engine|policy|cli)\/|library\/(core|std)\//) next
      gsub(",", "", $1); n = $1 / rounds; if (n < 0.5) next
      function_ = at; sub(/^[^:]*:/, "", function_); file = at; sub(/:.*/, "", file); sub(/^.*\/(src\/(shim|engine|policy)|library)\//, "", file)
      printf "|%.0f|%s|%s|\n", n, file, function_ }'
done
