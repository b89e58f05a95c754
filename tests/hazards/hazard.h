// What every hazard program shares: results printed with errno's name, connected TCP pairs, a watchdog.
// Each program prints facts (results, errno names, lengths, hashes) and never a time, so that a plain run and a
// preloaded run of it can be compared byte for byte.
#ifndef HAZARD_H
#define HAZARD_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __GLIBC__
#define GLIBC_SINCE(major, minor) __GLIBC_PREREQ(major, minor)
#else
#define GLIBC_SINCE(major, minor) 0
#endif
#ifndef __GLIBC__ // musl has no wrapper for these: the call is not a cancellation point there
#define pwritev2(fd, iov, count, offset, flags) syscall(SYS_pwritev2, (long)(fd), iov, (long)(count), (long)(offset), 0L, (long)(flags))
#define preadv2(fd, iov, count, offset, flags) syscall(SYS_preadv2, (long)(fd), iov, (long)(count), (long)(offset), 0L, (long)(flags))
#endif
#ifndef SYS_close_range // the same number on every machine
#define SYS_close_range 436
#define SYS_pidfd_getfd 438
#endif
#if !GLIBC_SINCE(2, 34)
#define close_range(first, last, flags) syscall(SYS_close_range, (long)(first), (long)(last), (long)(flags))
#define closefrom(first) close_range(first, ~0u, 0)
#define execveat(...) syscall(SYS_execveat, __VA_ARGS__)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#if !GLIBC_SINCE(2, 35) // the nearest that these have
static __attribute__((unused)) int epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *time, const sigset_t *mask) {
    return epoll_pwait(fd, events, most, time ? (int)(time->tv_sec * 1000 + time->tv_nsec / 1000000) : -1, mask);
}
#endif

#define UNUSED __attribute__((unused))
#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static UNUSED const char *errname(int e) {
#if GLIBC_SINCE(2, 32)
    const char *name = strerrorname_np(e);
    if (name) return name;
#endif
    static char number[16];
    snprintf(number, sizeof number, "%d", e);
    return number;
}

// errno before each call: a successful call must leave it alone (POSIX lets it change; the plain C library does not).
#define ERRNO_MARK 77

static UNUSED void report(const char *what, long result, int err) {
    if (result < 0)
        printf("%s = %ld %s\n", what, result, errname(err));
    else if (err != ERRNO_MARK)
        printf("%s = %ld, errno became %s\n", what, result, errname(err));
    else
        printf("%s = %ld\n", what, result);
}

// Runs the call with errno marked and prints its text, result and errno.
#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        errno = ERRNO_MARK;                                                                                            \
        long result_ = (long)(call);                                                                                   \
        report(#call, result_, errno);                                                                                 \
    } while (0)
#define SHOW_AS(name, call)                                                                                            \
    do {                                                                                                               \
        errno = ERRNO_MARK;                                                                                            \
        long result_ = (long)(call);                                                                                   \
        report(name, result_, errno);                                                                                  \
    } while (0)

// Set-up steps that a test cannot do without: a failure is printed and ends the program with status 99.
#define MUST(call)                                                                                                     \
    ({                                                                                                                 \
        long result_ = (long)(call);                                                                                   \
        if (result_ < 0) {                                                                                             \
            printf("set-up failed: %s: %s\n", #call, errname(errno));                                                  \
            exit(99);                                                                                                  \
        }                                                                                                              \
        (int)result_;                                                                                                  \
    })

static UNUSED void begin(int seconds) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *given = getenv("HAZARD_SECONDS");
    alarm(given ? (unsigned)atoi(given) : (unsigned)seconds); // a hang ends as death by SIGALRM, which the comparison sees
}

// A forked child that waits must not outlive a parent that was ended by its watchdog.
static UNUSED void mortal(void) {
    alarm(20); // in case the parent has gone already
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static UNUSED double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static UNUSED void pause_ms(int ms) {
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

// FNV-1a, continued from `hash`; start with HASH_START.
#define HASH_START 14695981039346656037ull
static UNUSED uint64_t hash_bytes(uint64_t hash, const void *data, size_t length) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 1099511628211ull;
    return hash;
}

static UNUSED uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static UNUSED int tcp_listen(struct sockaddr_in *address, int backlog) {
    int listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(listener, (struct sockaddr *)address, sizeof *address));
    MUST(listen(listener, backlog));
    socklen_t size = sizeof *address;
    MUST(getsockname(listener, (struct sockaddr *)address, &size));
    return listener;
}

static UNUSED int tcp_dial(const struct sockaddr_in *address) {
    int client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(connect(client, (const struct sockaddr *)address, sizeof *address));
    return client;
}

// pair[0] is the client, pair[1] the accepted side.
static UNUSED void tcp_pair(int pair[2]) {
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 8);
    pair[0] = tcp_dial(&address);
    pair[1] = MUST(accept(listener, NULL, NULL));
    close(listener);
}

static UNUSED size_t read_fully(int fd, void *buffer, size_t length) {
    size_t have = 0;
    while (have < length) {
        ssize_t got = read(fd, (char *)buffer + have, length - have);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += (size_t)got;
    }
    return have;
}

static UNUSED void write_fully(int fd, const void *buffer, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t put = write(fd, (const char *)buffer + done, length - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) {
            printf("write_fully stopped: %s\n", errname(errno));
            exit(98);
        }
        done += (size_t)put;
    }
}

// Is there anything to read within this many milliseconds?
static UNUSED int arrives(int fd, int ms) {
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, ms) == 1;
}

// Fills the socket until it takes nothing for a while. Fixed buffers, so that neither end grows while it fills.
static UNUSED void fill(int fd, int peer) {
    static char block[65536];
    int size = 16384;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    for (int quiet = 0; quiet < 5; quiet++) {
        while (write(fd, block, sizeof block) > 0) quiet = 0;
        while (write(fd, block, 1) > 0) quiet = 0;
        pause_ms(20);
    }
    fcntl(fd, F_SETFL, flags);
}

// Exchanges in which `from` always writes twice at once, so that a library that learns bursts comes to hold the first
// of two writes there. The receiver acknowledges at once (TCP_QUICKACK), so the plain run does not stall.
static UNUSED void teach(int from, int to, int rounds) {
    char head[64], tail[16], sink[80], reply = 'r';
    memset(head, 'h', sizeof head);
    memset(tail, 't', sizeof tail);
    int one = 1;
    for (int i = 0; i < rounds; i++) {
        setsockopt(to, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        setsockopt(from, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        write_fully(from, head, sizeof head);
        write_fully(from, tail, sizeof tail);
        size_t got = 0;
        while (got < sizeof sink) {
            ssize_t n = read(to, sink + got, sizeof sink - got);
            if (n <= 0) {
                printf("teach: peer read %zd %s\n", n, errname(errno));
                exit(98);
            }
            got += (size_t)n;
            setsockopt(to, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        }
        write_fully(to, &reply, 1);
        if (read(from, &reply, 1) != 1) {
            printf("teach: no reply\n");
            exit(98);
        }
    }
}
#endif
