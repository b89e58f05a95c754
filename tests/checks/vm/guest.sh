#!/bin/busybox sh
# The first process of the virtual machine that scripts/check vm starts: makes a network of its own, runs the programs plain
# and preloaded, and prints a line for each to the serial console, `vm| WHAT | plain | preloaded | verdict`. Nothing here
# knows which kernel it is; what a kernel lacks is said to be absent.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run/netns /etc
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
mount -t tmpfs none /run
mkdir /run/netns
chmod 1777 /tmp
for name in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
	[ -e "/dev/${name%%:*}" ] || ln -s "${name#*:}" "/dev/${name%%:*}"
done
# Some need others, so that they come in a later turn.
for turn in 1 2 3; do
	for module in /modules/*.ko; do
		insmod "$module" 2>/dev/null && rm "$module"
	done
done
library=/lib/libtcptune.so

# The shell has commands of its own by these names.
ip() { /bin/ip "$@"; }
tc() { /bin/tc "$@"; }
line() { echo "vm| $1 | $2 | $3 | $4"; }
# A program whose output must be the same. An emulated machine is slow: the programs' own time limits are for others.
export HAZARD_SECONDS=280
same() { # what, command
	what=$1
	shift
	timeout 300 "$@" >/tmp/plain 2>&1 </dev/null
	plain=$?
	LD_PRELOAD=$library timeout 300 "$@" >/tmp/preloaded 2>&1 </dev/null
	preloaded=$?
	if [ $plain = $preloaded ] && cmp -s /tmp/plain /tmp/preloaded; then
		verdict=ok
	else
		verdict=DIFFERS
	fi
	[ $plain = 0 ] || verdict="$verdict, FAILS"
	line "$what" "status $plain, $(wc -l </tmp/plain) lines" "status $preloaded, $(wc -l </tmp/preloaded) lines" "$verdict"
	[ "$verdict" = ok ] || diff /tmp/plain /tmp/preloaded | head -20
}
echo "vm: kernel $(uname -r)"

# The network: lo, and a link of MTU 1500 to a network namespace.
ip link set lo up
ip netns add peer
ip link add near type veth peer name far netns peer
ip addr add 10.1.0.1/24 dev near
ip link set near up
ip -n peer addr add 10.1.0.2/24 dev far
ip -n peer link set far up
ip -n peer link set lo up

# `parts` comes from the command line of the kernel, which gives init what it does not know itself.
for part in $(echo "$parts" | tr , " "); do
	# shellcheck source=/dev/null
	. "/parts/$part.sh"
done

echo "vm: end"
sync
poweroff -f
