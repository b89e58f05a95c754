#!/bin/busybox sh
# In the machine: who may touch whose sockets.

# Yama: with ptrace_scope 1 a process of the same user may not be touched, and the command says what would help.
echo 'user:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
as_user() { su user -c "exec $*"; }
as_user /programs/serve listen >/tmp/port &
sleep 1
server=$(pidof serve)
for scope in 0 1 2; do
	[ -e /proc/sys/kernel/yama/ptrace_scope ] || { line "attach, Yama" absent absent ok; break; }
	# It can be raised beyond 1 only once, so it is done in this order.
	echo $scope >/proc/sys/kernel/yama/ptrace_scope
	said=$(as_user tcptune attach --state /tmp/state $server 2>&1 | tail -1)
	status=$(as_user tcptune attach --state /tmp/state $server >/dev/null 2>&1; echo $?)
	case $scope:$status:$said in
	0:0:*) verdict=ok ;;
	1:126:*"start it through"*) verdict=ok ;;
	2:126:*"only root may touch"*) verdict=ok ;;
	*) verdict=FAILS ;;
	esac
	line "attach, ptrace_scope $scope" "status $status" "$said" "$verdict"
done
kill $server
