# installed, used by name, removed without trace
# needs: python3
. /project/tests/checks/package/scene.sh
remember "$list/before"
exchanges stall env
apt-get -q -y install /packages/libtcptune_*_amd64.deb /packages/tcptune_*_amd64.deb
exchanges "quick $installed" env LD_PRELOAD=libtcptune.so
exchanges "quick $installed" env 'LD_PRELOAD=/usr/$LIB/libtcptune.so'
exchanges "quick $installed" tcptune run --
exchanges "stall $installed" env LD_PRELOAD=libtcptune.so TCPTUNE=off
tcptune demo --client built-in >"$list/demo" || { cat "$list/demo"; exit 1; }
# Every subcommand has its page, the completions are there and are what the shells can read.
commands=$(tcptune --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -v '^help$')
[ "$(echo "$commands" | wc -l)" -ge 6 ]
for name in $commands; do
	# minbase leaves out what is below /usr/share/man.
	dpkg -L tcptune | grep -qx "/usr/share/man/man1/tcptune-$name.1.gz" || { echo "no page for $name"; exit 1; }
	tcptune complete 1 -- tcptune "$name" | grep -q "^$name	"
done
bash -n /usr/share/bash-completion/completions/tcptune
bash -c '. /usr/share/bash-completion/completions/tcptune; complete -p tcptune' >/dev/null
# The library alone is enough for the name.
apt-get -q -y remove tcptune
exchanges "quick $installed" env LD_PRELOAD=libtcptune.so
apt-get -q -y purge libtcptune
without_trace
exchanges stall env
size=$(dpkg-deb -f /packages/libtcptune_*_amd64.deb Installed-Size)
echo "library $size kB, command $(dpkg-deb -f /packages/tcptune_*_amd64.deb Installed-Size) kB"
