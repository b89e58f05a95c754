/*
 * Puts itself into a strict seccomp sandbox, as sshd's and vsftpd's children do, and then uses sockets: any system call
 * that is not on its short list kills it. Prints what each call gave.
 *
 * sandbox prctl|seccomp|strict-mode WHEN
 *
 * prctl and seccomp install a filter by prctl(PR_SET_SECCOMP) and by syscall(SYS_seccomp); WHEN says what happens before
 * the filter: `early` nothing, `late` a connection is made and used (and its sockets are used on), `fork` as late, in a
 * child that is forked after the filter. strict-mode is SECCOMP_MODE_STRICT: only read, write and exit are left.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* No setsockopt, getsockopt, ioctl, fcntl, mmap, clock_gettime: nothing but what the lines below use. */
static struct sock_filter rules[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(socket),
	ALLOW(bind),
	ALLOW(listen),
	ALLOW(getsockname),
	ALLOW(connect),
	ALLOW(accept),
	ALLOW(accept4),
	ALLOW(read),
	ALLOW(write),
	ALLOW(sendto),
	ALLOW(recvfrom),
	ALLOW(dup),
	ALLOW(shutdown),
	ALLOW(close),
	ALLOW(clone),
	ALLOW(set_robust_list),
	ALLOW(rseq),
	ALLOW(wait4),
	ALLOW(exit),
	ALLOW(exit_group),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void say(const char *what, long result)
{
	/* stdio could want system calls of its own; this wants write alone. */
	char line[100];
	int length = snprintf(line, sizeof line, "%s: %ld %s\n", what, result < 0 ? -1 : result, result < 0 ? strerror(errno) : "");
	if (write(1, line, (size_t)length) != length)
		_exit(3);
}

static struct sockaddr_in at = {.sin_family = AF_INET};
static int listener, client, accepted;

static void open_listener(void)
{
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = 0;
	socklen_t length = sizeof at;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	say("bind", bind(listener, (struct sockaddr *)&at, length));
	say("listen", listen(listener, 8));
	say("getsockname", getsockname(listener, (struct sockaddr *)&at, &length));
}

static void join(void)
{
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	say("connect", connect(client, (struct sockaddr *)&at, sizeof at));
	accepted = accept(listener, NULL, NULL);
	say("accept", accepted >= 0 ? 0 : -1);
}

static void exchange(void)
{
	char text[64];
	for (int round = 0; round < 20; round++) {
		/* Two writes and a wait: what the library would act on. */
		if (write(client, "abc", 3) != 3 || write(client, "\r\n", 2) != 2)
			say("write", -1);
		for (ssize_t got = 0, all = 0; all < 5; all += got)
			if ((got = read(accepted, text, sizeof text)) <= 0) {
				say("read", got);
				return;
			}
		if (send(accepted, "de", 2, 0) != 2 || recv(client, text, sizeof text, 0) != 2)
			say("send", -1);
	}
	say("exchanges", 20);
}

static void leave(void)
{
	int other = dup(client);
	say("write to a closed number", (close(client), write(client, "x", 1)));
	say("write to the duplicate", write(other, "x", 1));
	say("shutdown", shutdown(other, SHUT_RDWR));
	say("close", close(other) | close(accepted));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: sandbox prctl|seccomp|strict-mode early|late|fork");
	struct sock_fprog filter = {.len = sizeof rules / sizeof *rules, .filter = rules};
	int early = !strcmp(argv[2], "early");
	if (!early) {
		open_listener();
		join();
		exchange();
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "no_new_privs");
	if (!strcmp(argv[1], "strict-mode")) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			err(1, "strict mode");
		char text[8];
		if (write(client, "abc", 3) == 3 && write(client, "de", 2) == 2 && read(accepted, text, 3) == 3)
			say("strict mode", 3);
		syscall(SYS_exit, 0);
	}
	if (!strcmp(argv[1], "prctl") ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)
				      : syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter))
		err(1, "filter");
	if (!strcmp(argv[2], "fork")) {
		pid_t child = fork();
		if (child) {
			int status;
			if (waitpid(child, &status, 0) != child)
				_exit(4);
			say("the child's status", status);
			_exit(0);
		}
	}
	if (!early) {
		exchange();
		leave();
	}
	open_listener();
	join();
	exchange();
	leave();
	say("done", 0);
	_exit(0);
}
