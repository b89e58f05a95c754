# by pip for a user, for all, and into a directory
# needs: python3 python3-pip python3-venv
. /project/tests/checks/package/scene.sh
wheel=$(echo /packages/*.whl)
export PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
export PIP_BREAK_SYSTEM_PACKAGES=1
# pip takes away a directory that nothing else is in.
touch /usr/local/bin/other /usr/local/lib/python3.11/dist-packages/other.py
remember "$list/before"

# NAME OF THE LIBRARY, COMMAND, DIRECTORY FOR PYTHONPATH: the command finds the library, and the module both.
works() {
	exchanges "quick $1" "$2" run --
	exchanges "quick $1" env PYTHONPATH="$3" python3 -m tcptune run --
	sed -i '1i import tcptune; tcptune.reexec()' "$list/client.py"
	exchanges "quick $1" env PYTHONPATH="$3"
	sed -i 1d "$list/client.py"
}

pip -q install --user "$wheel"
works /root/.local/lib/python3.11/site-packages/tcptune/libtcptune.so /root/.local/bin/tcptune ''
pip -q uninstall -y tcptune
pip -q install "$wheel"
works /usr/local/lib/python3.11/dist-packages/tcptune/libtcptune.so /usr/local/bin/tcptune ''
pip -q uninstall -y tcptune
pip -q install --target "$list/target" "$wheel"
works "$list/target/tcptune/libtcptune.so" "$list/target/bin/tcptune" "$list/target"
exchanges stall env
without_trace
