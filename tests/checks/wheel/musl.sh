# where there is musl and no other C library: no pip, the wheel's files as it lays them out
. /project/tests/checks/wheel/steps.sh
port=$(mktemp)
# It writes twice as well, and would stall itself.
/wheel/bin/tcptune run -- /scene/exchanges server >"$port" &
until [ -s "$port" ]; do sleep 0.1; done
# An exchange that stalls takes 40 ms.
exchanges() {
	wanted=$1
	shift
	said=$("$@" /scene/exchanges client "$(cat "$port")" 15)
	awk "BEGIN { exit !(($said > 20) == (\"$wanted\" == \"stall\")) }" || { echo "$*: $said ms, no $wanted"; exit 1; }
}
exchanges stall env
begin
step exchanges quick /wheel/bin/tcptune run --
total
exchanges quick env LD_PRELOAD=/wheel/tcptune/libtcptune.so
exchanges stall env TCPTUNE=off LD_PRELOAD=/wheel/tcptune/libtcptune.so
/wheel/bin/tcptune check /scene/exchanges | grep -q 'musl 1\.'
