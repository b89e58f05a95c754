#!/bin/bash
# load.sh SPEC...
# Into which processes is the library mapped, and does the process still work?  Each is the same small program (calls probe:
# reads its own maps, then a TCP exchange with itself).  Cells:  yes / no = mapped or not, program fine;
# "exit N" = program failed; "+stderr" = something was printed that was not there without the library; n/a = cannot be tried here.
# Needs root for its setuid and capability rows; musl-tools, qemu-user, gcc-multilib and libcap2-bin for more rows.
. "$(dirname "$0")/common.sh"; build; specs "$@"
P="$B/load"; rm -rf "$P"; mkdir -p "$P"; chmod 755 "$P"
compile() { local out=$1 cc=$2; shift 2; "$cc" -O2 -pthread "$@" -o "$P/$out" "$HERE/calls.c" 2>/dev/null || rm -f "$P/$out"; }
compile glibc gcc; compile static gcc -static; compile static-pie gcc -static-pie -fPIE; compile i386 gcc -m32
if type -P musl-gcc >/dev/null; then compile musl musl-gcc; compile musl-static musl-gcc -static; fi
if [ "$(id -u)" = 0 ]; then
  cp "$P/glibc" "$P/setuid"; chmod 4755 "$P/setuid"
  cp "$P/glibc" "$P/filecap"; setcap cap_net_bind_service+ep "$P/filecap" 2>/dev/null || rm -f "$P/filecap"
fi
rows=(glibc "glibc, uid 65534" "no_new_privs" "setuid, uid 65534" "file capability, uid 65534" musl static static-pie "musl static" "qemu-user" "i386 program" "ld.so --preload")
nobody="setpriv --reuid 65534 --clear-groups"
program() {                                # the program of a row: nothing when it could not be made here
  local p
  case $1 in
  setuid*) p=$P/setuid ;; "file cap"*) p=$P/filecap ;; musl) p=$P/musl ;; static) p=$P/static ;; static-pie) p=$P/static-pie ;;
  "musl static") p=$P/musl-static ;; "i386 program") p=$P/i386 ;; qemu-user) p=$(type -P qemu-x86_64) ;; *) p=$P/glibc ;;
  esac
  case $1 in *"uid 65534") [ "$(id -u)" = 0 ] || return ;; esac
  [ -e "$p" ] && echo "$p"
}
try() {                                    # try I ROW
  local program word out rc e a=() x
  program=$(program "$2"); [ -n "$program" ] || { echo n/a; return; }
  [ $1 = 0 ] && word=libnothing || word=$(basename "${SOFILE[$1]}")
  mapfile -t e < <(envof $1)
  case $2 in
  qemu-user) for x in "${e[@]}"; do a+=(-E "$x"); done
    out=$(env -i PATH="$PATH" timeout 20 "$program" "${a[@]}" "$P/glibc" probe "$word" 2>"$P/err"); rc=$? ;;
  ld.so*) [ $1 = 0 ] && { echo no; return; }
    for x in "${e[@]}"; do case $x in LD_PRELOAD=*) ;; *) a+=("$x") ;; esac; done
    out=$(env -i "${a[@]}" timeout 20 "$(readelf -lW "$P/glibc" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')" --preload "${SOFILE[$1]}" \
      "$P/glibc" probe "$word" 2>"$P/err"); rc=$? ;;
  *"uid 65534") out=$(timeout 20 $nobody env -i "${e[@]}" "$program" probe "$word" 2>"$P/err"); rc=$? ;;   # the variables only at the last exec
  no_new*) out=$(timeout 20 setpriv --no-new-privs env -i "${e[@]}" "$program" probe "$word" 2>"$P/err"); rc=$? ;;
  *) out=$(timeout 20 env -i "${e[@]}" "$program" probe "$word" 2>"$P/err"); rc=$? ;;
  esac
  [ $rc = 0 ] && printf %s "$out" || printf 'exit %s' $rc
  [ -s "$P/err" ] && echo " +stderr" || echo
}
heading process "${LABEL[@]:1}"
for k in "${rows[@]}"; do
  r=("$k"); native=$(try 0 "$k")
  for i in "${!LABEL[@]}"; do [ $i = 0 ] && continue; [ "$native" = no ] && r+=("$(try $i "$k")") || r+=("n/a"); done
  row "${r[@]}"
done
