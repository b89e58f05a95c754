/* Threads are cancelled in blocking calls; what their frames own must be released: C++ destructors, here the same thing in
   C, __attribute__((cleanup)) with -fexceptions. That needs a stack that can be unwound, through a hook's frame too.

     main:    ......................... pthread_cancel, join
     thread:  owns something | call blocks ...... x  (unwinds: call, hook, this frame)  released                      */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int listener, client, server, queue, ends[2];
static char room[1 << 20];
static volatile int started, released;

static void release(int *owned) { (void)owned; released++; }

#define THREAD(name, call) \
    static void *name(void *unused) \
    { int owned __attribute__((cleanup(release))) = 1; (void)unused; started = 1; for (;;) if ((call) < 0) return 0; }
static struct iovec part = { room, 1 };
static struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
static struct pollfd waited;
static struct epoll_event event;
static fd_set set;

THREAD(in_read, read(client, room, 1))
THREAD(in_read_pipe, read(ends[0], room, 1))
THREAD(in_recv, recv(client, room, 1, 0))
THREAD(in_recvfrom, recvfrom(client, room, 1, 0, 0, 0))
THREAD(in_recvmsg, recvmsg(client, &message, 0))
THREAD(in_readv, readv(client, &part, 1))
THREAD(in_accept, accept(listener, 0, 0))
THREAD(in_accept4, accept4(listener, 0, 0, SOCK_CLOEXEC))
THREAD(in_poll, poll(&waited, 1, -1))
THREAD(in_epoll_wait, epoll_wait(queue, &event, 1, -1))
THREAD(in_select, select(client + 1, &set, 0, 0, 0))
THREAD(in_write, write(client, room, sizeof room))
THREAD(in_send, send(server, room, sizeof room, 0))

static const struct { const char *name; void *(*thread)(void *); } calls[] = {
    { "read", in_read }, { "read of a pipe", in_read_pipe }, { "recv", in_recv }, { "recvfrom", in_recvfrom },
    { "recvmsg", in_recvmsg }, { "readv", in_readv }, { "accept", in_accept }, { "accept4", in_accept4 },
    { "poll", in_poll }, { "epoll_wait", in_epoll_wait }, { "select", in_select },
    { "write", in_write }, { "send", in_send },     /* last: they fill the connection */
};

int main(void)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&here, size) || listen(listener, 4) || getsockname(listener, (void *)&here, &size)) return 2;
    client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (void *)&here, size) || (server = accept(listener, 0, 0)) < 0 || pipe(ends)) return 2;
    waited = (struct pollfd){ client, POLLIN, 0 };
    FD_SET(client, &set);
    event.events = EPOLLIN;
    if ((queue = epoll_create1(0)) < 0 || epoll_ctl(queue, EPOLL_CTL_ADD, client, &event)) return 2;

    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        pthread_t thread;
        void *result = 0;
        started = released = 0;
        if (pthread_create(&thread, 0, calls[i].thread, 0)) return 2;
        while (!started) usleep(1000);
        usleep(20000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        printf("%s: %s, released %d\n", calls[i].name, result == PTHREAD_CANCELED ? "cancelled" : "returned", released);
        fflush(stdout);
    }
    return 0;
}
