#!/bin/busybox sh
# In the machine: what leaves on a link with a delay, and when.

delay() { # round trip in ms
	tc qdisc replace dev near root netem delay "$(($1 / 2))ms"
	ip netns exec peer tc qdisc replace dev far root netem delay "$(($1 / 2))ms"
}

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
