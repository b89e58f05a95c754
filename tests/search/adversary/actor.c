/*
 * Does what its argument says on connections to a receiver of its own, and tells when each message came, by the kernel's time
 * of arrival: `STREAM SENT_US STAMP_US` a message. The receiver makes its calls itself, so that no library sees them.
 *
 * actor PROGRAM     words, one step each; `20( … )` repeats; C is a connection (0 to 15), N a number of bytes, T microseconds
 *
 *   dC,N sC,N vC,N fC,N   write, send, writev, sendfile            qC,N   write; the receiver answers when it has come
 *   iT pC                 a thread fills a pipe after T; splice from it
 *   lC,T                  write from a page that another thread brings in after T, as a slow disk would
 *   rC RC                 receive an answer: by recv, by a system call of its own       wC   by another thread's recv
 *   oC                    poll that is ready to write               z      poll with a timeout of zero, in vain
 *   tT eT                 usleep, poll: waits that are seen         FT     futex(2) through syscall(3)
 *   hT gT cT yT           sleep, futex, spin, sched_yield that are not
 *   uC UC                 dup and close: by the C library, by system calls              xC   close, and a new connection
 *   k                     fork a child that ends at once            nC     a signal whose handler writes to C
 *   mC,T                  a thread that writes to C, and then sleeps for T where nobody sees it; not waited for
 *   B                     from now on another thread computes on the same processor
 *   M                     waits for those threads, where nobody sees it
 */
#include "../../programs/unseen.h"
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

enum { CONNECTIONS = 16, STREAMS = 4096, MESSAGES = 1 << 18, LARGEST = 1 << 16 };
struct message { long end, sent, stamp; int stream, asks, next; };
struct stream { int first, last; long bytes; };
static struct shared { struct stream streams[STREAMS]; int messages, opened, done; struct message all[MESSAGES]; } *shared;
static int connection[CONNECTIONS], stream_of[CONNECTIONS], file, listener, threads;
static struct sockaddr_in address;
static char data[LARGEST];

static long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void raw_sleep(long us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	unseen(SYS_nanosleep, (long)&t, 0, 0, 0, 0, 0);
}

/* A message of so many bytes is about to be sent. */
static void note(int which, long bytes, int asks)
{
	struct stream *stream = &shared->streams[stream_of[which]];
	int number = __atomic_add_fetch(&shared->messages, 1, __ATOMIC_RELAXED);
	if (number >= MESSAGES)
		errx(3, "too many messages");
	struct message *message = &shared->all[number];
	stream->bytes += bytes;
	*message = (struct message){stream->bytes, now_us(), 0, stream_of[which], asks, 0};
	int *link = stream->last ? &shared->all[stream->last].next : &stream->first;
	stream->last = number;
	__atomic_store_n(link, number, __ATOMIC_RELEASE);
}

static long stamp(struct msghdr *message)
{
	struct timespec t;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(head), sizeof t);
			return t.tv_sec * 1000000 + t.tv_nsec / 1000;
		}
	return now_us();
}

/* Takes what has come on a stream, no further than to the end of a message at a time: then the time is that of its last byte. */
static int take(int fd, int number, int *current, long *have)
{
	static char into[LARGEST];
	for (;;) {
		struct stream *stream = &shared->streams[number];
		int *link = *current ? &shared->all[*current].next : &stream->first;
		int next = __atomic_load_n(link, __ATOMIC_ACQUIRE);
		char control[256];
		struct message *message = &shared->all[next];
		long wanted = next ? message->end - *have : 1;
		struct iovec part = {into, wanted < LARGEST ? (size_t)wanted : LARGEST};
		struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		long got = unseen(SYS_recvmsg, fd, (long)&header, MSG_DONTWAIT | (next ? 0 : MSG_PEEK), 0, 0, 0);
		if (got == 0)
			return 0;
		if (got < 0 || !next)
			return 1;
		*have += got;
		if (*have < message->end)
			continue;
		message->stamp = stamp(&header);
		*current = next;
		if (message->asks)
			unseen(SYS_sendto, fd, (long)"a", 1, MSG_NOSIGNAL, 0, 0);
	}
}

static void receiver(void)
{
	static struct pollfd set[STREAMS + 1];
	static int current[STREAMS], number[STREAMS];
	static long have[STREAMS];
	int one = 1, open_ = 0, accepted = 0;
	struct sched_param first = {.sched_priority = 1};
	unseen(SYS_sched_setscheduler, 0, SCHED_FIFO, (long)&first, 0, 0, 0); /* where it may */
	while (!shared->done || open_) {
		struct timespec limit = {0, 20000000};
		set[open_] = (struct pollfd){listener, POLLIN, 0};
		unseen(SYS_ppoll, (long)set, open_ + 1, (long)&limit, 0, 8, 0);
		int was = open_;
		short new = set[was].revents;
		for (int i = was; i-- > 0;)
			if (set[i].revents && !take(set[i].fd, number[i], &current[i], &have[i])) {
				unseen(SYS_close, set[i].fd, 0, 0, 0, 0, 0);
				open_--;
				set[i] = set[open_], number[i] = number[open_], current[i] = current[open_], have[i] = have[open_];
			}
		if (new && accepted < STREAMS) {
			int fd = (int)unseen(SYS_accept4, listener, 0, 0, 0, 0, 0);
			unseen(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&one, sizeof one, 0);
			unseen(SYS_setsockopt, fd, SOL_SOCKET, SO_TIMESTAMPNS, (long)&one, sizeof one, 0);
			set[open_].fd = fd, set[open_].events = POLLIN, set[open_].revents = 0;
			number[open_] = accepted++, current[open_] = 0, have[open_++] = 0;
		}
		if (getppid() == 1)
			break;
	}
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static void dial(int which)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
		err(1, "connect");
	connection[which] = fd;
	stream_of[which] = shared->opened++;
	if (shared->opened == STREAMS)
		errx(3, "too many connections");
}

static void sent(long result)
{
	if (result < 0 && errno != EAGAIN)
		err(1, "a data call");
}

static int signalled;
static void handler(int unused)
{
	(void)unused;
	note(signalled, 30, 0);
	sent(write(connection[signalled], data, 30));
}

static void *receive_for(void *argument)
{
	char byte;
	sent(recv((int)(long)argument, &byte, 1, 0));
	return NULL;
}

static struct late { int which; long us; } lates[64];
static int slots;
static void *write_and_sleep(void *argument)
{
	struct late *late = argument;
	note(late->which, 30, 0);
	sent(write(connection[late->which], data, 30));
	raw_sleep(late->us);
	__atomic_sub_fetch(&threads, 1, __ATOMIC_RELEASE);
	return NULL;
}

static struct { int ends[2], waits; long us; struct message *message; pthread_t thread; } pipes = {.ends = {-1, -1}};
static void *fill_later(void *unused)
{
	raw_sleep(pipes.us);
	struct message *message = __atomic_load_n(&pipes.message, __ATOMIC_ACQUIRE);
	if (message)
		message->sent = now_us(); /* sooner there is nothing to send */
	unseen(SYS_write, pipes.ends[1], (long)data, 50, 0, 0, 0);
	return unused;
}

static void fill(long us)
{
	if (pipes.waits)
		return;
	if (pipes.ends[0] < 0 && pipe(pipes.ends))
		err(1, "pipe");
	pipes.waits = 1, pipes.us = us, pipes.message = NULL;
	if (pthread_create(&pipes.thread, NULL, fill_later, NULL))
		errx(1, "no thread");
}

static void splice_it(int which)
{
	fill(0);
	note(which, 50, 0);
	__atomic_store_n(&pipes.message, &shared->all[shared->messages], __ATOMIC_RELEASE);
	sent(splice(pipes.ends[0], NULL, connection[which], NULL, 50, 0));
	pthread_join(pipes.thread, NULL);
	pipes.waits = 0;
}

static struct { int fd; char *page; long us; struct message *message; } slow = {.fd = -1};
static void *bring(void *unused)
{
	struct uffd_msg fault;
	while (unseen(SYS_read, slow.fd, (long)&fault, sizeof fault, 0, 0, 0) == sizeof fault) {
		struct uffdio_zeropage zero = {.range = {(unsigned long)slow.page, 4096}};
		raw_sleep(slow.us);
		slow.message->sent = now_us(); /* sooner there is nothing to send */
		unseen(SYS_ioctl, slow.fd, UFFDIO_ZEROPAGE, (long)&zero, 0, 0, 0);
	}
	return unused;
}

static void write_slowly(int which, long us)
{
	if (slow.fd < 0) {
		struct uffdio_api api = {.api = UFFD_API};
		pthread_t thread;
		slow.fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
		slow.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct uffdio_register range = {.range = {(unsigned long)slow.page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
		if (slow.fd < 0 || ioctl(slow.fd, UFFDIO_API, &api) || ioctl(slow.fd, UFFDIO_REGISTER, &range) ||
		    pthread_create(&thread, NULL, bring, NULL))
			errx(1, "userfaultfd");
	}
	note(which, 50, 0);
	slow.us = us, slow.message = &shared->all[shared->messages];
	madvise(slow.page, 4096, MADV_DONTNEED);
	sent(write(connection[which], slow.page, 50));
}

static void *compute(void *unused)
{
	for (;;)
		__asm__ volatile("");
	return unused;
}

/* This thread, and one that computes for ever, on one processor. */
static void share_processor(void)
{
	static int shared_already;
	cpu_set_t first;
	pthread_t thread;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (shared_already++)
		return;
	if (sched_setaffinity(0, sizeof first, &first) || pthread_create(&thread, NULL, compute, NULL))
		errx(1, "no processor to share");
}

static void step(char what, long a, long n)
{
	int which = (int)a & (CONNECTIONS - 1), fd = connection[which], word = 0;
	long bytes = n < 1 ? 1 : n > LARGEST ? LARGEST : n;
	struct timespec time = {a / 1000000, a % 1000000 * 1000};
	struct iovec parts[2] = {{data, (size_t)bytes / 2}, {data, (size_t)(bytes - bytes / 2)}};
	struct pollfd ready = {fd, POLLOUT, 0}, never = {fd, POLLPRI, 0};
	off_t offset = 0;
	pthread_t thread;
	char byte;
	switch (what) {
	case 'd': note(which, bytes, 0), sent(write(fd, data, bytes)); break;
	case 's': note(which, bytes, 0), sent(send(fd, data, bytes, 0)); break;
	case 'v': note(which, bytes, 0), sent(writev(fd, parts, 2)); break;
	case 'f': note(which, bytes, 0), sent(sendfile(fd, file, &offset, bytes)); break;
	case 'q': note(which, bytes, 1), sent(write(fd, data, bytes)); break;
	case 'i': fill(a); break;
	case 'l': write_slowly(which, n); break;
	case 'p': splice_it(which); break;
	case 'r': sent(recv(fd, &byte, 1, 0)); break;
	case 'R': unseen(SYS_recvfrom, fd, (long)&byte, 1, 0, 0, 0); break;
	case 'w':
		if (pthread_create(&thread, NULL, receive_for, (void *)(long)fd))
			errx(1, "no thread");
		pthread_join(thread, NULL);
		break;
	case 'o': poll(&ready, 1, 1000); break;
	case 'z': poll(&never, 1, 0); break;
	case 't': usleep(a); break;
	case 'e': poll(NULL, 0, (int)(a / 1000)); break;
	case 'F': syscall(SYS_futex, &word, 0, 0, &time, 0, 0); break;
	case 'g': unseen(SYS_futex, (long)&word, 0, 0, (long)&time, 0, 0); break;
	case 'h': raw_sleep(a); break;
	case 'c': for (long end = now_us() + a; now_us() < end;); break;
	case 'y': for (long end = now_us() + a; now_us() < end;) unseen(SYS_sched_yield, 0, 0, 0, 0, 0, 0); break;
	case 'u': close(dup(fd)); break;
	case 'U': unseen(SYS_close, unseen(SYS_dup, fd, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0); break;
	case 'x': close(fd), dial(which); break;
	case 'k': {
		pid_t child = fork();
		if (!child)
			unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
		unseen(SYS_wait4, child, 0, 0, 0, 0, 0);
		break;
	}
	case 'n': signalled = which, raise(SIGUSR1); break;
	case 'm': {
		struct late *late = &lates[slots++ % 64];
		*late = (struct late){which, n};
		__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
		if (pthread_create(&thread, NULL, write_and_sleep, late))
			errx(1, "no thread");
		pthread_detach(thread);
		break;
	}
	case 'B': share_processor(); break;
	case 'M': while (__atomic_load_n(&threads, __ATOMIC_ACQUIRE)) raw_sleep(200); break;
	default: errx(2, "no step is called %c", what);
	}
}

/* Does the steps up to the closing parenthesis; where that is. */
static const char *run(const char *at)
{
	while (*at && *at != ')') {
		char *after;
		if (*at == ' ') {
			at++;
		} else if (*at >= '0' && *at <= '9') {
			long times = strtol(at, &after, 10);
			if (*after != '(')
				errx(2, "( expected at %s", after);
			const char *end = after;
			while (times-- > 0)
				end = run(after + 1);
			at = *end ? end + 1 : end;
		} else {
			char what = *at++;
			long a = 0, n = 0;
			if (*at >= '0' && *at <= '9')
				a = strtol(at, &after, 10), at = after;
			if (*at == ',')
				n = strtol(at + 1, &after, 10), at = after;
			step(what, a, n);
		}
	}
	return at;
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/adversary-XXXXXX";
	socklen_t length = sizeof address;
	if (argc != 2)
		return 2;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = mkstemp(path);
	unlink(path);
	if (shared == MAP_FAILED || ftruncate(file, LARGEST))
		err(1, "%s", path);
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = (int)unseen(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		err(1, "listen");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, handler);
	alarm(20);
	pid_t child = fork();
	if (!child)
		receiver();
	for (int i = 0; i < CONNECTIONS; i++)
		dial(i);
	run(argv[1]);
	/* What is still held leaves by the kernel's timer. */
	raw_sleep(300000);
	shared->done = 1;
	for (int i = 0; i < CONNECTIONS; i++)
		close(connection[i]);
	unseen(SYS_wait4, child, 0, 0, 0, 0, 0);
	for (int i = 1; i <= shared->messages; i++)
		printf("%d %ld %ld\n", shared->all[i].stream, shared->all[i].sent, shared->all[i].stamp);
	return 0;
}
