// A connection whose bursts have been learned goes away without a hooked call, and its number stands for something else: a
// pipe, a file, another kind of socket. What the program then calls on it succeeds, and errno stays what it was.
// Hazard: the library finds out with a call of its own that fails, and leaves that one's errno behind.
#include "hazard.h"
#include "../programs/unseen.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>

static const char *kinds[] = {"pipe", "file", "/dev/null", "eventfd", "UNIX stream", "UNIX seqpacket", "UDP", "TCP"};
static const char *befores[] = {"between bursts", "after the first write of a burst", "after two writes of a burst"};
static const char *calls[] = {"write", "writev", "sendfile", "splice", "read", "readv", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvmsg",
                              "poll", "select", "epoll_wait", "nanosleep", "dup", "dup2", "fcntl", "setsockopt", "getsockopt", "shutdown", "fork",
                              "accept", "connect", "close", "close_range"};
static int fill_file; // what sendfile reads

// The new object, made under another number, and its other end, if it has one.
static int make(int kind, int *other) {
    int pair[2] = {-1, -1};
    *other = -1;
    switch (kind) {
    case 0: MUST(pipe2(pair, O_NONBLOCK)), *other = pair[0]; return pair[1];
    case 1: return MUST(memfd_create("hazard", 0));
    case 2: return MUST(open("/dev/null", O_RDWR));
    case 3: return MUST(eventfd(1, EFD_NONBLOCK));
    case 4: MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)), *other = pair[1]; return pair[0];
    case 5: MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair)), *other = pair[1]; return pair[0];
    case 6: {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof address;
        *other = MUST(socket(AF_INET, SOCK_DGRAM, 0));
        MUST(bind(*other, (struct sockaddr *)&address, sizeof address));
        getsockname(*other, (struct sockaddr *)&address, &size);
        pair[0] = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
        MUST(connect(pair[0], (struct sockaddr *)&address, sizeof address));
        return pair[0];
    }
    default: tcp_pair(pair), fcntl(pair[0], F_SETFL, O_NONBLOCK), *other = pair[1]; return pair[0];
    }
}

static void call(int which, int fd) {
    static char text[8];
    struct iovec part = {"12345678", 8}, room = {text, 8};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1}, in = {.msg_iov = &room, .msg_iovlen = 1};
    struct mmsghdr many = {message, 0};
    struct pollfd p = {fd, POLLOUT, 0};
    struct epoll_event event = {.events = EPOLLOUT};
    struct timespec time = {0, 1000};
    struct timeval short_time = {0, 1000};
    struct sockaddr_in nowhere = {0};
    socklen_t size = sizeof(int);
    fd_set set;
    int on = 1, copy = -1, pipes[2];
    long result = -1;
    off_t offset = 0;
    pid_t child;
    int epoll = MUST(epoll_create1(0));
    FD_ZERO(&set);
    FD_SET(fd, &set);
    MUST(pipe(pipes));
    MUST(write(pipes[1], "through", 8));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event); // a file refuses
    errno = ERRNO_MARK;
    switch (which) {
    case 0: result = write(fd, "12345678", 8); break;
    case 1: result = writev(fd, &part, 1); break;
    case 2: result = sendfile(fd, fill_file, &offset, 8); break;
    case 3: result = splice(pipes[0], NULL, fd, NULL, 8, 0); break;
    case 4: result = read(fd, text, 8); break;
    case 5: result = readv(fd, &room, 1); break;
    case 6: result = send(fd, "12345678", 8, MSG_NOSIGNAL); break;
    case 7: result = sendto(fd, "12345678", 8, MSG_NOSIGNAL, NULL, 0); break;
    case 8: result = sendmsg(fd, &message, MSG_NOSIGNAL); break;
    case 9: result = sendmmsg(fd, &many, 1, MSG_NOSIGNAL); break;
    case 10: result = recv(fd, text, 8, MSG_DONTWAIT); break;
    case 11: result = recvmsg(fd, &in, MSG_DONTWAIT); break;
    case 12: result = poll(&p, 1, 1); break;
    case 13: result = select(fd + 1, NULL, &set, NULL, &short_time); break;
    case 14: result = epoll_wait(epoll, &event, 1, 1); break;
    case 15: result = nanosleep(&time, NULL); break;
    case 16: copy = dup(fd), result = copy >= 0; break;
    case 17: result = dup2(fd, 300); break;
    case 18: result = fcntl(fd, F_DUPFD_CLOEXEC, 300); break;
    case 19: result = setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); break;
    case 20: result = getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size); break;
    case 21: result = shutdown(fd, SHUT_WR); break;
    case 22: if ((child = fork()) == 0) _exit(0); result = child > 0; break;
    case 23: result = accept(fd, NULL, NULL); break;
    case 24: result = connect(fd, (struct sockaddr *)&nowhere, 4); break;
    case 25: result = close(fd); break;
    case 26: result = close_range((unsigned)fd, (unsigned)fd, 0); break;
    }
    int after = errno;
    report(calls[which], result, after);
    if (which == 22) waitpid(child, NULL, 0);
    if (which == 16) close(copy);
    close(300), close(epoll), close(pipes[0]), close(pipes[1]);
}

int main(void) {
    begin(50);
    signal(SIGPIPE, SIG_IGN);
    fill_file = MUST(memfd_create("fill", 0));
    MUST(write(fill_file, "12345678", 8));
    for (int kind = 0; kind < COUNT(kinds); kind++)
        for (int before = 0; before < COUNT(befores); before++) {
            printf("--- %s, %s\n", kinds[kind], befores[before]);
            for (int which = 0; which < COUNT(calls); which++) {
                int pair[2], other;
                tcp_pair(pair);
                teach(pair[0], pair[1], 24);
                int new = make(kind, &other); // before the burst: what follows is quick
                if (before > 0) MUST(write(pair[0], "head", 4));
                if (before > 1) MUST(write(pair[0], "body", 4));
                unseen(SYS_close, pair[0], 0, 0, 0, 0, 0);
                unseen(SYS_dup3, new, pair[0], 0, 0, 0, 0);
                unseen(SYS_close, new, 0, 0, 0, 0, 0);
                call(which, pair[0]);
                if (which < 25) { // what comes after it, too
                    SHOW(write(pair[0], "12345678", 8));
                    SHOW(write(pair[0], "12345678", 8));
                    SHOW(close(pair[0]));
                }
                char text[32];
                printf("  the old peer has %zu\n", read_fully(pair[1], text, sizeof text));
                close(pair[1]);
                if (other >= 0) close(other);
            }
        }
    return 0;
}
