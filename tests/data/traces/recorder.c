/* Preloaded by record.py: notes when a program sends, receives and waits on its sockets, and passes every call on.
 *
 * It sees exactly the calls that the library would see, at their true times: a note is a clock read and a store to a mapped
 * file (one per process, RECORD_DIR/PID), so it stretches no pause. It sets TCP_NODELAY on connections, as the library does:
 * the waits recorded are those of a program that is not stalled. It holds nothing. A poll is first made with a timeout of
 * zero, to note whether it had to wait.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One note; record.py reads the same layout. */
struct note {
    uint64_t ns;
    uint32_t thread;
    int32_t fd;
    int64_t length, result;
    uint32_t what, service;
};
enum { DATA = 'd', PASS = 'p', MORE = 'm', RECEIVE = 'r', WAIT = 'w', OPEN = 'o', CLOSE = 'c', OWN = 'k' };
enum { ROOM = 1 << 17, KINDS = 65536 };
struct log {
    _Atomic uint64_t count;
    struct note note[ROOM];
};

static struct log *_Atomic log_file;
/* By descriptor: 0 not looked at yet, 1 of no interest, 2 a pipe or another socket, 3 TCP. */
static _Atomic unsigned char kinds[KINDS];

static void start(void)
{
    char path[4096];
    const char *directory = getenv("RECORD_DIR");
    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/%d", directory, (int)getpid());
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    if (ftruncate(fd, sizeof(struct log)) == 0) {
        void *at = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        atomic_store(&log_file, at == MAP_FAILED ? NULL : at);
    }
    syscall(SYS_close, fd);
}

static void in_child(void)
{
    /* The parent's notes stay the parent's. */
    atomic_store(&log_file, NULL);
    start();
}

__attribute__((constructor)) static void load(void)
{
    pthread_atfork(NULL, NULL, in_child);
    start();
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void note(uint64_t ns, int what, int fd, int64_t length, int64_t result, uint32_t service)
{
    struct log *file = atomic_load(&log_file);
    if (!file)
        return;
    uint64_t at = atomic_fetch_add(&file->count, 1);
    static __thread uint32_t thread;
    if (!thread)
        thread = gettid();
    if (at < ROOM)
        file->note[at] = (struct note){ns, thread, fd, length, result, what, service};
}

static int kind(int fd)
{
    if (fd < 0 || fd >= KINDS)
        return 1;
    int known = kinds[fd];
    if (known)
        return known;
    int error = errno, protocol;
    socklen_t length = sizeof protocol;
    struct stat st;
    known = 1;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0)
        known = protocol == IPPROTO_TCP ? 3 : 2;
    else if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
        known = 2;
    kinds[fd] = known;
    errno = error;
    return known;
}

static void forget(int fd)
{
    if (fd >= 0 && fd < KINDS)
        kinds[fd] = 0;
}

static void no_delay(int fd)
{
    int error = errno, on = 1;
    syscall(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    errno = error;
}

/* The real function of this name. */
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The application's own word that more follows, or a call that must not be held. */
#define SPECIAL (MSG_EOR | MSG_OOB | MSG_MORE | MSG_ZEROCOPY)

#define SENDS(type, name, parameters, arguments, fd, event, length) \
    type name parameters \
    { \
        REAL(name); \
        if (kind(fd) != 3) \
            return real arguments; \
        uint64_t at = now(); \
        type result = real arguments; \
        note(at, event, fd, length, result, 0); \
        return result; \
    }

static int64_t sum(const struct iovec *parts, size_t count)
{
    int64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += parts[i].iov_len;
    return all;
}

SENDS(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), fd, DATA, n)
SENDS(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), fd, DATA, sum(v, n))
SENDS(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags), fd,
      flags &SPECIAL ? MORE : DATA, n)
SENDS(ssize_t, sendto, (int fd, const void *data, size_t n, int flags, __CONST_SOCKADDR_ARG to, socklen_t size),
      (fd, data, n, flags, to, size), fd, flags &SPECIAL ? MORE : DATA, n)
SENDS(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), fd, flags &SPECIAL ? MORE : DATA,
      sum(m->msg_iov, m->msg_iovlen))
SENDS(ssize_t, sendfile, (int fd, int file, off_t *at_, size_t n), (fd, file, at_, n), fd, PASS, n)
SENDS(ssize_t, sendfile64, (int fd, int file, off64_t *at_, size_t n), (fd, file, at_, n), fd, PASS, n)
SENDS(ssize_t, splice, (int from, off64_t *f, int fd, off64_t *t, size_t n, unsigned flags), (from, f, fd, t, n, flags), fd,
      flags &SPLICE_F_MORE ? MORE : PASS, n)

int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    REAL(sendmmsg);
    uint64_t at = now();
    int result = real(fd, m, n, flags);
    int64_t bytes = 0;
    for (int i = 0; i < result; i++)
        bytes += m[i].msg_len;
    if (kind(fd) == 3)
        note(at, flags & SPECIAL ? MORE : PASS, fd, bytes, result < 0 ? result : bytes, 0);
    return result;
}

#define RECEIVES(type, name, parameters, arguments) \
    extern type name parameters; \
    type name parameters \
    { \
        REAL(name); \
        int what = kind(fd); \
        if (what == 1) \
            return real arguments; \
        uint64_t at = now(); \
        type result = real arguments; \
        note(at, WAIT, fd, 0, 0, 0); \
        if (what == 3 && result > 0) \
            note(now(), RECEIVE, fd, 0, result, 0); \
        return result; \
    }

RECEIVES(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n))
RECEIVES(ssize_t, __read_chk, (int fd, void *data, size_t n, size_t room), (fd, data, n, room))
RECEIVES(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n))
RECEIVES(ssize_t, recv, (int fd, void *data, size_t n, int flags), (fd, data, n, flags))
RECEIVES(ssize_t, __recv_chk, (int fd, void *data, size_t n, size_t room, int flags), (fd, data, n, room, flags))
RECEIVES(ssize_t, recvfrom, (int fd, void *data, size_t n, int flags, __SOCKADDR_ARG from, socklen_t *size),
         (fd, data, n, flags, from, size))
RECEIVES(ssize_t, __recvfrom_chk,
         (int fd, void *data, size_t n, size_t room, int flags, __SOCKADDR_ARG from, socklen_t *size),
         (fd, data, n, room, flags, from, size))
RECEIVES(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
RECEIVES(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), (fd, m, n, flags, t))

/* A wait that can be asked first whether it would wait. One that found something at once releases nothing. */
#define POLLS(name, parameters, arguments, asking) \
    extern int name parameters; \
    int name parameters \
    { \
        REAL(name); \
        if (timeout == 0) \
            return real arguments; \
        int result = real asking; \
        if (result != 0) \
            return result; \
        note(now(), WAIT, -1, 0, 0, 0); \
        return real arguments; \
    }

POLLS(poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), (fds, n, 0))
POLLS(__poll_chk, (struct pollfd * fds, nfds_t n, int timeout, size_t room), (fds, n, timeout, room), (fds, n, 0, room))
POLLS(epoll_wait, (int fd, struct epoll_event *e, int n, int timeout), (fd, e, n, timeout), (fd, e, n, 0))
POLLS(epoll_pwait, (int fd, struct epoll_event *e, int n, int timeout, const sigset_t *m), (fd, e, n, timeout, m),
      (fd, e, n, 0, m))

#define TIMED(t) (!(t) || (t)->tv_sec || *((const long *)(t) + 1))
/* Any other wait: releases, unless `waits` says that its timeout is zero. */
#define WAITS(type, name, parameters, arguments, waits) \
    extern type name parameters; \
    type name parameters \
    { \
        REAL(name); \
        if (waits) \
            note(now(), WAIT, -1, 0, 0, 0); \
        return real arguments; \
    }

WAITS(int, ppoll, (struct pollfd * f, nfds_t n, const struct timespec *t, const sigset_t *m), (f, n, t, m), TIMED(t))
WAITS(int, __ppoll_chk, (struct pollfd * f, nfds_t n, const struct timespec *t, const sigset_t *m, size_t room),
      (f, n, t, m, room), TIMED(t))
WAITS(int, select, (int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t), (n, r, w, e, t), TIMED(t))
WAITS(int, pselect, (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *m), (n, r, w, e, t, m),
      TIMED(t))
WAITS(int, epoll_pwait2, (int fd, struct epoll_event *e, int n, const struct timespec *t, const sigset_t *m),
      (fd, e, n, t, m), TIMED(t))
WAITS(int, nanosleep, (const struct timespec *t, struct timespec *r), (t, r), 1)
WAITS(int, clock_nanosleep, (clockid_t c, int f, const struct timespec *t, struct timespec *r), (c, f, t, r), 1)
WAITS(int, usleep, (useconds_t t), (t), 1)
WAITS(unsigned, sleep, (unsigned t), (t), 1)
WAITS(int, pause, (void), (), 1)
WAITS(int, sigsuspend, (const sigset_t *m), (m), 1)
WAITS(pid_t, wait, (int *s), (s), 1)
WAITS(pid_t, waitpid, (pid_t p, int *s, int o), (p, s, o), 1)
WAITS(pid_t, fork, (void), (), 1)
WAITS(int, shutdown, (int fd, int how), (fd, how), 1)

static int accepted(uint64_t at, int listener, int fd)
{
    forget(fd);
    if (fd >= 0 && kind(fd) == 3) {
        no_delay(fd);
        note(at, OPEN, fd, 0, 0, listener + 1);
    } else {
        note(at, WAIT, -1, 0, 0, 0);
    }
    return fd;
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    int fd = real(domain, type, protocol);
    forget(fd);
    return fd;
}

int accept(int fd, __SOCKADDR_ARG from, socklen_t *size)
{
    REAL(accept);
    uint64_t at = now();
    return accepted(at, fd, real(fd, from, size));
}

int accept4(int fd, __SOCKADDR_ARG from, socklen_t *size, int flags)
{
    REAL(accept4);
    uint64_t at = now();
    return accepted(at, fd, real(fd, from, size, flags));
}

int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
    REAL(connect);
    uint64_t at = now();
    int tcp = kind(fd) == 3;
    if (tcp)
        no_delay(fd);
    int result = real(fd, to, size);
    if (tcp && (result == 0 || errno == EINPROGRESS)) {
        int error = errno;
        /* The port stands for the service: a trace holds the connections of one program. */
        note(at, OPEN, fd, 0, 0, 100000 + ntohs(((const struct sockaddr_in *)to.__sockaddr__)->sin_port));
        errno = error;
    } else {
        note(at, WAIT, -1, 0, 0, 0);
    }
    return result;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    REAL(setsockopt);
    if (level == IPPROTO_TCP && (name == TCP_CORK || name == TCP_ULP || (name == TCP_NODELAY && !*(const int *)value)))
        note(now(), OWN, fd, 0, 0, 0);
    return real(fd, level, name, value, size);
}

int close(int fd)
{
    REAL(close);
    int what = kind(fd);
    forget(fd);
    if (what > 1)
        note(now(), what == 3 ? CLOSE : WAIT, fd, 0, 0, 0);
    return real(fd);
}

int dup(int fd)
{
    REAL(dup);
    note(now(), WAIT, -1, 0, 0, 0);
    int result = real(fd);
    forget(result);
    return result;
}

static void onto(int target)
{
    note(now(), kind(target) == 3 ? CLOSE : WAIT, target, 0, 0, 0);
    forget(target);
}

int dup2(int fd, int target)
{
    REAL(dup2);
    onto(target);
    return real(fd, target);
}

int dup3(int fd, int target, int flags)
{
    REAL(dup3);
    onto(target);
    return real(fd, target, flags);
}
