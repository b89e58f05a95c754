// A preloaded library with the mistakes that others made, one at a time (-DMISTAKE=n). The hazard programs are worth
// something only if they notice each; without a mistake it forwards and must not be noticed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#ifndef MISTAKE
#define MISTAKE 0
#endif
enum { NONE, ERRNO, SEND, MORE, TABLE, LOCK, READ_BACK, KEEPS_FD, SETS, STALE, BLIND, CUT_ARGUMENTS, RETRIES, SEVENTH, CUT_LIST, HEALS, CUT_CONTROL };

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static unsigned char seen[1024]; // by fd: 1 is a TCP socket
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
    if (MISTAKE == KEEPS_FD) open("/dev/null", O_RDONLY);
}

int socket(int family, int type, int protocol) {
    int fd = REAL(socket)(family, type, protocol);
    if (fd >= 0 && fd < 1024) seen[fd] = (type & 0xf) == SOCK_STREAM && (family == AF_INET || family == AF_INET6);
    return fd;
}

int dup2(int from, int to) {
    int result = REAL(dup2)(from, to);
    if (result >= 0 && result < 1024 && from < 1024) seen[result] |= seen[from]; // close never clears it
    return result;
}

ssize_t write(int fd, const void *data, size_t length) {
    ssize_t result;
    int one = 1;
    if (MISTAKE == TABLE && seen[(long)fd * 4096]) return 0;                                       // no bounds
    if (MISTAKE == LOCK) pthread_mutex_lock(&lock);                                                // across the real call
    if (MISTAKE == SEND) result = REAL(send)(fd, data, length, 0);                                 // whatever it is
    else if (MISTAKE == MORE) {                                                                    // datagrams too
        result = REAL(send)(fd, data, length, MSG_MORE);
        if (result < 0 && errno == ENOTSOCK) result = REAL(write)(fd, data, length);
    } else if ((MISTAKE == STALE || MISTAKE == BLIND) && fd >= 0 && fd < 1024 && seen[fd]) {       // by number alone
        result = REAL(send)(fd, data, length, MISTAKE == BLIND && length < 100 ? MSG_MORE : 0);
    } else if (MISTAKE == HEALS && fd >= 0 && fd < 1024 && seen[fd]) {                             // right, but for errno
        result = REAL(send)(fd, data, length, 0);
        if (result < 0 && errno == ENOTSOCK) result = REAL(write)(fd, data, length);
    } else result = REAL(write)(fd, data, length);
    if (MISTAKE == RETRIES && result >= 0 && (size_t)result < length) {                            // "helps" with partial writes
        struct pollfd room = {fd, POLLOUT, 0};
        poll(&room, 1, 1000);
        ssize_t more = REAL(write)(fd, (const char *)data + result, length - (size_t)result);
        (void)more;
    }
    if (MISTAKE == ERRNO) REAL(setsockopt)(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);        // leaves its own errno
    if (MISTAKE == LOCK) pthread_mutex_unlock(&lock);
    return result;
}

int connect(int fd, const struct sockaddr *to, socklen_t size) {
    int one = 1, before = errno;
    if (MISTAKE == READ_BACK) REAL(setsockopt)(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    errno = before;
    return REAL(connect)(fd, to, size);
}

int select(int count, fd_set *in, fd_set *out, fd_set *error, struct timeval *timeout) {
    struct timeval none = {0, 0};
    if (MISTAKE == SETS) {
        int ready = REAL(select)(count, in, out, error, &none); // clears the sets that the real call needs
        if (ready) return ready;
    }
    return REAL(select)(count, in, out, error, timeout);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    if (MISTAKE == CUT_CONTROL) { // a message that is made anew, of what was thought of
        struct msghdr other = {.msg_name = message->msg_name, .msg_namelen = message->msg_namelen, .msg_iov = message->msg_iov, .msg_iovlen = message->msg_iovlen};
        return REAL(sendmsg)(fd, &other, flags);
    }
    return REAL(sendmsg)(fd, message, flags);
}

// Seven arguments: the last is not in a register, and is not where it was once the stack has moved.
ssize_t __recvfrom_chk(int fd, void *data, size_t length, size_t room, int flags, struct sockaddr *from, socklen_t *size) {
    static ssize_t (*real)(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "__recvfrom_chk");
    return real(fd, data, length, room, flags, from, MISTAKE == SEVENTH && from ? (socklen_t *)8 : size);
}

int execl(const char *path, const char *first, ...) {
    char *words[64] = {(char *)first};
    __builtin_va_list list;
    __builtin_va_start(list, first);
    for (int i = 1; i < 63 && (words[i] = __builtin_va_arg(list, char *)); i++)
        if (MISTAKE == CUT_LIST && i == 5) { // as many as registers hold
            words[i] = NULL;
            break;
        }
    __builtin_va_end(list);
    return execv(path, words);
}

long syscall(long number, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, number);
    long words[6];
    for (int i = 0; i < 6; i++) words[i] = __builtin_va_arg(list, long);
    __builtin_va_end(list);
    if (MISTAKE == CUT_ARGUMENTS) return (int)REAL(syscall)(number, words[0], words[1], words[2]);
    return REAL(syscall)(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
