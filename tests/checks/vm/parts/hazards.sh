#!/bin/busybox sh
# In the machine: the hazard programs, plain and preloaded, and TCP_NODELAY as the kernel has it.

# As many descriptors as the kernel allows.
ulimit -Hn 1048576 && ulimit -n 1048576
line "RLIMIT_NOFILE" "$(ulimit -n)" "$(ulimit -n)" "$([ "$(ulimit -n)" = 1048576 ] && echo ok || echo FAILS)"

# Programs whose output must be the same. An emulated machine is slow: their own time limits are for others.
export HAZARD_SECONDS=280
for program in /hazards/*; do
	name=${program##*/}
	timeout 300 "$program" >/tmp/plain 2>&1 </dev/null
	plain=$?
	LD_PRELOAD=$library timeout 300 "$program" >/tmp/preloaded 2>&1 </dev/null
	preloaded=$?
	if [ $plain = $preloaded ] && cmp -s /tmp/plain /tmp/preloaded; then
		verdict=ok
	else
		verdict=DIFFERS
	fi
	[ $plain = 0 ] || verdict="$verdict, FAILS"
	line "$name" "status $plain, $(wc -l </tmp/plain) lines" "status $preloaded, $(wc -l </tmp/preloaded) lines" "$verdict"
	[ "$verdict" = ok ] || diff /tmp/plain /tmp/preloaded | head -20
done

# TCP_NODELAY as the kernel has it: on for every socket when preloaded, and nothing else that the program prints changes.
nodelay() { # name: expects /tmp/plain and /tmp/preloaded
	sed 's/kernel=0/kernel=1/g' /tmp/plain >/tmp/wanted
	cmp -s /tmp/wanted /tmp/preloaded && verdict=ok || verdict=DIFFERS
	line "$1" "$(grep -c kernel=0 /tmp/plain) lines with it off" "$(grep -c kernel=1 /tmp/preloaded) with it on" "$verdict"
	[ "$verdict" = ok ] || diff /tmp/wanted /tmp/preloaded | head -20
}
for name in high_numbers families; do
	"/programs/$name" >/tmp/plain 2>&1
	LD_PRELOAD=$library "/programs/$name" >/tmp/preloaded 2>&1
	nodelay "TCP_NODELAY: $name"
done
grep absent /tmp/plain
