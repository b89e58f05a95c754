/*
 * The options of a listener, a client and an accepted socket, as the kernel has them: `ROLE OPTION VALUE`.
 *
 * settings ADDRESS PORT [before|after KEY VALUE]
 *
 * Listens there, connects to it, accepts. With `before` or `after` the program sets an option itself, on the listener
 * before or after listen and on the client before or after connect: KEY is sndbuf, ttl, user_timeout or keepalive.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTION(level, name) {#name, level, name}

static const struct option {
	const char *name;
	int level, number;
} options[] = {
	OPTION(SOL_SOCKET, SO_KEEPALIVE),     OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(SOL_SOCKET, SO_RCVBUF),        OPTION(SOL_SOCKET, SO_PRIORITY),
	OPTION(SOL_SOCKET, SO_MARK),          OPTION(SOL_SOCKET, SO_BUSY_POLL),
	OPTION(SOL_SOCKET, SO_RCVLOWAT),      OPTION(SOL_SOCKET, SO_REUSEADDR),
	OPTION(SOL_SOCKET, SO_REUSEPORT),     OPTION(IPPROTO_IP, IP_TOS),
	OPTION(IPPROTO_IP, IP_TTL),           OPTION(IPPROTO_IPV6, IPV6_TCLASS),
	OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS), OPTION(IPPROTO_TCP, TCP_NODELAY),
	OPTION(IPPROTO_TCP, TCP_CORK),        OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL),   OPTION(IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
	OPTION(IPPROTO_TCP, TCP_MAXSEG),      OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT),
	OPTION(IPPROTO_TCP, TCP_FASTOPEN),    OPTION(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
	OPTION(IPPROTO_TCP, TCP_QUICKACK),    OPTION(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS),
	OPTION(IPPROTO_TCP, TCP_SYNCNT),      OPTION(IPPROTO_TCP, TCP_WINDOW_CLAMP),
	/* Linux 6.15; headers may be older. */
	{"TCP_RTO_MAX_MS", IPPROTO_TCP, 44}, {"TCP_RTO_MIN_US", IPPROTO_TCP, 45}, {"TCP_DELACK_MAX_US", IPPROTO_TCP, 46},
};

static void show(const char *role, int fd)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		int value = -1;
		socklen_t length = sizeof value;
		if (!syscall(SYS_getsockopt, fd, options[i].level, options[i].number, &value, &length))
			printf("%s %s %d\n", role, options[i].name, value);
	}
	char name[32] = "";
	socklen_t length = sizeof name;
	syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CONGESTION, name, &length);
	printf("%s TCP_CONGESTION %s\n", role, name);
	struct linger linger = {0, 0};
	length = sizeof linger;
	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_LINGER, &linger, &length);
	printf("%s SO_LINGER %d/%d\n", role, linger.l_onoff, linger.l_linger);
	unsigned long long rate = 0;
	length = sizeof rate;
	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &length);
	printf("%s SO_MAX_PACING_RATE %lld\n", role, (long long)rate);
}

static const char *when = "never", *key;
static int value;

/* What the program sets itself, if this is the time for it. */
static void own(int fd, const char *time)
{
	if (strcmp(time, when))
		return;
	int level = SOL_SOCKET, number = SO_SNDBUF;
	if (!strcmp(key, "ttl"))
		level = IPPROTO_IP, number = IP_TTL;
	else if (!strcmp(key, "user_timeout"))
		level = IPPROTO_TCP, number = TCP_USER_TIMEOUT;
	else if (!strcmp(key, "keepalive"))
		number = SO_KEEPALIVE;
	else if (strcmp(key, "sndbuf"))
		errx(2, "no key %s", key);
	if (setsockopt(fd, level, number, &value, sizeof value))
		err(1, "%s", key);
}

int main(int argc, char **argv)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {.v6 = {0}};
	socklen_t length = sizeof at.v4;
	if (argc != 3 && argc != 6)
		errx(2, "usage: settings ADDRESS PORT [before|after KEY VALUE]");
	if (argc == 6) {
		when = argv[3];
		key = argv[4];
		value = atoi(argv[5]);
	}
	at.v4.sin_family = AF_INET;
	at.v4.sin_port = htons((unsigned short)atoi(argv[2]));
	if (inet_pton(AF_INET, argv[1], &at.v4.sin_addr) != 1) {
		at.v6.sin6_family = AF_INET6;
		length = sizeof at.v6;
		if (inet_pton(AF_INET6, argv[1], &at.v6.sin6_addr) != 1)
			errx(2, "no address: %s", argv[1]);
	}
	int listener = socket(at.any.sa_family, SOCK_STREAM, 0), client = socket(at.any.sa_family, SOCK_STREAM, 0), on = 1;
	own(listener, "before");
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(listener, &at.any, length) ||
	    listen(listener, 8))
		err(1, "listen");
	own(listener, "after");
	own(client, "before");
	if (connect(client, &at.any, length))
		err(1, "connect");
	own(client, "after");
	/* With fastopen_connect the connection is opened by the first data; with defer_accept it is accepted with it. */
	if (write(client, "x", 1) != 1)
		err(1, "write");
	int accepted = accept(listener, NULL, NULL);
	char byte;
	if (accepted < 0 || read(accepted, &byte, 1) != 1)
		err(1, "accept");
	show("listener", listener);
	show("client", client);
	show("accepted", accepted);
	return 0;
}
