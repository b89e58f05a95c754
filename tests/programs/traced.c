// Sends each request by two functions and waits for its answer, so that Nagle's algorithm holds what the second one sends. How the
// calls are made says the first argument; the port comes second, the number of requests third.
//
//   plain      from main
//   thread     from a thread with the smallest stack there is
//   coroutine  on a stack of its own (makecontext), behind which nothing may be read
//   tiny       in ten tiny pieces, with TCP_NODELAY
//   cork       all of it held by MSG_MORE
//
// As C++ the second function is a template in a class. Prints what a program can see of its calls: results, and an errno that no successful call may change.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <ucontext.h>
static ucontext_t back, coroutine;
#endif

static int s, requests, more;
static const char *how;
static char data[100];

static __attribute__((noinline)) void checked(ssize_t sent, size_t wanted) {
	if (sent != (ssize_t)wanted || errno != 77) {
		printf("sent %zd of %zu, errno %d\n", sent, wanted, errno);
		exit(2);
	}
}

static inline __attribute__((always_inline)) void put(const void *piece, size_t length) {
	errno = 77;
	checked(send(s, piece, length, more), length);
}

__attribute__((noinline)) void write_header(void) {
	put(data, 100);
	__asm__ volatile("");
}

#ifdef __cplusplus
namespace mail {
struct Client {
	template <class T> static __attribute__((noinline, noclone)) void write_body(T) {
		put(data, 2);
		__asm__ volatile("");
	}
};
} // namespace mail
#define write_body() mail::Client::write_body(1)
#else
__attribute__((noinline)) void write_body(void) {
	put(data, 2); // body
	__asm__ volatile("");
}
#endif

__attribute__((noinline)) void write_tiny(void) {
	for (int i = 0; i < 51; i++)
		put(data, 2); // tiny
}

static __attribute__((noinline)) void exchange(void) {
	char answer[102];
	if (!strcmp(how, "tiny")) {
		write_tiny();
	} else {
		write_header();
		write_body();
	}
	for (size_t got = 0; got < sizeof answer;) {
		ssize_t n = recv(s, answer, sizeof answer - got, 0);
		if (n <= 0)
			exit(3);
		got += n;
	}
}

static __attribute__((noinline)) void all(void) {
	for (int i = 0; i < requests; i++)
		exchange();
}

static void *in_thread(void *none) {
	all();
	return none;
}

int main(int n, char **a) {
	if (n != 4)
		return 1;
	in_port_t port = htons(atoi(a[2]));
	struct sockaddr_in to = { AF_INET, port, { htonl(INADDR_LOOPBACK) }, {} };
	int one = 1;
	how = a[1];
	requests = atoi(a[3]);
	more = strcmp(how, "cork") ? 0 : MSG_MORE;
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(s, (struct sockaddr *)&to, sizeof to))
		return 4;
	if (!strcmp(how, "tiny"))
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!strcmp(how, "thread")) {
		pthread_t thread;
		pthread_attr_t small;
		pthread_attr_init(&small);
		pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
		if (pthread_create(&thread, &small, in_thread, NULL) || pthread_join(thread, NULL))
			return 5;
#ifdef __GLIBC__
	} else if (!strcmp(how, "coroutine")) {
		enum { ROOM = 65536, BEYOND = 65536 };
		char *at = (char *)mmap(NULL, ROOM + BEYOND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED || mprotect(at, ROOM, PROT_READ | PROT_WRITE) || getcontext(&coroutine))
			return 6;
		coroutine.uc_stack.ss_sp = at;
		coroutine.uc_stack.ss_size = ROOM;
		coroutine.uc_link = &back;
		makecontext(&coroutine, all, 0);
		swapcontext(&back, &coroutine);
#endif
	} else {
		all();
	}
	printf("%d requests\n", requests);
	return 0;
}
