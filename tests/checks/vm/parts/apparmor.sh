#!/bin/busybox sh
# In the machine: programs that AppArmor confines (apparmor/profiles), and what the command says of them.

mount -t securityfs none /sys/kernel/security
if [ ! -e /sys/kernel/security/apparmor/.load ]; then
	line "AppArmor" absent absent ok
	return
fi
/apparmor/ld.so --library-path /apparmor /apparmor/apparmor_parser --replace --skip-cache /apparmor/profiles ||
	line "AppArmor" "its parser: status $?" "" FAILS
mkdir -p /attached /start /run/counters
chmod 1777 /run/counters
for name in without_library without_map server without_counters without_proc without_options launcher; do
	cp /programs/confined /attached/$name
done
for name in ix px Px cx Cx ux Ux pix Pix PUx; do
	cp /programs/confined /start/$name
done
try() { echo "--- $*"; timeout 60 "$@" 2>&1; echo "--- status $?"; }
confined() { echo "/attached/$1 $2"; }
for name in without_library without_map server without_counters without_proc without_options; do
	try /attached/$name show
	try /attached/$name traffic
	try env LD_PRELOAD=$library /attached/$name traffic
	try env LD_PRELOAD=$library TCPTUNE_SECCOMP=all /attached/$name traffic
	try env LD_PRELOAD=$library TCPTUNE_STATS=/run/counters /attached/$name traffic
	ls -la /run/counters; rm -f /run/counters/.*tcptune
done
try tcptune run -- /attached/without_library traffic
try tcptune run -v -- /attached/without_proc traffic
try tcptune run --summary -- /attached/without_library traffic
try tcptune run --summary -- /attached/without_counters traffic
try tcptune run --summary --stats /run/counters -- /attached/without_counters traffic
try tcptune check /attached/without_library
try tcptune doctor -- /attached/without_library traffic
try tcptune doctor -- /attached/without_counters traffic
for name in without_library without_map without_proc server; do
	tcptune run -- /attached/$name wait &
	sleep 2
	try tcptune check $(pidof $name)
	try tcptune attach $(pidof $name)
	try /programs/confined under tool tcptune attach $(pidof $name)
	try /programs/confined under tool tcptune check $(pidof $name)
	try /programs/confined under tool tcptune ls $(pidof $name)
	kill $(pidof $name)
done
try /programs/confined under tool tcptune doctor --duration 1
try /programs/confined under without_library tcptune run -- /programs/confined traffic
for name in ix px Px cx Cx ux Ux pix Pix PUx; do
	try env LD_PRELOAD=$library /attached/launcher exec /start/$name show
done
dmesg | grep -i apparmor | tail -40
