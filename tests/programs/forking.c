/*
 * A server that forks a child for each connection. What it has learned from one that it served itself, and what a child
 * learns from many prompt answers, is wrong now and then: between the two writes of an answer the child waits in a futex,
 * which no library sees. Prints how many of these first writes came late, by the kernel's time of arrival:
 * `late: 2 at most in a child, 31 of 200 in all`.
 *
 * forking [CHILDREN]
 *
 * Every other child begins with such an answer; the others give three hundred prompt ones before,
 * and there are as many before the next. Each gives ten.
 */
#include "unseen.h"
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { BETWEEN = 300, WRONG = 10, PAUSE_MS = 30, LATE_MS = 20 };

struct piece {
	double sent;
	char text[52];
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void put(int fd)
{
	struct piece piece = {.sent = now_ms()};
	if (write(fd, &piece, sizeof piece) != sizeof piece)
		err(1, "write");
}

/* `g` asks for a prompt answer, `w` for one with a wait in the middle. */
static void serve(int fd)
{
	char request;
	while (read(fd, &request, 1) == 1) {
		put(fd);
		if (request == 'w') {
			struct timespec pause = {0, PAUSE_MS * 1000000L};
			int word = 0;
			unseen(SYS_futex, (long)&word, 0 /* FUTEX_WAIT */, 0, (long)&pause, 0, 0);
		}
		put(fd);
	}
	close(fd);
}

/* How long this piece has been on its way. */
static double get(int fd)
{
	struct piece piece;
	char control[256];
	double arrived = 0;
	for (size_t have = 0; have < sizeof piece;) {
		struct iovec part = {(char *)&piece + have, sizeof piece - have};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		long got = unseen(SYS_recvmsg, fd, (long)&message, 0, 0, 0, 0);
		if (got <= 0)
			errx(1, "the client got %ld", got);
		have += (size_t)got;
		arrived = now_ms();
		for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
			struct timespec t;
			if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SO_TIMESTAMPNS)
				continue;
			memcpy(&t, CMSG_DATA(head), sizeof t);
			arrived = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
		}
	}
	return arrived - piece.sent;
}

static int exchange(int fd, char request)
{
	if (unseen(SYS_write, fd, (long)&request, 1, 0, 0, 0) != 1)
		errx(1, "the server has gone");
	int late = get(fd) > LATE_MS;
	return late + (get(fd) > LATE_MS);
}

static int dial(const struct sockaddr_in *at)
{
	int one = 1, fd = (int)unseen(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
	unseen(SYS_setsockopt, fd, SOL_SOCKET, SO_TIMESTAMPNS, (long)&one, sizeof one, 0);
	if (unseen(SYS_connect, fd, (long)at, sizeof *at, 0, 0, 0))
		errx(1, "no connection");
	return fd;
}

static void ask(const struct sockaddr_in *at, int children)
{
	int most = 0, all = 0, first = dial(at);
	/* A busy machine is not what is asked about: where it may, this process runs at once. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	for (int i = 0; i < BETWEEN; i++)
		exchange(first, 'g');
	unseen(SYS_close, first, 0, 0, 0, 0, 0);
	for (int child = 0; child < children; child++) {
		int late = 0, fd = dial(at);
		for (int wrong = 0; wrong < WRONG; wrong++) {
			for (int i = 0; i < BETWEEN && (wrong > 0 || child % 2 == 1); i++)
				late += exchange(fd, 'g');
			late += exchange(fd, 'w');
		}
		unseen(SYS_close, fd, 0, 0, 0, 0, 0);
		all += late;
		most = late > most ? late : most;
	}
	printf("late: %d at most in a child, %d of %d in all\n", most, all, children * WRONG);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? atoi(argv[1]) : 20, status = -1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, length) || listen(listener, 4) ||
	    getsockname(listener, (struct sockaddr *)&at, &length))
		err(1, "listen");
	alarm(50);
	pid_t parent = getpid(), client = fork();
	if (client == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			ask(&at, children);
		_exit(0);
	}
	serve(accept(listener, NULL, NULL));
	for (int i = 0; i < children; i++) {
		int fd = accept(listener, NULL, NULL);
		pid_t child = fd < 0 ? -1 : fork();
		if (child < 0)
			err(1, "a connection");
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				serve(fd);
			_exit(0);
		}
		close(fd);
		waitpid(child, NULL, 0);
	}
	if (waitpid(client, &status, 0) != client || status != 0)
		errx(1, "the client ended with %d", status);
	return 0;
}
