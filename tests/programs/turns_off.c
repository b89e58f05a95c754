/*
 * A client that turns TCP_NODELAY off, and then asks in two writes. Prints the median exchange in milliseconds.
 *
 * turns_off PORT before    on the fresh socket, before it connects, as Mono does
 * turns_off PORT after     once it is connected
 * turns_off PORT on-off    turns it on before it connects, and off after
 */
#include "kernel.h"
#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <stdio.h>
#include <time.h>

enum { EXCHANGES = 9, WARM_UP = 5 };

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: turns_off PORT before|after|on-off");
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const char *way = argv[2];
	double times[EXCHANGES];
	int fd = socket(AF_INET, SOCK_STREAM, 0), bad = 0;
	if (!strcmp(way, "before") || !strcmp(way, "on-off"))
		bad = set_nodelay(fd, !strcmp(way, "on-off"));
	if (bad || connect(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "connect");
	if (!strcmp(way, "after") || !strcmp(way, "on-off"))
		bad = set_nodelay(fd, 0);
	for (int i = -WARM_UP; i < EXCHANGES && !bad; i++) {
		char text[8] = "request", reply;
		double begin = now_ms();
		if (write(fd, text, 4) != 4 || write(fd, text + 4, 4) != 4 || read(fd, &reply, 1) != 1)
			err(1, "exchange");
		if (i >= 0)
			times[i] = now_ms() - begin;
	}
	if (bad)
		err(1, "TCP_NODELAY");
	qsort(times, EXCHANGES, sizeof *times, compare);
	printf("%.3f\n", times[EXCHANGES / 2]);
	return 0;
}
