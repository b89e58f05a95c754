# What the pages of docs/recipes share when scripts/check recipes runs them: a far end on port 4000, and two words that judge a
# client which prints `N ms each`. The stall is 40 ms; without it an exchange takes less than one. A page that runs in the
# sources themselves is in their directory, the others have them in /project.
recipes=$(realpath tests/checks/recipes 2>/dev/null || echo /project/tests/checks/recipes)
python3 "$recipes/lines_server.py" 4000 &
until_ok python3 -c 'import socket; socket.create_connection(("127.0.0.1", 4000))'

judged() { # CONDITION COMMAND...: of the one line that the command prints
	local condition=$1 printed
	shift
	printed=$("$@")
	echo "$printed"
	awk "/^[0-9.]+ ms each\$/ { lines++; good += (\$1 $condition) } END { exit !(lines == 1 && good == 1) }" <<<"$printed"
}
stalls() { judged '> 20' "$@"; }
quick() { judged '< 20' "$@"; }
