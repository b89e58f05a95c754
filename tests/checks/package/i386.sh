# 32-bit and 64-bit programs, each with its own library
# needs: python3 busybox:i386
. /project/tests/checks/package/scene.sh
remember "$list/before"
apt-get -q -y install /packages/*.deb
[ "$(dpkg-query -W -f '${Architecture} ' libtcptune:amd64 libtcptune:i386)" = "amd64 i386 " ]
# By name and by $LIB; a shell of one kind starts programs of the other.
for name in libtcptune.so '/usr/$LIB/libtcptune.so'; do
	exchanges "quick $installed" env LD_PRELOAD="$name"
	LD_PRELOAD=$name /bin/busybox cat /proc/self/maps >"$list/maps" 2>"$list/complaints"
	[ ! -s "$list/complaints" ] || { cat "$list/complaints"; exit 1; }
	grep -q /usr/lib/i386-linux-gnu/libtcptune.so "$list/maps"
	[ "$(LD_PRELOAD=$name /bin/busybox sh -c 'cat /proc/self/maps' 2>&1 | grep -c x86_64-linux-gnu/libtcptune.so)" -gt 0 ]
done
apt-get -q -y purge tcptune libtcptune:amd64
[ -f /usr/lib/i386-linux-gnu/libtcptune.so ] && [ ! -e "$installed" ]
apt-get -q -y purge libtcptune:i386
without_trace
echo "both by LD_PRELOAD=libtcptune.so and by \$LIB"
