#!/bin/busybox sh
# In the machine: the hazard programs, plain and preloaded, and TCP_NODELAY as the kernel has it.

# As many descriptors as the kernel allows.
ulimit -Hn 1048576 && ulimit -n 1048576
line "RLIMIT_NOFILE" "$(ulimit -n)" "$(ulimit -n)" "$([ "$(ulimit -n)" = 1048576 ] && echo ok || echo FAILS)"

for program in /hazards/*; do
	same "${program##*/}" "$program"
done
# With a queue that minds the time at which a datagram is to leave.
if tc qdisc replace dev lo root fq 2>/dev/null; then
	same "txtime, fq" /hazards/txtime
	grep -q 'at once 0' /tmp/plain || line "txtime, fq" "leaves at once" "" FAILS
	tc qdisc del dev lo root
fi

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
