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
delay() { # round trip in ms
	tc qdisc replace dev near root netem delay "$(($1 / 2))ms"
	ip netns exec peer tc qdisc replace dev far root netem delay "$(($1 / 2))ms"
}

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

# What the kernel does with a header and a body, in segments of a MTU-1500 link: preloaded as few as can be.
preload() { LD_PRELOAD=$library "$@"; }
least() { # what, most segments, arguments
	what=$1 most=$2
	shift 2
	# The best of three: where an emulated machine stops for more than a millisecond inside a burst, that costs confirmations.
	plain=$(for try in 1 2 3; do /programs/links "$@"; done | sort -n | head -1)
	preloaded=$(for try in 1 2 3; do preload /programs/links "$@"; done | sort -n | head -1)
	line "$what" "$plain" "$preloaded" \
		"$(echo "$preloaded" | awk -v most="$most" '{ print ($1 > 0 && $1 <= most && $3 < 35) ? "ok" : "FAILS" }')"
}
least "header, sendfile of 500 bytes" 1 segments 500
least "header, sendfile of 2,000 bytes" 2 segments 2000
least "header, sendfile of 65,536 bytes" 46 segments 65536
least "header, sendfile beyond the end of the file" 1 tail

# Kernel TLS: a record for each write, and none of them waits.
for way in ktls ktls-given; do
	[ $way = ktls ] && what="kernel TLS, two writes" || what="kernel TLS of another program's, two writes"
	plain=$(/programs/links $way) preloaded=$(preload /programs/links $way)
	case $plain in
	absent*) line "$what" absent absent ok ;;
	*)
		[ "${plain#*, }" = "${preloaded#*, }" ] && verdict=ok || verdict=DIFFERS
		line "$what" "$plain" "$preloaded" \
			"$(echo "$preloaded" | awk -v same=$verdict '{ print ($1 < 35) ? same : "FAILS" }')"
		;;
	esac
done

# How long half a burst waits where nobody can release it: the kernel's timeout (205 ms, 377, 1,000), which grows with the
# round trip; and where the program waits in a call that the library sees: not at all. With room for a busy host.
for bound in 0:410 100:750 300:1500; do
	trip=${bound%:*} most=${bound#*:}
	delay "$trip"
	for way in hold waits; do
		[ $way = hold ] && what="half a burst, then a wait unseen" || what="half a burst, then poll"
		[ $way = hold ] || most=$((trip / 2 + 100))
		# The worst of three: what has come too late once is not held again, and a slow machine teaches less.
		plain=$(for try in 1 2 3; do /programs/links $way; done | sort -n | tail -1)
		preloaded=$(for try in 1 2 3; do preload /programs/links $way; done | sort -n | tail -1)
		line "$what, RTT $trip ms" "$plain" "$preloaded" \
			"$(echo "$preloaded" | awk -v most="$most" '{ print ($1 != "" && $1 <= most) ? "ok" : "FAILS" }')"
	done
done
tc qdisc del dev near root

# Yama: with ptrace_scope 1 a process of the same user may not be touched, and the command says what would help.
echo 'user:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
as_user() { su user -c "exec $*"; }
as_user /programs/serve listen >/tmp/port &
sleep 1
server=$(pidof serve)
for scope in 0 1 2; do
	[ -e /proc/sys/kernel/yama/ptrace_scope ] || { line "attach, Yama" absent absent ok; break; }
	# It can be raised beyond 1 only once, so it is done in this order.
	echo $scope >/proc/sys/kernel/yama/ptrace_scope
	said=$(as_user tcptune attach --state /tmp/state $server 2>&1 | tail -1)
	status=$(as_user tcptune attach --state /tmp/state $server >/dev/null 2>&1; echo $?)
	case $scope:$status:$said in
	0:0:*) verdict=ok ;;
	1:126:*"start it through"*) verdict=ok ;;
	2:126:*"only root may touch"*) verdict=ok ;;
	*) verdict=FAILS ;;
	esac
	line "attach, ptrace_scope $scope" "status $status" "$said" "$verdict"
done
kill $server

echo "vm: end"
sync
poweroff -f
