/*
 * Sends batches of 100 to 5,000 small writes, and after each waits: in a way that a preloaded library sees, or in one that
 * it does not. For each way, how many batches' ends came late, by the kernel's time of arrival: `futex: 0 of 60 late`.
 *
 * batches [BATCHES [WAY]]
 *
 * The receiver is a thread whose calls no library sees. Run it where acknowledgements are not delayed (a route with
 * `quickack 1`), so that Nagle's algorithm alone is never late.
 */
#include "unseen.h"
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SIZE = 50, SMALLEST = 100, LARGEST = 5000, LATE_MS = 20 };
static const char *ways[] = {"futex", "raw nanosleep", "spin", "raw read of the reply", "read of the reply", "poll and read of the reply", "nanosleep"};
enum { RAW_READ = 3, READ, POLL };

static int listener, batches = 60;
static long *ends;      /* how many bytes there are when a batch ends */
static double *arrived; /* when that many had come */
static int replies;

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* When the kernel received the last byte of this message, or now. */
static double stamp(struct msghdr *message)
{
	struct timespec t;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(head), sizeof t);
			return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
		}
	return now_ms();
}

static void *receive(void *unused)
{
	static char data[1 << 18];
	int fd = (int)unseen(SYS_accept4, listener, 0, 0, 0, 0, 0), one = 1, batch = 0;
	long have = 0;
	/* A busy machine is not what is asked about: where it may, this thread runs at once. */
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	unseen(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&one, sizeof one, 0);
	unseen(SYS_setsockopt, fd, SOL_SOCKET, SO_TIMESTAMPNS, (long)&one, sizeof one, 0);
	while (batch < batches) {
		char control[256];
		/* No more than to the end of the batch, so that the time is that of its last byte. */
		long wanted = ends[batch] - have;
		struct iovec part = {data, wanted < (long)sizeof data ? (size_t)wanted : sizeof data};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		long got = unseen(SYS_recvmsg, fd, (long)&message, 0, 0, 0, 0);
		if (got <= 0)
			errx(1, "the receiver got %ld after %ld bytes", got, have);
		have += got;
		if (have == ends[batch]) {
			__atomic_store(&arrived[batch], &(double){stamp(&message)}, __ATOMIC_SEQ_CST);
			batch++;
			if (replies)
				unseen(SYS_write, fd, (long)"r", 1, 0, 0, 0);
		}
	}
	unseen(SYS_close, fd, 0, 0, 0, 0, 0);
	return unused;
}

static void wait_for(int way, int fd)
{
	struct timespec pause = {0, 30000000}; /* longer than LATE_MS */
	struct pollfd input = {fd, POLLIN, 0};
	int word = 0;
	char byte;
	switch (way) {
	case 0: unseen(SYS_futex, (long)&word, 0 /* FUTEX_WAIT */, 0, (long)&pause, 0, 0); break;
	case 1: unseen(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0); break;
	case 2: for (double end = now_ms() + 30; now_ms() < end;) {} break;
	case RAW_READ: unseen(SYS_read, fd, (long)&byte, 1, 0, 0, 0); break;
	case POLL: poll(&input, 1, -1); /* fallthrough */
	case READ: if (read(fd, &byte, 1) != 1) errx(1, "no reply"); break;
	default: nanosleep(&pause, NULL);
	}
}

static void run(int way)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	char piece[SIZE] = {0};
	double sent[batches];
	pthread_t thread;
	int late = 0;
	replies = way >= RAW_READ && way <= POLL;
	for (int i = 0; i < batches; i++) {
		int more = SMALLEST;
		while (more < LARGEST && rand() % 100) /* as many small ones as large ones, and none of a length that could be learned */
			more += more / 64 + 1;
		ends[i] = (i ? ends[i - 1] : 0) + (long)SIZE * (more < LARGEST ? more : LARGEST);
		arrived[i] = 0;
	}
	/* A listener of its own for each way: what is learned about one does not spare the next. */
	listener = (int)unseen(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
	if (unseen(SYS_bind, listener, (long)&at, length, 0, 0, 0) || unseen(SYS_listen, listener, 1, 0, 0, 0, 0) ||
	    unseen(SYS_getsockname, listener, (long)&at, (long)&length, 0, 0, 0) || pthread_create(&thread, NULL, receive, NULL))
		errx(1, "no receiver");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
		err(1, "connect");
	for (int i = 0; i < batches; i++) {
		for (long have = i ? ends[i - 1] : 0; have < ends[i]; have += SIZE)
			if (write(fd, piece, SIZE) != SIZE)
				err(1, "write");
		sent[i] = now_ms();
		wait_for(way, fd);
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < batches; i++)
		late += arrived[i] - sent[i] > LATE_MS;
	printf("%s: %d of %d late\n", ways[way], late, batches);
	close(fd);
	unseen(SYS_close, listener, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		batches = atoi(argv[1]);
	ends = calloc((size_t)batches, sizeof *ends);
	arrived = calloc((size_t)batches, sizeof *arrived);
	alarm(50);
	for (int way = 0; way < (int)(sizeof ways / sizeof *ways); way++)
		if (argc < 3 || way == atoi(argv[2]))
			run(way);
	return 0;
}
