# Prints each step of a check with the seconds that it took.
hundredths() { IFS=' .' read -r whole part rest </proc/uptime && echo "$whole$part"; }
took() { # SINCE WHAT
	set -- $(($(hundredths) - $1)) "$2"
	printf '    %3d.%02d s  %s\n' $(($1 / 100)) $(($1 % 100)) "$2"
}
begin() { started=$(hundredths); }
step() {
	local from=$(hundredths)
	"$@"
	took "$from" "$*"
}
total() { took "$started" "from nothing to the stall gone"; }
