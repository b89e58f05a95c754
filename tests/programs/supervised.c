/* A program for tests and measurements of `tcptune run --supervise`; built statically, so that no library can be loaded.
 *
 *   client PORT COUNT [off]   so many exchanges, each of two writes and a read; `off` turns TCP_NODELAY off after connect.
 *                             Prints the median in milliseconds.
 *   server                    prints its port; answers each exchange with two writes, on one connection after the other
 *   roles PORT                connects in a thread, a child, a grandchild whose parent is gone, and after exec; prints who
 *                             has TCP_NODELAY, and SO_KEEPALIVE
 *   report PORT               connects; prints the same for that
 *   hidden PORT               the same as a process that nobody may look into
 *   options PORT              sets and reads TCP_NODELAY in good and bad ways, prints results
 *   load PORT MILLISECONDS    connects again and again, from four threads; prints how many, how many had TCP_NODELAY, how
 *                             many failed
 *   alone                     prints whether it has children, and the number of its process
 *   spin CALLS                prints nanoseconds of CPU per getppid(2) and per pair of socket(2) and close(2)
 *   connects PORT COUNT       prints microseconds per socket, connect and close
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 102, WARM_UP = 5 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double time_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double now(void)
{
	return time_of(CLOCK_MONOTONIC);
}

static int try_connect(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int connected(int port)
{
	int fd = try_connect(port);
	if (fd < 0)
		die("connect");
	return fd;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof value;
	getsockopt(fd, level, name, &value, &length);
	return value;
}

static int nodelay(int fd)
{
	return option(fd, IPPROTO_TCP, TCP_NODELAY);
}

static int receive(int fd)
{
	char buffer[SIZE];
	for (int left = SIZE; left > 0;) {
		ssize_t got = read(fd, buffer, left);
		if (got <= 0)
			return 0;
		left -= got;
	}
	return 1;
}

static void send_twice(int fd)
{
	static const char text[SIZE];
	if (write(fd, text, SIZE - 2) != SIZE - 2 || write(fd, text, 2) != 2)
		die("write");
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void client(int port, int count, int off)
{
	int fd = connected(port), zero = 0;
	double times[count];
	if (off && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &zero, sizeof zero) != 0)
		die("setsockopt");
	for (int i = -WARM_UP; i < count; i++) {
		double begin = now();
		send_twice(fd);
		if (!receive(fd))
			die("the server has gone");
		if (i >= 0)
			times[i] = now() - begin;
	}
	qsort(times, count, sizeof *times, compare);
	printf("%.3f\n", times[count / 2]);
}

static void server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 16) != 0)
		die("listen");
	getsockname(listener, (struct sockaddr *)&address, &length);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		while (receive(fd))
			send_twice(fd);
		close(fd);
	}
}

static void report(const char *who, int port)
{
	char line[64];
	int fd = connected(port);
	int length = snprintf(line, sizeof line, "%s %d %d\n", who, nodelay(fd), option(fd, SOL_SOCKET, SO_KEEPALIVE));
	if (write(1, line, length) != length)
		die("write");
}

static void *in_thread(void *port)
{
	report("thread", *(int *)port);
	return NULL;
}

static void roles(int port, char **arguments)
{
	pthread_t thread;
	int done[2];
	char byte;
	report("main", port);
	pthread_create(&thread, NULL, in_thread, &port);
	pthread_join(thread, NULL);
	if (pipe(done) != 0)
		die("pipe");
	pid_t child = fork();
	if (child == 0) {
		pid_t parent = getpid();
		report("child", port);
		if (fork() == 0) {
			while (getppid() == parent)
				usleep(1000);
			report("grandchild", port);
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
	close(done[1]);
	if (read(done[0], &byte, 1) != 0)
		die("pipe");
	execl("/proc/self/exe", arguments[0], "report", arguments[2], (char *)NULL);
	die("exec");
}

static void result(const char *what, int got)
{
	printf("%s %d %s\n", what, got, got < 0 ? strerror(errno) : "");
}

static void options(int port)
{
	int fd = connected(port), zero = 0, one = 1, pair[2];
	short little = 0;
	const socklen_t size = sizeof zero;
	result("null", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, size));
	result("wild", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (void *)8, size));
	result("short", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &little, sizeof little));
	result("closed", setsockopt(999, IPPROTO_TCP, TCP_NODELAY, &zero, size));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	result("unix", setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &zero, size));
	result("file", setsockopt(0, IPPROTO_TCP, TCP_NODELAY, &zero, size));
	result("off", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &zero, size));
	printf("then %d\n", nodelay(fd));
	result("on", setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, size));
	printf("then %d\n", nodelay(fd));
	result("again", connect(fd, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof(struct sockaddr_in)));
	result("nowhere", connect(fd, NULL, 16));
	result("listen", listen(pair[0], 1));
}

static atomic_int made, tuned, failed;
static double until;

static void *hammer(void *port)
{
	while (now() < until) {
		int fd = try_connect(*(int *)port);
		if (fd < 0) {
			fprintf(stderr, "connect: %m\n");
			failed++;
			continue;
		}
		made++;
		tuned += nodelay(fd) == 1;
		/* No TIME_WAIT, or the ports run out. */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
	}
	return NULL;
}

static void load(int port, int milliseconds)
{
	pthread_t threads[4];
	until = now() + milliseconds;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, hammer, &port);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("%d %d %d\n", made, tuned, failed);
}

static void spin(int calls)
{
	double begin = time_of(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < calls; i++)
		syscall(SYS_getppid);
	double middle = time_of(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < calls / 10; i++)
		close(socket(AF_INET, SOCK_STREAM, 0));
	double end = time_of(CLOCK_PROCESS_CPUTIME_ID);
	printf("%.2f %.2f\n", (middle - begin) * 1e6 / calls, (end - middle) * 1e6 / (calls / 10));
}

static void connects(int port, int count)
{
	double begin = now();
	for (int i = 0; i < count; i++) {
		int fd = connected(port);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		close(fd);
	}
	printf("%.2f\n", (now() - begin) * 1e3 / count);
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";
	int port = count > 2 ? atoi(arguments[2]) : 0, number = count > 3 ? atoi(arguments[3]) : 0;
	if (!strcmp(what, "client"))
		client(port, number, count > 4);
	else if (!strcmp(what, "server"))
		server();
	else if (!strcmp(what, "roles"))
		roles(port, arguments);
	else if (!strcmp(what, "report"))
		report("exec", port);
	else if (!strcmp(what, "hidden")) {
		prctl(PR_SET_DUMPABLE, 0);
		report("hidden", port);
	} else if (!strcmp(what, "options"))
		options(port);
	else if (!strcmp(what, "load"))
		load(port, number);
	else if (!strcmp(what, "alone"))
		printf("%s %d\n", waitpid(-1, NULL, 0) < 0 ? strerror(errno) : "a child", getpid());
	else if (!strcmp(what, "spin"))
		spin(port);
	else if (!strcmp(what, "connects"))
		connects(port, number);
	else
		return 2;
	return 0;
}
