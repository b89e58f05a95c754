# not removed while /etc/ld.so.preload names it
# needs: python3
. /project/tests/checks/package/scene.sh
remember "$list/before"
dpkg -i /packages/*_amd64.deb
echo libtcptune.so >/etc/ld.so.preload
exchanges "quick $installed" env
if apt-get -q -y purge libtcptune >"$list/said" 2>&1; then
	echo "it was removed"
	exit 1
fi
grep -q '^libtcptune: /etc/ld.so.preload names this library; take it out there first' "$list/said" || { cat "$list/said"; exit 1; }
exchanges "quick $installed" env
rm /etc/ld.so.preload
exchanges stall env
apt-get -q -y purge libtcptune tcptune
without_trace
echo "refused with one line, then removed"
