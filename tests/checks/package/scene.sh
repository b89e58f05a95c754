# What the checks of the packages share. They run as root in a clean Debian 12 that is thrown away (scripts/check package).
export DEBIAN_FRONTEND=noninteractive
list=$(mktemp -d)

# Everything on the file system that is not dpkg's, apt's and the loader's own book-keeping, with the content of /etc.
remember() {
	find / -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path /var/lib/apt -o -path /var/cache -o -path /tmp -o -path /root \
		-o -path /packages -o -path /project -o -path /proc \) -prune -o -printf '%p %M %u %g %l\n' | LC_ALL=C sort >"$1"
	find /etc -type f ! -name ld.so.cache -exec cksum {} + | LC_ALL=C sort >>"$1"
}
# Nothing that was not there before, and nobody who remembers.
without_trace() {
	remember "$list/after"
	diff "$list/before" "$list/after"
	if ldconfig -p | grep tcptune || ls /var/lib/dpkg/info | grep tcptune || dpkg-query -W '*tcptune*' 2>/dev/null; then
		echo "somebody still knows it"
		exit 1
	fi
	! env LD_PRELOAD=libtcptune.so true 2>&1 | grep -qv 'cannot be preloaded'
}

python3 /project/tests/checks/recipes/lines_server.py 4000 &
cat >"$list/client.py" <<'END'
import socket, statistics, sys, time
while True:
    try:
        server = socket.create_connection(("127.0.0.1", 4000))
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
times = []
for _ in range(15):
    begin = time.monotonic()
    server.sendall(b"x" * 300)
    server.sendall(b"\r\n")
    server.recv(100)
    times.append((time.monotonic() - begin) * 1000)
mapped = sorted({line.split()[-1] for line in open("/proc/self/maps") if "tcptune" in line})
print("stall" if statistics.median(times) > 20 else "quick", *mapped)
END
# exchanges WANTED COMMAND...: what a client says that writes twice and then waits.
exchanges() {
	wanted=$1
	shift
	printed=$("$@" python3 "$list/client.py" 2>&1)
	[ "$printed" = "$wanted" ] || { echo "$*: \`$printed\`, not \`$wanted\`"; exit 1; }
}
installed=/usr/lib/x86_64-linux-gnu/libtcptune.so
