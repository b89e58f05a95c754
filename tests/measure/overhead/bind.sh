#!/bin/bash
# bind.sh SPEC...
# User-space instructions that each library adds to the start of a program that calls no hook, and to the first call of one,
# counted by cachegrind: (28 first calls - none) / 28, with the library minus without. The last column is what it would
# cost to bind every hook of the library at start.
. "$(dirname "$0")/common.sh"; build; specs "$@"
CALLS=28
gcc -O1 -w -o "$B/first_calls" "$HERE/first_calls.c" || exit 2

instructions() {                           # instructions I [x]
  under $1 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$B/first_calls" $2 2>&1 |
    gawk '/I +refs/ { gsub(",", "", $NF); print $NF }'
}
heading library "start" "first call" hooks "all at start"
base=$(instructions 0) base_calls=$(instructions 0 x)
for i in "${!LABEL[@]}"; do
  [ $i = 0 ] && continue
  start=$(instructions $i) calls=$(instructions $i x) hooks=$(nm -D --defined-only "${SOFILE[$i]}" | wc -l)
  each=$(((calls - start - base_calls + base) / CALLS))
  row "${LABEL[$i]}" "+$((start - base))" "+$each" "$hooks" "+$((start - base + each * hooks))"
done
row none "$base" "$(((base_calls - base) / CALLS))" - -
