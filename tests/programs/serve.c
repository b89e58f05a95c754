/*
 * A server that answers every line with two writes, and gets its connection in one of the ways that servers do.
 *
 * serve listen            opens a listener on 127.0.0.1, prints `port N`, serves one connection after the other
 * serve prefork           the same, but two children accept; the parent only opened the listener
 * serve off               the same as listen, and turns TCP_NODELAY off after accept
 * serve copy              the same, with what TCP_NODELAY of the listener reads as, as Erlang does
 * serve fresh-off         turns it off on the fresh socket, before it listens, as Mono does
 * serve on-off            turns it on after accept, and off again
 * serve listener-on-off   turns it on for the listener, and off after accept
 * serve listen-fd N       accepts from the listener that it was started with (systemd socket activation)
 * serve connection-fd N   serves the connection that it was started with
 * serve stdin             reads 0 and writes 1 (inetd)
 * serve receive N         receives connections over the AF_UNIX socket N (SCM_RIGHTS), one after the other
 *
 * The second write of a reply tells TCP_NODELAY of the connection: `kernel=K libc=L`.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void serve(int in, int out)
{
	char line[256], state[64];
	for (;;) {
		size_t length = 0;
		do {
			ssize_t got = read(in, line + length, sizeof line - length);
			if (got <= 0)
				return;
			length += (size_t)got;
		} while (line[length - 1] != '\n' && length < sizeof line);
		int wanted = snprintf(state, sizeof state, "kernel=%d libc=%d\n", kernel_nodelay(out), libc_nodelay(out));
		if (write(out, "reply: ", 7) != 7 || write(out, state, (size_t)wanted) != wanted)
			return;
	}
}

static int open_listener(const char *way)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (!strcmp(way, "fresh-off") || !strcmp(way, "listener-on-off"))
		set_nodelay(listener, !strcmp(way, "listener-on-off"));
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, length) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&at, &length))
		err(1, "listen");
	printf("port %d\n", ntohs(at.sin_port));
	fflush(stdout);
	return listener;
}

static void accept_all(int listener, const char *way)
{
	for (;;) {
		int connection = accept(listener, NULL, NULL);
		if (connection < 0)
			err(1, "accept");
		if (!strcmp(way, "copy"))
			set_nodelay(connection, libc_nodelay(listener));
		if (!strcmp(way, "on-off"))
			set_nodelay(connection, 1);
		if (!strcmp(way, "off") || !strcmp(way, "on-off") || !strcmp(way, "listener-on-off"))
			set_nodelay(connection, 0);
		serve(connection, connection);
		close(connection);
	}
}

static int receive(int channel)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec one = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &one, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	if (recvmsg(channel, &message, 0) <= 0)
		exit(0);
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		errx(1, "no descriptor came");
	int connection;
	memcpy(&connection, CMSG_DATA(head), sizeof connection);
	return connection;
}

static void prefork(void)
{
	int listener = open_listener("");
	pid_t parent = getpid();
	for (int child = 0; child < 2; child++) {
		pid_t pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent) /* it has died already */
				_exit(1);
			accept_all(listener, "");
		}
	}
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	int fd = argc > 2 ? atoi(argv[2]) : -1;
	signal(SIGPIPE, SIG_IGN);
	const char *own[] = {"listen", "off", "copy", "fresh-off", "on-off", "listener-on-off"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!strcmp(way, own[i]))
			accept_all(open_listener(way), way);
	if (!strcmp(way, "prefork"))
		prefork();
	else if (!strcmp(way, "listen-fd"))
		accept_all(fd, way);
	else if (!strcmp(way, "connection-fd"))
		serve(fd, fd);
	else if (!strcmp(way, "stdin"))
		serve(0, 1);
	else if (!strcmp(way, "receive"))
		for (;;) {
			int connection = receive(fd);
			serve(connection, connection);
			close(connection);
		}
	else
		errx(2, "usage: serve WAY [FD]");
	return 0;
}
