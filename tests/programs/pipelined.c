/*
 * A client with several small requests in flight, and a server that answers them.
 *
 * pipelined serve ADDRESS BUSY_US                      prints its port, and sends back what comes: at once all that there is, or if it
 *                                                      is busy with each request for so many microseconds, one after the other
 * pipelined ask echo|redis ADDRESS PORT DEPTH SECONDS [nodelay]
 *                                                      so many requests are always in flight: each answer is followed by the next
 *                                                      request, by a call of its own
 * pipelined pour ADDRESS PORT SIZE SECONDS             data goes one way, in pieces of this size
 *
 * `ask` prints at the end how many requests were answered in a second, and how many milliseconds one took on average.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 32, DEEPEST = 4096 };

/* What is asked, and how many bytes the answer has. */
static const struct protocol {
	const char *name, *request;
	long answer;
} protocols[] = {{"echo", "request of thirty-two characters", REQUEST}, {"redis", "*1\r\n$4\r\nPING\r\n", 7}};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
	if (inet_pton(AF_INET, text, &to.sin_addr) != 1)
		errx(2, "no IPv4 address: %s", text);
	return to;
}

static void set_nodelay(int fd)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)))
		err(1, "TCP_NODELAY");
}

static long busy_us;

static void *answer(void *connection)
{
	static __thread char data[65536];
	int fd = (int)(long)connection;
	for (;;) {
		long got = recv(fd, data, sizeof data, 0), each = busy_us ? REQUEST : got;
		if (got <= 0)
			break;
		/* What was poured is not answered. */
		for (long done = 0; data[0] && done < got; done += each) {
			if (busy_us)
				usleep((useconds_t)busy_us);
			if (send(fd, data + done, (size_t)(got - done < each ? got - done : each), MSG_NOSIGNAL) < 0)
				break;
		}
	}
	close(fd);
	return NULL;
}

static void serve(const char *where)
{
	struct sockaddr_in local = address(where, "0");
	socklen_t length = sizeof local;
	pthread_t thread;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&local, length) || listen(listener, 64))
		err(1, "listen");
	getsockname(listener, (struct sockaddr *)&local, &length);
	printf("%d\n", ntohs(local.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			err(1, "accept");
		set_nodelay(fd);
		pthread_create(&thread, NULL, answer, (void *)(long)fd);
		pthread_detach(thread);
	}
}

static int reach(const char *where, const char *port)
{
	struct sockaddr_in to = address(where, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof to))
		err(1, "connect");
	return fd;
}

static void ask(int fd, const struct protocol *protocol, int depth, double seconds)
{
	static double asked[DEEPEST];
	static char data[65536];
	double begin = now(), took = 0;
	long written = 0, answered = 0, rest = 0, length = (long)strlen(protocol->request);
	while (now() < begin + seconds) {
		for (; written < answered + depth; written++) {
			asked[written % depth] = now();
			if (send(fd, protocol->request, (size_t)length, 0) != length)
				err(1, "send");
		}
		long got = recv(fd, data, sizeof data, 0);
		if (got <= 0)
			errx(1, "the server has gone");
		double at = now();
		for (rest += got; rest >= protocol->answer; rest -= protocol->answer, answered++)
			took += at - asked[answered % depth];
	}
	printf("%.1f %.3f\n", (double)answered / (now() - begin), answered ? took / (double)answered * 1e3 : 0.0);
}

static void pour(int fd, int size, double seconds)
{
	char *data = calloc(1, (size_t)size);
	double end = now() + seconds;
	while (now() < end)
		if (send(fd, data, (size_t)size, MSG_NOSIGNAL) <= 0)
			err(1, "send");
}

int main(int argc, char **argv)
{
	int nodelay = argc == 8 && !strcmp(argv[7], "nodelay");
	if (argc == 4 && !strcmp(argv[1], "serve")) {
		busy_us = atol(argv[3]);
		serve(argv[2]);
	}
	if (argc == 6 && !strcmp(argv[1], "pour")) {
		pour(reach(argv[2], argv[3]), atoi(argv[4]), atof(argv[5]));
		return 0;
	}
	if (argc < 7 || strcmp(argv[1], "ask"))
		errx(2, "wrong use: see the head of pipelined.c");
	const struct protocol *protocol = protocols + !strcmp(argv[2], protocols[1].name);
	int fd = reach(argv[3], argv[4]), depth = atoi(argv[5]);
	if (nodelay)
		set_nodelay(fd);
	if (depth < 1 || depth > DEEPEST)
		errx(2, "no depth: %s", argv[5]);
	ask(fd, protocol, depth, atof(argv[6]));
	return 0;
}
