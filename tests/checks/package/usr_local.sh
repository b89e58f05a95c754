# scripts/install in /usr/local, and scripts/uninstall
# needs: python3
. /project/tests/checks/package/scene.sh
export CARGO_TARGET_DIR=/packages/cargo
remember "$list/before"
/project/scripts/install
local=/usr/local/lib/x86_64-linux-gnu/libtcptune.so
exchanges "quick $local" env LD_PRELOAD=libtcptune.so
exchanges "quick $local" tcptune run --
/project/scripts/install
/project/scripts/install PREFIX=/usr
exchanges "quick $local" tcptune run --
/project/scripts/uninstall
exchanges "quick $installed" env LD_PRELOAD=libtcptune.so
/project/scripts/uninstall PREFIX=/usr
without_trace
echo "twice, and beside PREFIX=/usr"
