/* Makes socket calls of every kind, good and failing, and lists each with its arguments and its result in the format of
   the spy interposer, so that the two lists can be compared line by line.
     forwards LIST            the calls; prints what the kernel says of TCP_NODELAY on either end, and of fsync
     forwards LIST ROUNDS     ROUNDS keep-alive responses, each a header by write and a body by sendfile
   The list is kept in memory and written at the end by raw system calls, which no interposer of write sees. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char list[1 << 20];
static size_t used;

static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    used += vsnprintf(list + used, sizeof list - used, format, arguments);
    va_end(arguments);
}

/* Makes one call and lists it; the arguments have no side effects, so that naming them twice is harmless. */
#define W(x) (long)(x)
#define LISTED(name, call, format, ...) ({ \
    long result_ = call; int error_ = errno; \
    say(#name format " = %ld", __VA_ARGS__, result_); \
    if (result_ < 0) say(" %d", error_); \
    say("\n"); errno = error_; result_; })
#define CALL1(f, a) LISTED(f, f(a), " %ld", W(a))
#define CALL2(f, a, b) LISTED(f, f(a, b), " %ld %ld", W(a), W(b))
#define CALL3(f, a, b, c) LISTED(f, f(a, b, c), " %ld %ld %ld", W(a), W(b), W(c))
#define CALL4(f, a, b, c, d) LISTED(f, f(a, b, c, d), " %ld %ld %ld %ld", W(a), W(b), W(c), W(d))
#define CALL5(f, a, b, c, d, e) LISTED(f, f(a, b, c, d, e), " %ld %ld %ld %ld %ld", W(a), W(b), W(c), W(d), W(e))
#define CALL6(f, a, b, c, d, e, g) \
    LISTED(f, f(a, b, c, d, e, g), " %ld %ld %ld %ld %ld %ld", W(a), W(b), W(c), W(d), W(e), W(g))

/* What the kernel has, asked past every interposer. */
static int kernel_nodelay(int fd)
{
    int on = -1;
    socklen_t size = sizeof on;
    syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &on, &size);
    return on;
}

static struct sockaddr_in here;

static int listening(void)
{
    socklen_t size = sizeof here;
    int fd = CALL3(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || CALL2(listen, fd, 8) || getsockname(fd, (struct sockaddr *)&here, &size)) exit(2);
    return fd;
}

static void every_call(void)
{
    char out[64] = "the bytes that are sent", in[64];
    struct iovec parts[2] = { { out, 10 }, { out + 10, 6 } }, room[1] = { { in, sizeof in } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 }, arrived = { .msg_iov = room, .msg_iovlen = 1 };
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int on = 1, value = -1;
    socklen_t length = sizeof value;

    int listener = listening();
    int client = CALL3(socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    CALL3(connect, client, (struct sockaddr *)&here, sizeof here);
    int server = CALL3(accept, listener, (struct sockaddr *)&from, &size);
    int second = CALL3(socket, AF_INET, SOCK_STREAM, 0);
    CALL3(connect, second, (struct sockaddr *)&here, sizeof here);
    int other = CALL4(accept4, listener, (struct sockaddr *)0, (socklen_t *)0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    printf("nodelay: client %d, accepted %d, second %d, accepted second %d\n", kernel_nodelay(client),
        kernel_nodelay(server), kernel_nodelay(second), kernel_nodelay(other));

    CALL5(setsockopt, client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    CALL5(getsockopt, client, SOL_SOCKET, SO_KEEPALIVE, &value, &length);
    CALL5(getsockopt, client, IPPROTO_TCP, TCP_NODELAY, &value, &length);
    printf("as the program sees it: %d\n", value);

    /* Each send is read at once, so that the lengths are certain. */
    CALL3(write, client, out, 5);
    CALL3(read, server, in, sizeof in);
    CALL4(send, client, out, 6, MSG_NOSIGNAL);
    CALL4(recv, server, in, sizeof in, 0);
    CALL6(sendto, client, out, 7, 0, (struct sockaddr *)0, 0);
    CALL6(recvfrom, server, in, sizeof in, 0, (struct sockaddr *)&from, &size);
    CALL3(writev, client, parts, 2);
    CALL3(readv, server, room, 1);
    CALL3(sendmsg, client, &message, 0);
    CALL3(recvmsg, server, &arrived, 0);
    CALL4(send, client, out, 3, MSG_MORE);
    CALL3(write, client, out, 4);
    CALL4(recv, server, in, 7, MSG_WAITALL);
    int body = memfd_create("body", MFD_CLOEXEC);
    off_t offset = 2;
    if (ftruncate(body, 1000)) exit(2);
    CALL4(sendfile, client, body, &offset, 40);
    CALL4(recv, server, in, 40, MSG_WAITALL);
    off64_t offset64 = 3;
    CALL4(sendfile64, client, body, &offset64, 41);
    CALL4(recv, server, in, 41, MSG_WAITALL);

    /* Failures keep their errno. */
    CALL4(recv, other, in, sizeof in, 0);
    CALL3(read, other, in, sizeof in);
    CALL3(write, -1, out, 1);
    CALL4(send, body, out, 1, 0);
    CALL3(connect, client, (struct sockaddr *)&here, sizeof here);
    CALL5(setsockopt, body, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    CALL3(accept, client, (struct sockaddr *)0, (socklen_t *)0);
    CALL2(listen, -1, 5);
    CALL1(close, -1);

    /* Not sockets. */
    int ends[2];
    if (pipe(ends)) exit(2);
    CALL3(write, ends[1], out, 9);
    CALL3(read, ends[0], in, sizeof in);
    printf("fsync of a pipe: %d\n", fsync(ends[1]));
    CALL4(sendfile, ends[1], body, (off_t *)0, 12);

    int copy = CALL1(dup, client);
    CALL2(dup2, client, 200);
    CALL1(close, 200);
    CALL1(close, copy);
    CALL2(shutdown, client, SHUT_WR);
    CALL3(read, server, in, sizeof in);
    int all[] = { client, server, second, other, listener, body, ends[0], ends[1] };
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) CALL1(close, all[i]);
}

/* The other end of the responses: asks and reads by raw system calls, so that it is not in the list. */
static long rounds;
static void *asks(void *arg)
{
    static char in[4096];
    int fd = (int)(long)arg;
    for (long i = 0; i < rounds; i++) {
        long got = 0, n;
        if (syscall(SYS_write, fd, "GET", 3) != 3) exit(3);
        for (; got < 700; got += n)
            if ((n = syscall(SYS_read, fd, in, 700 - got)) <= 0) exit(3);
    }
    return 0;
}

static void responses(void)
{
    static char header[200], request[16];
    int listener = listening();
    int client = CALL3(socket, AF_INET, SOCK_STREAM, 0);
    CALL3(connect, client, (struct sockaddr *)&here, sizeof here);
    int server = CALL3(accept, listener, (struct sockaddr *)0, (socklen_t *)0);
    int body = memfd_create("body", MFD_CLOEXEC);
    pthread_t thread;
    if (ftruncate(body, 500) || pthread_create(&thread, 0, asks, (void *)(long)client)) exit(2);
    for (long i = 0; i < rounds; i++) {
        off_t offset = 0;
        CALL3(read, server, request, 3);
        CALL3(write, server, header, sizeof header);
        CALL4(sendfile, server, body, &offset, 500);
    }
    pthread_join(thread, 0);
}

int main(int count, char **words)
{
    if (count < 2) return 2;
    if (count > 2) rounds = atol(words[2]), responses();
    else every_call();
    fflush(stdout);
    int fd = syscall(SYS_openat, AT_FDCWD, words[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return syscall(SYS_write, fd, list, used) == (long)used ? 0 : 1;
}
