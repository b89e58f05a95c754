/*
 * What an application that handles TCP_NODELAY itself sees, and what the kernel has: `SCENARIO libc=L kernel=K`.
 * The libc column, and the lines without columns, must be the same with and without the library.
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static struct sockaddr_in at;

static void show(const char *scenario, int fd)
{
	printf("%s libc=%d kernel=%d\n", scenario, libc_nodelay(fd), kernel_nodelay(fd));
}

static void set(int fd, int value)
{
	if (set_nodelay(fd, value))
		err(1, "setsockopt");
}

static int stream(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		err(1, "socket");
	return fd;
}

static int listener(int before, int after)
{
	int fd = stream();
	memset(&at, 0, sizeof at);
	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t length = sizeof at;
	if (bind(fd, (struct sockaddr *)&at, length) || getsockname(fd, (struct sockaddr *)&at, &length))
		err(1, "bind");
	if (before >= 0)
		set(fd, before);
	if (listen(fd, 8))
		err(1, "listen");
	if (after >= 0)
		set(fd, after);
	return fd;
}

static void join(int fd)
{
	if (connect(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "connect");
}

static void clients(void)
{
	int server = listener(-1, -1), fd;
	fd = stream();
	show("client-untouched-unconnected", fd);
	join(fd);
	show("client-untouched", fd);
	close(fd);
	for (int value = 0; value < 2; value++) {
		char name[64];
		fd = stream();
		set(fd, value);
		snprintf(name, sizeof name, "client-%d-unconnected", value);
		show(name, fd);
		join(fd);
		snprintf(name, sizeof name, "client-%d-then-connect", value);
		show(name, fd);
		close(fd);

		fd = stream();
		join(fd);
		set(fd, value);
		snprintf(name, sizeof name, "client-connect-then-%d", value);
		show(name, fd);
		set(fd, !value);
		snprintf(name, sizeof name, "client-connect-then-%d-%d", value, !value);
		show(name, fd);
		close(fd);
	}
	/* Any value but 0 means on, and reads back as 1. */
	fd = stream();
	set(fd, 77);
	show("client-77-unconnected", fd);
	join(fd);
	show("client-77-then-connect", fd);
	/* Another number for the same socket, of each kind. */
	int others[] = {dup(fd), dup2(fd, 200), fcntl(fd, F_DUPFD_CLOEXEC, 300)};
	for (int i = 0; i < 3; i++)
		show("client-77-duplicate", others[i]);
	set(others[0], 0);
	show("client-0-through-duplicate", others[0]);
	for (int i = 0; i < 3; i++)
		close(others[i]);
	close(fd);
	/* The same number for another socket: nothing is remembered. */
	fd = stream();
	set(fd, 1);
	join(fd);
	int number = fd;
	close(fd);
	fd = stream();
	join(fd);
	if (fd == number)
		show("client-untouched-reused-number", fd);
	close(fd);
	close(server);
}

static void servers(void)
{
	for (int before = -1; before < 2; before++) {
		for (int after = -1; after < 2; after++) {
			char name[64];
			int server = listener(before, after);
			snprintf(name, sizeof name, "listener-%d-%d", before, after);
			show(name, server);
			for (int round = 0; round < 2; round++) {
				int client = stream();
				join(client);
				int fd = accept(server, NULL, NULL);
				snprintf(name, sizeof name, "accepted-%d-%d", before, after);
				show(name, fd);
				for (int value = 0; value < 2; value++) {
					set(fd, value);
					snprintf(name, sizeof name, "accepted-%d-%d-then-%d", before, after, value);
					show(name, fd);
				}
				close(fd);
				/* As Erlang does: off, straight after accept, and then it sends. */
				close(client);
				client = stream();
				join(client);
				fd = accept4(server, NULL, NULL, SOCK_NONBLOCK);
				set(fd, 0);
				if (write(fd, "x", 1) != 1)
					err(1, "write");
				snprintf(name, sizeof name, "accepted-%d-%d-then-off-and-write", before, after);
				show(name, fd);
				close(fd);
				close(client);
			}
			close(server);
		}
	}
}

/* Odd lengths and addresses give what the kernel gives. */
static void odd(void)
{
	int server = listener(-1, -1), fd = stream();
	join(fd);
	for (int turn = 0; turn < 2; turn++) {
		for (socklen_t asked = 0; asked <= 8; asked++) {
			unsigned char bytes[8];
			socklen_t length = asked;
			memset(bytes, 0xee, sizeof bytes);
			int result = getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bytes, &length);
			printf("odd-get-%d-%u: %d %s length %u bytes %02x%02x%02x%02x%02x\n", turn, asked, result,
			       result ? strerror(errno) : "", length, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]);
		}
		set(fd, 1);
	}
	int value = 1;
	socklen_t length = sizeof value;
	int results[] = {
		getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, &length) ? errno : 0,
		getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, NULL) ? errno : 0,
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, sizeof value) ? errno : 0,
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 1) ? errno : 0,
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, (socklen_t)-1) ? errno : 0,
		getsockopt(-1, IPPROTO_TCP, TCP_NODELAY, &value, &length) ? errno : 0,
		setsockopt(99999, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) ? errno : 0,
		setsockopt(1, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) ? errno : 0,
	};
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		printf("odd-%zu: %s\n", i, strerror(results[i]));
	/* A call that failed has set nothing. */
	int other = stream();
	join(other);
	if (setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &value, 2) == 0)
		errx(1, "a short option was taken");
	show("client-failed-set", other);
	close(other);
	close(fd);
	close(server);
}

int main(void)
{
	clients();
	servers();
	odd();
	return 0;
}
