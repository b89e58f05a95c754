/*
 * A program that uses sockets, files and pipes in an ordinary way and prints what came of it; the same lines whatever
 * its surroundings are.
 *
 * host [OUTPUT]      prints to standard output, or to this file (for runs with 0, 1 and 2 closed); ends with status 42
 * host --full        opens sockets until no descriptor is left, and prints how many there were
 * host --state       prints TCP_NODELAY of a connection, as the kernel has it
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int output = 1;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[200];
	va_list values;
	va_start(values, format);
	int length = vsnprintf(line, sizeof line, format, values);
	va_end(values);
	if (write(output, line, (size_t)length) != length)
		_exit(3);
}

static int client, accepted, listener;

static void join(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	int bound = bind(listener, (struct sockaddr *)&at, length), ready = listen(listener, 4);
	int named = getsockname(listener, (struct sockaddr *)&at, &length);
	client = socket(AF_INET, SOCK_STREAM, 0);
	int joined = connect(client, (struct sockaddr *)&at, length);
	accepted = accept(listener, NULL, NULL);
	say("bind %d listen %d getsockname %d connect %d accept %s\n", bound, ready, named, joined,
	    accepted < 0 ? strerror(errno) : "ok");
}

static void exchange(void)
{
	unsigned long sum = 0;
	unsigned char bytes[512];
	for (int round = 0; round < 3; round++) {
		size_t size = (size_t)(100 + round * 7);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (unsigned char)(i * 31 + (size_t)round);
		if (write(client, bytes, size) != (ssize_t)size || write(client, "\r\n", 2) != 2)
			say("write: %s\n", strerror(errno));
		for (size_t all = 0; all < size + 2;) {
			ssize_t got = read(accepted, bytes, sizeof bytes);
			if (got <= 0) {
				say("read: %s\n", strerror(errno));
				return;
			}
			for (ssize_t i = 0; i < got; i++)
				sum = sum * 31 + bytes[i];
			all += (size_t)got;
		}
		if (send(accepted, "ok", 2, 0) != 2 || recv(client, bytes, sizeof bytes, 0) != 2)
			say("answer: %s\n", strerror(errno));
	}
	say("3 exchanges, sum %lx\n", sum);
}

static void others(void)
{
	int pipes[2];
	char text[8] = "", bytes[64];
	if (pipe(pipes) || write(pipes[1], "pipe", 4) != 4 || read(pipes[0], text, 4) != 4)
		say("pipe: %s\n", strerror(errno));
	close(pipes[0]);
	close(pipes[1]);
	int file = open("/proc/self/comm", O_RDONLY);
	ssize_t got = read(file, bytes, sizeof bytes), bad = write(-1, bytes, 1);
	int error = errno;
	say("pipe %s, file %d, bad number %zd %s\n", text, got > 0, bad, strerror(error));
	close(file);
}

static void fill(void)
{
	int count = 0, kinds[] = {SOCK_STREAM, SOCK_DGRAM};
	while (socket(AF_INET, kinds[count % 2], 0) >= 0)
		count++;
	say("%d sockets, then %s\n", count, strerror(errno));
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int full = !strcmp(how, "--full"), state = !strcmp(how, "--state");
	if (how[0] && !full && !state)
		output = open(how, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (full)
		fill();
	if (!full) {
		join();
		if (state)
			say("kernel %d %d\n", kernel_nodelay(client), kernel_nodelay(accepted));
		exchange();
		others();
		int failed = close(client) | close(accepted) | close(listener);
		say("closed %d\n", failed);
	}
	/* Through stdio too, which no interposer sees. */
	FILE *stream = fdopen(output, "w");
	if (!stream || fprintf(stream, "end\n") != 4 || fclose(stream))
		_exit(4);
	return 42;
}
