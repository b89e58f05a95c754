#!/bin/bash
# gates.sh [--quick] [--only REGEX] SPEC
# Measures the library of SPEC and holds every line of gates.txt against it: a table "what | measured | gate | aim |
# verdict" and exit 1 if a gate is passed over or a number could not be measured.
# --quick leaves out the time of exec and the memory; --only keeps the lines whose "measure: what" matches REGEX.
. "$(dirname "$0")/common.sh"
quick=; only=; spec=
while [ $# -gt 0 ]; do case $1 in
  --quick) quick=1 ;;
  --only) only=$2; shift ;;
  -*) echo "overhead: unknown option $1: --quick and --only REGEX are allowed" >&2; exit 2 ;;
  *) [ -z "$spec" ] || { echo "overhead: one SPEC only, \"$1\" is a second" >&2; exit 2; }; spec=$1 ;;
esac; shift; done
[ -n "$spec" ] && [ "$spec" != peers ] || { echo "overhead: gates needs the library's file" >&2; exit 2; }
build; specs "lib@${spec#*@}"
lib=lib@${spec#*@}
settings='TCPTUNE_SET=keepalive=60/10/5 user_timeout=30s sndbuf=1m notsent_lowat=128k:TCPTUNE_RULES=port=143,993 cork=off; listen=80 set(sndbuf=4m)'
export OVERHEAD_TMP=$B

# A library that does not load adds nothing: make sure that it does.
[ "$(under 1 "$B/calls" probe "$(basename "${SOFILE[1]}")" 2>&1)" = yes ] || { echo "overhead: ${SOFILE[1]} does not load" >&2; exit 2; }

# The lines to hold: measure, what, gate, aim, separated by tabs.
ONLY=$only gawk -F ' *[|] *' -v OFS='\t' -v quick="$quick" 'BEGIN { only = ENVIRON["ONLY"] } /^#/ || NF < 4 { next } { sub(/ +$/, "", $4) }
  only != "" && $1 ": " $2 !~ only { next } quick != "" && $1 ~ /^(exec|memory)$/ { next } { print $1, $2, $3, $4 }' "$HERE/gates.txt" >"$B/gates"
[ -s "$B/gates" ] || { echo "overhead: no line of gates.txt matches \"$only\"" >&2; exit 2; }
kinds() { gawk -F '\t' -v m="$1" '$1 ~ m { print $2; if ($1 == "threads") { sub(/ x[0-9]+$/, "", $2); print $2 } }' "$B/gates" | sort -u | paste -sd,; }
wanted() { grep -q "^$1"$'\t' "$B/gates"; }
run() { RAW=$B/$1 "$HERE/$2" "${@:3}" >/dev/null || exit 2; }

: >"$B/raw"; rm -f "$B"/raw.*
k=$(kinds '^instructions$'); if [ -n "$k" ]; then KINDS=$k run raw instr.sh "$lib"; fi
# An exchange goes by the clock too: a thread that comes late takes rarer paths. The least of seven counts.
case ",$k," in *,serve,*) for i in 1 2 3 4 5 6; do KINDS=serve run raw instr.sh "$lib"; done ;; esac
# Without holding, which goes by the clock: callgrind lets one thread run at a time, and the others' sends come late.
k=$(kinds '^threads$')
if [ -n "$k" ]; then KINDS=$k run raw.threads instr.sh "$lib:TCPTUNE_CORK=off"; sed 's/^instructions/threads/' "$B/raw.threads" >>"$B/raw"; fi
# What a burst costs that the tracer or other work happens to interrupt does not count; one call in twenty rounds does.
k=$(kinds '^system calls$'); if [ -n "$k" ]; then N=200 TRIES=3 KINDS=$k run raw syscalls.sh "$lib"; fi
k=$(kinds '^statistics on$')
if [ -n "$k" ]; then
  mkdir -p "$B/statistics"; env LD_PRELOAD="${SOFILE[1]}" TCPTUNE_STATS="$B/statistics" "$B/calls" hold 1 </dev/null >"$B/held" 2>&1 & p=$!
  for i in $(seq 100); do [ -s "$B/held" ] && break; sleep 0.05; done
  if [ -n "$(ls -A "$B/statistics")" ]; then
    KINDS=$k run raw.statistics instr.sh "$lib:TCPTUNE_STATS=$B/statistics"; sed 's/^instructions/statistics on/' "$B/raw.statistics" >>"$B/raw"
  else gawk -F '\t' -v OFS='\t' '$1 == "statistics on" { print $1, $2, "lib", "none" }' "$B/gates" >>"$B/raw"; fi
  kill $p; wait $p 2>/dev/null
fi
if wanted start || wanted exec || wanted file || wanted memory; then
  parts=; { wanted start || wanted exec; } && parts=start; wanted memory && parts="$parts memory"; wanted file && parts="$parts file"
  wanted exec && rounds=3000 || rounds=60
  PARTS=$parts ROUNDS=$rounds run raw exec.sh "empty@$B/empty.so" "$lib"
fi
if wanted "start with settings"; then
  PARTS=start ROUNDS=60 run raw.settings exec.sh "$lib:$settings"; sed -n 's/^start/start with settings/p' "$B/raw.settings" >>"$B/raw"
fi
if wanted file; then
  nm -D --defined-only "${SOFILE[1]}" | gawk '{ print $3 }' | sort >"$B/exported"; sort "$HERE/../../../docs/hooks.txt" >"$B/listed" || exit 2
  raw_file() { RAW=$B/raw raw file "$1" lib "$2"; }
  raw_file "exported but not in docs/hooks.txt" $(comm -23 "$B/exported" "$B/listed" | wc -l)
  raw_file "in docs/hooks.txt but not exported" $(comm -13 "$B/exported" "$B/listed" | wc -l)
  { comm -23 "$B/exported" "$B/listed" | sed 's/^/overhead: exported but not in docs\/hooks.txt: /'
    comm -13 "$B/exported" "$B/listed" | sed 's/^/overhead: in docs\/hooks.txt but not exported: /'; } >&2
fi

heading what measured gate aim verdict
gawk -F '\t' '
  # Instructions are averages of whole numbers; one stray system call in twenty rounds is one too many.
  function slack(measure) { return measure ~ /^(instructions|statistics on|threads)$/ ? 0.5 : 0.04 }
  function verdict(value, gate, aim, slack) {
    if (value == "none") return "not in this library"
    if (value == "?" || value == "") { failed++; return "NOT MEASURED" }
    if (gate == "empty") return value + 0 <= got["exec", "ratio to none", "empty"] + 0 ? "within" : "over, a time: not asserted"
    if (gate != "-" && value > gate + slack) { failed++; return "OVER THE GATE" }
    if (aim == "-") return gate == "-" ? "" : "within"
    return value <= aim + slack ? "aim reached" : sprintf("%s, %.4g from the aim", gate == "-" ? "no gate" : "within", value - aim)
  }
  function shown(measure, value) { return slack(measure) == 0.5 && value != "?" && value != "none" ? sprintf("%d", value + (value < 0 ? -0.5 : 0.5)) : value }
  NR == FNR {
    if ($2 != "serve" || !(($1, $2, $3) in got) || $4 + 0 < got[$1, $2, $3] + 0) got[$1, $2, $3] = $4
    next
  }
  {
    value = got[$1, $2, "lib"]; gate = $3
    if ($1 == "threads") {
      one = $2; sub(/ x[0-9]+$/, "", one); one = got["threads", one, "lib"]; many = got["threads", $2, "lib"]
      value = (one == "?" || one == "" || many == "?" || many == "") ? "?" : many - one
    }
    v = verdict(value, gate, $4, slack($1))
    if (gate == "empty") gate = got["exec", "ratio to none", "empty"] " (empty)"
    printf "|%s: %s|%s|%s|%s|%s|\n", $1, $2, shown($1, value), gate, $4, v
  }
  END { if (failed) { printf "overhead: %d of %d lines over their gate or not measured\n", failed, FNR > "/dev/stderr"; exit 1 } }' "$B/raw" "$B/gates"
