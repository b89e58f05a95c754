/*
 * Sockets with very high descriptor numbers: prints what came of each, and TCP_NODELAY as the kernel has it and as the
 * program sees it. Uses numbers up to the limit that it was started with (RLIMIT_NOFILE).
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

static struct sockaddr_in at = {.sin_family = AF_INET};

static int moved(int fd, int number, int how)
{
	int other = how == 0 ? dup2(fd, number) : how == 1 ? dup3(fd, number, O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, number);
	if (other != number)
		printf("%d: %s\n", number, strerror(errno));
	close(fd);
	return other;
}

int main(void)
{
	int numbers[] = {1023, 1024, 4096, 16384, 65535, 65536, 100001, 131072, 262144, 524287, 524288, 0};
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("limit %lu\n", (unsigned long)limit.rlim_cur);

	int highest = (int)limit.rlim_cur - 1;
	numbers[sizeof numbers / sizeof *numbers - 1] = highest - 1;
	socklen_t length = sizeof at;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = moved(socket(AF_INET, SOCK_STREAM, 0), highest, 0);
	int bound = bind(listener, (struct sockaddr *)&at, length), ready = listen(listener, 64);
	printf("bind %d listen %d\n", bound, ready);
	getsockname(listener, (struct sockaddr *)&at, &length);

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char text[8] = "";
		if (numbers[i] >= highest)
			continue;
		int client = moved(socket(AF_INET, SOCK_STREAM, 0), numbers[i], (int)(i % 3));
		int joined = connect(client, (struct sockaddr *)&at, length);
		int accepted = moved(accept(listener, NULL, NULL), numbers[i] - 500, (int)(i + 1) % 3);
		printf("%d: connect %d, client kernel=%d libc=%d, accepted kernel=%d libc=%d\n", client, joined,
		       kernel_nodelay(client), libc_nodelay(client), kernel_nodelay(accepted), libc_nodelay(accepted));
		ssize_t sent = write(client, "abc", 3) + send(client, "de", 2, 0), got = 0;
		while (got < sent) {
			ssize_t more = read(accepted, text + got, sizeof text - (size_t)got);
			if (more <= 0)
				break;
			got += more;
		}
		int failed = close(client) | close(accepted);
		printf("%d: %zd bytes: %s; close %d\n", client, got, text, failed);
		/* The number now means something else. */
		int file = moved(open("/proc/self/comm", O_RDONLY), client, 0);
		ssize_t in = read(file, text, 4), out = write(file, "x", 1);
		int error = errno;
		printf("%d: a file: %zd, write: %zd %s\n", file, in, out, strerror(error));
		close(file);
	}
	return 0;
}
