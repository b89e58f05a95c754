# upgraded below a running program
# needs: python3
. /project/tests/checks/package/scene.sh
remember "$list/before"
# An older version: the same files, one more, and another library.
for package in libtcptune tcptune; do
	dpkg-deb -R /packages/${package}_*_amd64.deb "$list/$package"
	sed -i 's/^Version: .*/Version: 0.0.9-1/; s/libtcptune (= [^)]*)/libtcptune (= 0.0.9-1)/' "$list/$package/DEBIAN/control"
	mkdir -p "$list/$package/usr/share/doc/$package"
	echo old >"$list/$package/usr/share/doc/$package/only-in-old"
	[ $package = tcptune ] || printf 'x' >>"$list/libtcptune$installed"
	dpkg-deb -b "$list/$package" "$list/${package}_0.0.9-1_amd64.deb" >/dev/null
done
apt-get -q -y install "$list"/*_0.0.9-1_amd64.deb
exchanges "quick $installed" env LD_PRELOAD=libtcptune.so
old=$(stat -c %i $installed)

# A program that has the old library mapped, opens connections all the time, and says how many were slow.
cat >"$list/busy.py" <<'END'
import os, socket, sys, time
slow = count = 0
while not os.path.exists(sys.argv[1]):
    with socket.create_connection(("127.0.0.1", 4000)) as server:
        for _ in range(5):
            begin = time.monotonic()
            server.sendall(b"x" * 300)
            server.sendall(b"\r\n")
            server.recv(100)
            slow += time.monotonic() - begin > 0.035
            count += 1
maps = open("/proc/self/maps").read()
print("old" if "libtcptune.so (deleted)" in maps else "new", count > 100, slow * 10 < count)
END
LD_PRELOAD=libtcptune.so python3 "$list/busy.py" "$list/stop" >"$list/busy" 2>&1 &
busy=$!
sleep 1
apt-get -q -y install /packages/libtcptune_*_amd64.deb /packages/tcptune_*_amd64.deb
[ "$(stat -c %i $installed)" != "$old" ]
[ ! -e /usr/share/doc/tcptune/only-in-old ]
sleep 1
touch "$list/stop"
wait $busy
[ "$(cat "$list/busy")" = "old True True" ] || { cat "$list/busy"; exit 1; }
exchanges "quick $installed" env LD_PRELOAD=libtcptune.so
apt-get -q -y purge tcptune libtcptune
without_trace
echo "the program kept the old library and no connection failed"
