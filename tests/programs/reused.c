/*
 * A server that answers in two writes and copies a file in between, whose descriptors' numbers are used again: the file
 * gets the number of a connection that has gone. Prints how many segments an answer took: `segments 1.02`.
 *
 * reused CONNECTIONS ANSWERS [threads]
 *
 * One thread serves all connections, or one each. Fifty answers more before are not counted: they are for learning.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64, LEARNING = 50, HEADER = 60, BODY = 100 };
static char path[] = "/tmp/reused-XXXXXX";

/* Segments with data that have come. */
static long arrived(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length))
		err(1, "TCP_INFO");
	return info.tcpi_data_segs_in;
}

/* False at the end of the connection. */
static int answer(int fd)
{
	char text[HEADER + BODY] = {0}, request;
	ssize_t got = read(fd, &request, 1);
	if (got <= 0)
		return 0;
	if (write(fd, text, HEADER) != HEADER)
		err(1, "write");
	int file = open(path, O_RDONLY);
	if (file < 0)
		err(1, "%s", path);
	while ((got = read(file, text, BODY)) > 0)
		if (write(fd, text, (size_t)got) != got)
			err(1, "write");
	close(file);
	return 1;
}

static void *serve_one(void *argument)
{
	int fd = (int)(long)argument;
	while (answer(fd))
		;
	close(fd);
	return NULL;
}

static void serve_with_threads(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;
		if (fd < 0)
			err(1, "accept");
		char last;
		if (recv(fd, &last, 1, MSG_PEEK) == 1 && last == 'q')
			return;
		if (pthread_create(&thread, NULL, serve_one, (void *)(long)fd))
			errx(1, "no thread");
		pthread_detach(thread);
	}
}

static void serve_alone(int listener)
{
	struct pollfd all[MOST] = {{listener, POLLIN, 0}};
	nfds_t count = 1;
	for (;;) {
		if (poll(all, count, -1) < 0)
			err(1, "poll");
		for (nfds_t i = count; i-- > 1;)
			if (all[i].revents && !answer(all[i].fd)) {
				close(all[i].fd);
				all[i] = all[--count];
			}
		if (!all[0].revents)
			continue;
		int fd = accept(listener, NULL, NULL);
		if (fd < 0 || count == MOST)
			err(1, "accept");
		char last;
		if (recv(fd, &last, 1, MSG_PEEK) == 1 && last == 'q')
			return;
		all[count++] = (struct pollfd){fd, POLLIN, 0};
	}
}

static int dial(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof *at))
		err(1, "connect");
	return fd;
}

/* How many segments the answer took. */
static long exchange(int fd)
{
	char text[HEADER + BODY];
	int one = 1;
	long before = arrived(fd);
	if (write(fd, "r", 1) != 1)
		err(1, "write");
	for (size_t have = 0; have < sizeof text;) {
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
		ssize_t got = read(fd, text + have, sizeof text - have);
		if (got <= 0)
			err(1, "the answer");
		have += (size_t)got;
	}
	return arrived(fd) - before;
}

static void ask(const struct sockaddr_in *at, int connections, int count)
{
	int all[MOST];
	unsigned choice = 1;
	long segments = 0;
	for (int i = 0; i < connections; i++)
		exchange(all[i] = dial(at));
	for (int i = 0; i < LEARNING + count; i++) {
		choice = choice * 1103515245 + 12345;
		int which = (int)(choice >> 16) % connections;
		if (i % 10 == 9 && connections > 1) { /* the new one first: the old number is free afterwards */
			int new = dial(at);
			exchange(new);
			close(all[which]);
			all[which] = new;
			usleep(1000); /* till the server has closed it */
		}
		long took = exchange(all[which]);
		segments += i < LEARNING ? 0 : took;
	}
	for (int i = 0; i < connections; i++)
		close(all[i]);
	if (write(dial(at), "q", 1) != 1)
		err(1, "write");
	printf("segments %.2f\n", (double)segments / count);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: reused CONNECTIONS ANSWERS [threads]");
	int connections = atoi(argv[1]), count = atoi(argv[2]), file = mkstemp(path);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (connections < 1 || connections > MOST / 2 || listener < 0 || bind(listener, (struct sockaddr *)&at, length) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&at, &length))
		err(1, "listen");
	if (file < 0 || ftruncate(file, BODY))
		err(1, "%s", path);
	close(file);
	signal(SIGPIPE, SIG_IGN);
	alarm(50);
	pid_t parent = getpid(), child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			ask(&at, connections, count);
		_exit(0);
	}
	if (argc > 3)
		serve_with_threads(listener);
	else
		serve_alone(listener);
	int status = -1;
	unlink(path);
	if (waitpid(child, &status, 0) != child || status != 0)
		errx(1, "the client ended with %d", status);
	return 0;
}
