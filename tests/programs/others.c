/*
 * Uses every kind of descriptor that is no TCP socket; marks for strace: `begin` and `end`. The library must not make a
 * single system call for any of them.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#ifndef IPPROTO_SCTP
#define IPPROTO_SCTP 132
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

static void talk(int from, int to)
{
	char text[8];
	if (write(from, "abc", 3) != 3 || read(to, text, sizeof text) != 3)
		err(1, "talk");
	if (send(from, "abc", 3, 0) == 3 && recv(to, text, sizeof text, 0) != 3)
		err(1, "talk");
}

static void udp(int family, int protocol)
{
	struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
	socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int a = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol), b = socket(family, SOCK_DGRAM, protocol);
	if (family == AF_INET)
		((struct sockaddr_in *)&at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&at)->sin6_addr = in6addr_loopback;
	if (a >= 0 && b >= 0 && !bind(a, (void *)&at, length) && !getsockname(a, (void *)&at, &length)) {
		if (connect(b, (void *)&at, length))
			err(1, "connect");
		talk(b, a);
	}
	close(a);
	close(b);
}

static void local(int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int length = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "tcptune-%d-%d", getpid(), type);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	int listener = socket(AF_UNIX, type, 0), client = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), pair[2];
	if (bind(listener, (void *)&at, size) || listen(listener, 2) || connect(client, (void *)&at, size))
		err(1, "AF_UNIX");
	int accepted = accept(listener, NULL, NULL);
	talk(client, accepted);
	talk(accepted, client);
	if (socketpair(AF_UNIX, type, 0, pair))
		err(1, "socketpair");
	talk(pair[0], pair[1]);
	int fds[] = {listener, client, accepted, pair[0], pair[1]};
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}

/* One-to-one SCTP is SOCK_STREAM too, but no TCP. Absent from many kernels; then socket() fails and that is all. */
static void sctp(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), client = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	if (listener >= 0 && client >= 0) {
		if (bind(listener, (void *)&at, length) || listen(listener, 2) ||
		    getsockname(listener, (void *)&at, &length) || connect(client, (void *)&at, length))
			err(1, "SCTP");
		int accepted = accept(listener, NULL, NULL);
		talk(client, accepted);
		close(accepted);
	}
	close(listener);
	close(client);
}

int main(void)
{
	int pipes[2];
	mark("begin");
	udp(AF_INET, 0);
	udp(AF_INET, IPPROTO_UDP);
	udp(AF_INET6, 0);
	udp(AF_INET, IPPROTO_UDPLITE);
	local(SOCK_STREAM);
	local(SOCK_SEQPACKET);
	sctp();
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	close(netlink);
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	close(raw);
	if (pipe(pipes))
		err(1, "pipe");
	if (write(pipes[1], "abc", 3) != 3 || read(pipes[0], pipes, 3) != 3)
		err(1, "pipe");
	int file = open("/proc/self/comm", O_RDONLY), event = eventfd(1, 0), other = dup2(file, 64);
	long long number;
	if (read(event, &number, sizeof number) != sizeof number || read(other, &number, 4) < 1)
		err(1, "read");
	close(file);
	close(event);
	close(other);
	mark("end");
	return 0;
}
