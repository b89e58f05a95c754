/*
 * Opens a listener, then connections to it, and exchanges a few bytes on each; marks for strace between the parts:
 * `listener`, `first`, `more`, `end`. Every call counts: nothing else happens between the marks.
 *
 * count CONNECTIONS blocking|polling
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static struct sockaddr_in at;
static int polling, queue;

static void ready(int fd, short events)
{
	if (!polling)
		return;
	struct pollfd one = {.fd = fd, .events = events};
	if (poll(&one, 1, 5000) != 1)
		err(1, "poll");
	struct epoll_event event = {.events = events & POLLIN ? EPOLLIN : EPOLLOUT};
	if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) || epoll_wait(queue, &event, 1, 5000) != 1 ||
	    epoll_ctl(queue, EPOLL_CTL_DEL, fd, NULL))
		err(1, "epoll");
}

/* Each data call once, to and fro; one small message at a time, so that nothing waits. */
static void exchange(int from, int to)
{
	char out[64] = "0123456789", in[64];
	struct iovec parts[2] = {{out, 5}, {out + 5, 5}}, space[2] = {{in, 5}, {in + 5, 59}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2}, got = {.msg_iov = space, .msg_iovlen = 2};
	for (int call = 0; call < 5; call++) {
		ssize_t sent = call == 0   ? write(from, out, 10)
			       : call == 1 ? send(from, out, 10, 0)
			       : call == 2 ? sendto(from, out, 10, MSG_NOSIGNAL, NULL, 0)
			       : call == 3 ? writev(from, parts, 2)
					   : sendmsg(from, &message, 0);
		ready(to, POLLIN);
		ssize_t came = call == 0   ? read(to, in, sizeof in)
			       : call == 1 ? recv(to, in, sizeof in, 0)
			       : call == 2 ? recvfrom(to, in, sizeof in, 0, NULL, NULL)
			       : call == 3 ? readv(to, space, 2)
					   : recvmsg(to, &got, 0);
		if (sent != 10 || came != 10)
			err(1, "call %d: %zd %zd", call, sent, came);
		int swap = from;
		from = to;
		to = swap;
	}
}

static void connection(int listener)
{
	int client = socket(AF_INET, SOCK_STREAM | (polling ? SOCK_NONBLOCK : 0), 0);
	if (client < 0 || (connect(client, (struct sockaddr *)&at, sizeof at) && errno != EINPROGRESS))
		err(1, "connect");
	ready(listener, POLLIN);
	int accepted = polling ? accept4(listener, NULL, NULL, SOCK_NONBLOCK) : accept(listener, NULL, NULL);
	if (accepted < 0)
		err(1, "accept");
	ready(client, POLLOUT);
	for (int round = 0; round < 4; round++) {
		exchange(client, accepted);
		exchange(accepted, client);
	}
	shutdown(client, SHUT_WR);
	close(client);
	close(accepted);
}

int main(int argc, char **argv)
{
	int connections = argc > 1 ? atoi(argv[1]) : 0;
	polling = argc > 2 && !strcmp(argv[2], "polling");
	queue = epoll_create1(0);
	mark("listener");
	int listener = socket(AF_INET, SOCK_STREAM | (polling ? SOCK_NONBLOCK : 0), 0);
	socklen_t length = sizeof at;
	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, length) || listen(listener, 8) ||
	    getsockname(listener, (struct sockaddr *)&at, &length))
		err(1, "listen");
	mark("first");
	connection(listener);
	mark("more");
	for (int i = 0; i < connections; i++)
		connection(listener);
	mark("end");
	return 0;
}
