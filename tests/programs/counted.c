/*
 * Exchanges over a connection to a listener of its own, in one thread: a call of 1,000 bytes, one of 2, and an answer of 2.
 *
 * counted EXCHANGES end      ends by exit
 * counted EXCHANGES kill     ends by SIGKILL
 * counted EXCHANGES fork     a forked child makes as many, over a connection of its own
 * counted EXCHANGES daemon   a forked child makes them, prints a line and lives on; the parent ends at once
 * counted EXCHANGES marks    with marks for strace around the exchanges: `begin`, `end`
 * counted EXCHANGES long     each exchange is 100 calls of 20 bytes, and the answer
 * counted EXCHANGES call     another exchange follows, with 30 ms of computing between its two calls
 * counted EXCHANGES wait     the same without the second call; both then print a line and live on
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static void all(int fd, size_t length)
{
	char in[2000];
	while (length > 0) {
		ssize_t got = read(fd, in, length);
		if (got <= 0)
			err(1, "read");
		length -= got;
	}
}

/* Computes for 30 ms, which no library sees. */
static void compute(void)
{
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000LL + now.tv_nsec - begin.tv_nsec < 30000000);
}

/* `late`: how many calls the last exchange has, with a pause behind the first. */
static void exchanges(int count, int marks, int calls, int late)
{
	static char out[1000];
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server;
	if (bind(listener, (void *)&at, sizeof at) || listen(listener, 8) || getsockname(listener, (void *)&at, &length) ||
	    connect(client, (void *)&at, sizeof at) || (server = accept(listener, NULL, NULL)) < 0)
		err(1, "connection");
	for (int done = -5; done < count; done++) {
		if (done == 0 && marks)
			mark("begin");
		for (int call = 0; call < calls; call++)
			if (write(client, out, 20) != 20)
				err(1, "write");
		if (!calls && (write(client, out, 1000) != 1000 || write(client, out, 2) != 2))
			err(1, "write");
		all(server, calls ? calls * 20 : 1002);
		if (write(server, out, 2) != 2)
			err(1, "write");
		all(client, 2);
	}
	if (marks)
		mark("end");
	if (!late)
		return;
	if (write(client, out, 1000) != 1000)
		err(1, "write");
	compute();
	if (late > 1 && write(client, out, 2) != 2)
		err(1, "write");
	all(server, late > 1 ? 1002 : 1000);
	if (write(server, out, 2) != 2)
		err(1, "write");
	all(client, 2);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "two arguments");
	int count = atoi(argv[1]);
	if (!strcmp(argv[2], "daemon")) {
		exchanges(1, 0, 0, 0);
		if (fork())
			return 0;
		exchanges(count, 0, 0, 0);
		printf("%d\n", getpid());
		fflush(stdout);
		pause();
	}
	int late = !strcmp(argv[2], "call") ? 2 : !strcmp(argv[2], "wait");
	exchanges(count, !strcmp(argv[2], "marks"), strcmp(argv[2], "long") ? 0 : 100, late);
	if (late) {
		printf("%d\n", getpid());
		fflush(stdout);
		pause();
	}
	if (!strcmp(argv[2], "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(argv[2], "fork")) {
		if (!fork()) {
			exchanges(count, 0, 0, 0);
			return 0;
		}
		int status;
		if (wait(&status) < 0 || status != 0)
			errx(1, "child: %d", status);
	}
	return 0;
}
