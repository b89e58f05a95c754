#!/bin/busybox sh
# In the machine: programs that AppArmor confines (apparmor/profiles), plain and preloaded, and what the command says of them.

mount -t securityfs none /sys/kernel/security
if [ ! -e /sys/kernel/security/apparmor/.load ]; then
	line "AppArmor" absent absent ok
	return
fi
# Without --policy-features it would compile for kernels of long ago, which knew no rules for the network.
/apparmor/ld.so --library-path /apparmor /apparmor/apparmor_parser --quiet --replace --skip-cache \
	--policy-features /apparmor/abi /apparmor/profiles 2>/tmp/parser ||
	line "AppArmor: its profiles" "$(tail -1 /tmp/parser)" "" FAILS
mkdir -p /attached /start /run/counters
chmod 1777 /run/counters
for name in without_library without_map server without_counters without_proc without_options launcher; do
	cp /programs/confined /attached/$name
done

# The program of a profile, plain and preloaded: what it prints, how many lines the loader or the library says, and how many
# files of counters there are.
traffic() { # what, profile, wanted of the preloaded one, lines, files, settings
	what=$1 profile=$2 wanted=$3 lines=$4 files=$5
	shift 5
	plain=$(/attached/$profile traffic 2>&1)
	preloaded=$(env LD_PRELOAD=$library "$@" /attached/$profile traffic 2>/tmp/said)
	found="$(wc -l </tmp/said) $(find /run/counters -name '*.tcptune' | wc -l)"
	rm -f /run/counters/.*.tcptune
	[ "$preloaded" = "$wanted" ] && [ "$found" = "$lines $files" ] && verdict=ok || verdict=FAILS
	line "AppArmor: $what" "$plain" "$preloaded; $(head -1 /tmp/said)" "$verdict"
}
plain="TCP_NODELAY off, the first of two writes sent"
tuned="TCP_NODELAY on, the first of two writes held"
counting=TCPTUNE_STATS=/run/counters
traffic "the library may not be read" without_library "$plain" 1 0
traffic "the library may not be mapped" without_map "$plain" 1 0
traffic "a server's profile that has what is needed" server "$tuned" 0 1 $counting
traffic "no files of counters" without_counters "$tuned" 0 0 $counting
traffic "no /proc" without_proc "$plain" 0 0
traffic "no /proc, and TCPTUNE_SECCOMP=all" without_proc "$tuned" 0 0 TCPTUNE_SECCOMP=all
traffic "no socket options" without_options "TCP_NODELAY not told, the first of two writes not told" 0 0

# Where it may neither set nor read an option, nothing of that shows.
for program in app_options errno_socket every_call stream_hash; do
	same "AppArmor, no socket options: $program" /programs/confined under without_options /hazards/$program
done

# What a program that is started from a confined one keeps, by the kind of the rule.
for pair in ix:yes px:yes Px:no cx:yes Cx:no ux:yes Ux:no pix:yes Pix:no PUx:no; do
	kind=${pair%:*} wanted=${pair#*:}
	cp /programs/confined /start/$kind
	plain=$(/attached/launcher exec /start/$kind show)
	preloaded=$(LD_PRELOAD=$library /attached/launcher exec /start/$kind show)
	case $preloaded in *"library $wanted,"*) verdict=ok ;; *) verdict=FAILS ;; esac
	line "AppArmor: started by a rule $kind" "$plain" "$preloaded" "$verdict"
done

# As systemd does for AppArmorProfile=.
preloaded=$(LD_PRELOAD=$library /programs/confined under tool /programs/confined show)
[ "$preloaded" = "tool (enforce), library yes, AT_SECURE 0" ] && verdict=ok || verdict=FAILS
line "AppArmor: started under a profile by who is unconfined" "" "$preloaded" "$verdict"

# What the command says.
says() { # what, wanted status, wanted words, command
	what=$1 status=$2 words=$3
	shift 3
	said=$(timeout 60 "$@" 2>&1 </dev/null)
	found=$?
	case $found:$said in $status:*"$words"*) verdict=ok ;; *) verdict=FAILS ;; esac
	line "AppArmor: $what" "" "status $found: … $words …" "$verdict"
	[ "$verdict" = ok ] || echo "$said" | head -20
}
may_not="the AppArmor profile \`without_library\` does not let it be read and mapped"
says "run" 0 "cannot be preloaded" tcptune run -- /attached/without_library traffic
says "run --summary" 0 "the rules of AppArmor or SELinux let none write its counters" \
	tcptune run --summary -- /attached/without_counters traffic
says "doctor, of a command" 2 "$may_not" tcptune doctor --json --duration 2 -- /attached/without_library wait
for name in without_library without_proc; do
	LD_PRELOAD=$library /attached/$name wait >/tmp/ready 2>/dev/null &
	while ! grep -q ready /tmp/ready; do sleep 0.1; done
	server=$!
	case $name in
	without_library) says "check, of a process" 1 "$may_not" tcptune check --json $server ;;
	without_proc) says "check, of a process without /proc" 0 "does not let it read /proc/PID/status" tcptune check --json $server ;;
	esac
	says "attach, to a confined process" 0 "1 TCP socket, " tcptune attach $server
	ours="this command is under the AppArmor profile \`tool\`"
	for word in attach check "doctor --pid"; do
		# shellcheck disable=SC2086 # words on purpose
		says "confined itself: $word" 126 "$ours" /programs/confined under tool tcptune $word $server
	done
	kill $server
done
says "confined itself: run" 125 "Permission denied" /programs/confined under without_library tcptune run -- /programs/confined traffic
