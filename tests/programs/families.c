/*
 * Opens a listener, a client and an accepted socket of every kind that carries TCP, and prints TCP_NODELAY of each as
 * `KIND ROLE kernel=K libc=L`. A kind that this kernel lacks is printed as `KIND absent`.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct kind {
	const char *name;
	int listen_family; /* the listener's address family */
	int client_family;
	int flags; /* or-ed to the type of both sockets */
	int protocol;
	int accept4_flags; /* -1: accept() */
};

static const struct kind kinds[] = {
	{"ipv4", AF_INET, AF_INET, 0, 0, -1},
	{"ipv4-explicit", AF_INET, AF_INET, 0, IPPROTO_TCP, 0},
	{"ipv6", AF_INET6, AF_INET6, 0, 0, -1},
	{"v4-mapped", AF_INET6, AF_INET6, 0, 0, -1},
	{"ipv4-to-dual-stack", AF_INET6, AF_INET, 0, 0, -1},
	{"cloexec", AF_INET, AF_INET, SOCK_CLOEXEC, IPPROTO_TCP, SOCK_CLOEXEC},
	{"nonblock", AF_INET, AF_INET, SOCK_NONBLOCK, 0, SOCK_NONBLOCK},
	{"nonblock-cloexec", AF_INET6, AF_INET6, SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP, SOCK_NONBLOCK | SOCK_CLOEXEC},
	{"mptcp", AF_INET, AF_INET, 0, IPPROTO_MPTCP, -1},
	{"mptcp6", AF_INET6, AF_INET6, SOCK_CLOEXEC, IPPROTO_MPTCP, 0},
};

static void show(const struct kind *kind, const char *role, int fd)
{
	printf("%s %s kernel=%d libc=%d\n", kind->name, role, kernel_nodelay(fd), libc_nodelay(fd));
}

static socklen_t loopback(union address *address, int family, int mapped)
{
	memset(address, 0, sizeof *address);
	address->any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof address->v4;
	}
	if (mapped)
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &address->v6.sin6_addr);
	else
		address->v6.sin6_addr = in6addr_loopback;
	return sizeof address->v6;
}

static void wait_for(int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};
	if (poll(&one, 1, 5000) != 1)
		err(1, "poll");
}

static void try(const struct kind *kind)
{
	int mapped = !strcmp(kind->name, "v4-mapped");
	int dual = mapped || kind->listen_family != kind->client_family;
	union address at, to;
	socklen_t length = loopback(&at, kind->listen_family, 0);
	if (dual)
		at.v6.sin6_addr = in6addr_any;
	int listener = socket(kind->listen_family, SOCK_STREAM | kind->flags, kind->protocol);
	if (listener < 0 || bind(listener, &at.any, length)) {
		if (errno != EPROTONOSUPPORT && errno != EAFNOSUPPORT && errno != ENOPROTOOPT && errno != EADDRNOTAVAIL)
			err(1, "%s", kind->name);
		printf("%s absent\n", kind->name);
		if (listener >= 0)
			close(listener);
		return;
	}
	if (listen(listener, 8) || getsockname(listener, &at.any, &length))
		err(1, "listen");
	show(kind, "listener", listener);

	length = loopback(&to, kind->client_family, mapped);
	if (kind->client_family == AF_INET)
		to.v4.sin_port = kind->listen_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port;
	else
		to.v6.sin6_port = at.v6.sin6_port;
	for (int round = 1; round <= 3; round++) {
		int client = socket(kind->client_family, SOCK_STREAM | kind->flags, kind->protocol);
		if (client < 0)
			err(1, "socket");
		int result = connect(client, &to.any, length);
		printf("%s connect %s\n", kind->name, result ? strerror(errno) : "0");
		if (result && errno != EINPROGRESS)
			err(1, "connect");
		wait_for(listener, POLLIN);
		int accepted = kind->accept4_flags < 0 ? accept(listener, NULL, NULL)
						       : accept4(listener, NULL, NULL, kind->accept4_flags);
		if (accepted < 0)
			err(1, "accept");
		wait_for(client, POLLOUT);
		show(kind, "client", client);
		show(kind, "accepted", accepted);
		/* And it carries bytes both ways. */
		char text[4] = "";
		if (write(client, "abc", 3) != 3 || (wait_for(accepted, POLLIN), read(accepted, text, 3)) != 3)
			err(1, "to the server");
		if (write(accepted, text, 3) != 3 || (wait_for(client, POLLIN), read(client, text, 3)) != 3)
			err(1, "to the client");
		printf("%s carries %s\n", kind->name, text);
		close(client);
		close(accepted);
	}
	close(listener);
}

int main(void)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		try(&kinds[i]);
	return 0;
}
