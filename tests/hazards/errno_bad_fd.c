// Every call that takes a descriptor, on every kind of descriptor that is not a connected socket.
// Hazard: a table indexed by fd (-1, INT_MIN, INT_MAX, beyond its end), side calls that clobber errno, invented results.
#include "hazard.h"
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sendfile.h>

#ifdef __GLIBC__
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
int __dprintf_chk(int, int, const char *, ...);
int __vdprintf_chk(int, int, const char *, va_list);
#endif

static int format_to(int fd, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int result = vdprintf(fd, format, list);
    va_end(list);
    return result;
}

static void every_call(int fd, int may_block) {
    char buffer[32] = "0123456789";
    struct iovec iov = {buffer, 5};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = message};
    int value = 1;
    socklen_t value_size = sizeof value;
    struct timespec instant = {0, 0};
    struct epoll_event event = {.events = EPOLLIN};

    SHOW(write(fd, buffer, 5));
    SHOW(write(fd, buffer, 0));
    SHOW(writev(fd, &iov, 1));
    SHOW(send(fd, buffer, 5, MSG_NOSIGNAL));
    SHOW(sendto(fd, buffer, 5, MSG_NOSIGNAL, NULL, 0));
    SHOW(sendmsg(fd, &message, MSG_NOSIGNAL));
    SHOW(sendmmsg(fd, &many, 1, MSG_NOSIGNAL));
    SHOW(pwrite(fd, buffer, 5, 0));
    SHOW(pwritev(fd, &iov, 1, 0));
    SHOW(pwritev2(fd, &iov, 1, -1, 0));
    int source = MUST(open("/proc/self/cmdline", O_RDONLY));
    int pipes[2];
    MUST(pipe(pipes));
    MUST(write(pipes[1], "pipe", 4));
    SHOW(sendfile(fd, -1, NULL, 1));
    SHOW(splice(pipes[0], NULL, fd, NULL, 2, SPLICE_F_MORE | SPLICE_F_NONBLOCK));
    close(pipes[0]);
    close(pipes[1]);
    close(source);
    SHOW(dprintf(fd, "%s", "formatted"));
    SHOW(format_to(fd, "%s", "formatted"));
    SHOW(shutdown(fd, SHUT_WR));
    SHOW(connect(fd, (struct sockaddr *)&address, sizeof address));
    SHOW(listen(fd, 1));
    SHOW(bind(fd, (struct sockaddr *)&address, 1));
    SHOW(accept(fd, NULL, NULL));
    SHOW(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    SHOW(accept4(fd, NULL, NULL, 0x40000000));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &value_size));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &value_size));
    SHOW(getpeername(fd, (struct sockaddr *)&name, &size));
    SHOW(ioctl(fd, SIOCATMARK, &value));
    SHOW(fcntl(fd, F_GETFD) >= 0 ? 0 : -1);
    SHOW(fcntl(fd, F_DUPFD, -1));
    SHOW(fcntl(fd, 9999, 0));
    SHOW(dup2(fd, -1));
    SHOW(dup2(fd, INT_MAX));
    SHOW(dup3(fd, fd, 0));
    SHOW(dup3(fd, 700, 0x7));
    SHOW(epoll_ctl(fd, EPOLL_CTL_ADD, fd, &event));
    if (!may_block) {
        struct pollfd p = {fd, POLLIN | POLLOUT, 0};
        SHOW(read(fd, buffer, 5));
        SHOW(readv(fd, &iov, 1));
        SHOW(preadv2(fd, &iov, 1, -1, 0));
        SHOW(pread(fd, buffer, 5, 0));
        SHOW(recv(fd, buffer, 5, MSG_DONTWAIT));
        SHOW(recvfrom(fd, buffer, 5, MSG_DONTWAIT, (struct sockaddr *)&name, &size));
        SHOW(recvmsg(fd, &message, MSG_DONTWAIT));
        SHOW(recvmmsg(fd, &many, 1, MSG_DONTWAIT, &instant));
        SHOW(epoll_wait(fd, &event, 1, 0));
        SHOW(epoll_pwait(fd, &event, 1, 0, NULL));
        SHOW(epoll_pwait2(fd, &event, 1, &instant, NULL));
        SHOW(poll(&p, 1, 0));
        printf("revents %x\n", p.revents);
#ifdef __GLIBC__
        SHOW(__read_chk(fd, buffer, 5, sizeof buffer));
        SHOW(__recv_chk(fd, buffer, 5, sizeof buffer, MSG_DONTWAIT));
        SHOW(__recvfrom_chk(fd, buffer, 5, sizeof buffer, MSG_DONTWAIT, NULL, NULL));
        SHOW(__poll_chk(&p, 1, 0, sizeof p));
        SHOW(__ppoll_chk(&p, 1, &instant, NULL, sizeof p));
        SHOW(__dprintf_chk(fd, 1, "%s", "checked"));
#endif
    }
}

int main(void) {
    begin(60);
    signal(SIGPIPE, SIG_IGN);
    int closed = MUST(dup(0));
    close(closed);
    int numbers[] = {-1, INT_MIN, INT_MIN + 1, INT_MAX, INT_MAX - 1, 1 << 20, (1 << 20) - 1, (1 << 20) + 1, 1 << 24, -2, -100, closed};
    for (int i = 0; i < COUNT(numbers); i++) {
        printf("--- number %d\n", i);
        every_call(numbers[i], 0);
        SHOW(dup(numbers[i]));
        SHOW(dup2(numbers[i], 650));
        SHOW(dup2(1, numbers[i] < 0 ? numbers[i] : -1));
        SHOW(fcntl(numbers[i], F_DUPFD, 10));
        SHOW(fcntl(numbers[i], F_DUPFD_CLOEXEC, 10));
        SHOW(close(numbers[i]));
    }
    char path[] = "/tmp/hazard-XXXXXX";
    int pipes[2], file = MUST(mkstemp(path));
    unlink(path);
    MUST(ftruncate(file, 100));
    printf("--- regular file\n");
    every_call(file, 0);
    SHOW(close(file));
    printf("--- read-only file\n");
    int readonly = MUST(open("/dev/null", O_RDONLY));
    every_call(readonly, 0);
    SHOW(close(readonly));
    printf("--- directory\n");
    int directory = MUST(open("/", O_RDONLY | O_DIRECTORY));
    every_call(directory, 0);
    SHOW(close(directory));
    printf("--- path only\n");
    int pathonly = MUST(open("/", O_PATH));
    every_call(pathonly, 0);
    SHOW(close(pathonly));
    MUST(pipe2(pipes, O_NONBLOCK));
    printf("--- pipe, reading end\n");
    every_call(pipes[0], 0);
    printf("--- pipe, writing end\n");
    every_call(pipes[1], 0);
    SHOW(close(pipes[0]));
    printf("--- pipe without reader\n");
    every_call(pipes[1], 0);
    SHOW(close(pipes[1]));
    printf("--- epoll\n");
    int epoll = MUST(epoll_create1(0));
    every_call(epoll, 0);
    SHOW(close(epoll));
    printf("--- eventfd\n");
    int event = MUST(eventfd(0, EFD_NONBLOCK));
    every_call(event, 0);
    SHOW(close(event));
    printf("--- ranges\n");
    SHOW(close_range(900, 800, 0));
    SHOW(close_range(900, 1000, 0x80));
    double start = now(); // numbers that no descriptor has had are not walked through
    SHOW(close_range(900, ~0u, 0));
    printf("at once %d\n", now() - start < 1);
    SHOW(close_range(3000000000u, ~0u, 0));
    SHOW((closefrom(900), 0));
    return 0;
}
