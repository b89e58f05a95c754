# in a virtual environment of Debian 12's Python, offline
# needs: python3 python3-pip python3-venv
. /project/tests/checks/package/scene.sh
. /project/tests/checks/wheel/steps.sh
wheel=$(echo /packages/*.whl)
export PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
exchanges stall env

# From nothing to the stall gone.
begin
step python3 -m venv /opt/venv
PATH=/opt/venv/bin:$PATH
(cd /opt/venv && find . | LC_ALL=C sort) >"$list/before"
step pip -q install "$wheel"
installed=/opt/venv/lib/python3.11/site-packages/tcptune/libtcptune.so
step exchanges "quick $installed" tcptune run --
total
exchanges "quick $installed" python3 -m tcptune run --
exchanges "stall $installed" env TCPTUNE=off tcptune run --
exchanges stall env
# The program asks for it itself.
sed -i '1i import tcptune; tcptune.reexec()' "$list/client.py"
exchanges "quick $installed" env
exchanges "quick $installed" tcptune run --
sed -i 1d "$list/client.py"
tcptune demo >"$list/demo" || { cat "$list/demo"; exit 1; }
grep -q 'imaplib of /opt/venv/bin/python3' "$list/demo"
# The command is static, so its own client cannot be preloaded: it says so.
if tcptune demo --client built-in >"$list/demo" 2>&1; then exit 1; fi
grep -q 'as static as this command' "$list/demo"
pip -q uninstall -y tcptune
(cd /opt/venv && find . | LC_ALL=C sort) | diff "$list/before" -
exchanges stall env
