// Results and errno of every socket call on real sockets: fresh, listening, connecting, connected, full, half-closed, reset.
// Hazard: an added option call changes errno or a state machine (EINPROGRESS, EALREADY, EISCONN); invented results.
#include "hazard.h"
#include <netinet/ip.h>
#include <sys/sendfile.h>
#include <sys/select.h>
#include <sys/time.h>

static char bytes[64] = "abcdefghijklmnopqrstuvwxyz";

static void data_calls(int fd) {
    struct iovec iov[2] = {{bytes, 5}, {bytes + 5, 6}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    SHOW(write(fd, bytes, 7));
    SHOW(write(fd, bytes, 0));
    SHOW(writev(fd, iov, 2));
    SHOW(writev(fd, iov, 0));
    SHOW(writev(fd, iov, -1));
    SHOW(writev(fd, iov, 1025));
    SHOW(send(fd, bytes, 3, MSG_NOSIGNAL));
    SHOW(send(fd, bytes, 0, MSG_NOSIGNAL));
    SHOW(sendto(fd, bytes, 3, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0));
    SHOW(sendmsg(fd, &message, MSG_NOSIGNAL));
    SHOW(sendmmsg(fd, many, 2, MSG_NOSIGNAL));
    printf("sendmmsg lengths %u %u\n", many[0].msg_len, many[1].msg_len);
    SHOW(sendmmsg(fd, many, 0, MSG_NOSIGNAL));
    SHOW(send(fd, bytes, 3, MSG_NOSIGNAL | MSG_EOR));
    SHOW(pwrite(fd, bytes, 3, 0));
    SHOW(pwritev2(fd, iov, 2, -1, 0));
    SHOW(pwritev2(fd, iov, 2, -1, 0x4000));
    SHOW(pwritev(fd, iov, 2, 0));
}

static void bad_memory(int fd) {
    void *bad = (void *)8;
    struct iovec iov = {bad, 5};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    SHOW(write(fd, bad, 5));
    SHOW(writev(fd, &iov, 1));
    SHOW(writev(fd, bad, 1));
    SHOW(send(fd, bad, 5, MSG_NOSIGNAL));
    SHOW(sendmsg(fd, &message, MSG_NOSIGNAL));
    SHOW(sendmsg(fd, bad, MSG_NOSIGNAL));
    SHOW(sendmmsg(fd, bad, 1, MSG_NOSIGNAL));
    SHOW(read(fd, bad, 5));
    SHOW(recv(fd, bad, 5, MSG_DONTWAIT));
    SHOW(recvmsg(fd, bad, MSG_DONTWAIT));
    SHOW(recvmmsg(fd, bad, 1, MSG_DONTWAIT, NULL));
    SHOW(connect(fd, bad, 16));
    SHOW(accept(fd, bad, bad));
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bad, bad));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bad, 4));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bytes, 1));
    SHOW(poll(bad, 1, 0));
    SHOW(ioctl(fd, FIONREAD, bad));
    SHOW(getpeername(fd, bad, bad));
    int none;
    SHOW(sendfile(fd, fd, NULL, 10));
    SHOW(sendfile(fd, 0, bad, 10));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, bad));
    SHOW(ioctl(fd, FIONBIO, bad));
    none = 0;
    SHOW(ioctl(fd, FIONBIO, &none));
}

static void options(int fd) {
    int value = 1, got = 5;
    socklen_t size = sizeof got;
    SHOW(setsockopt(fd, IPPROTO_TCP, 9999, &value, sizeof value));
    SHOW(getsockopt(fd, IPPROTO_TCP, 9999, &got, &size));
    SHOW(setsockopt(fd, 250, 1, &value, sizeof value));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 0));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "no such", 7));
    size = 1;
    got = 0;
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &got, &size));
    printf("short getsockopt gives %d, size %u\n", got, size);
    size = 16;
    char wide[16] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, wide, &size));
    printf("wide getsockopt size %u, bytes %d %d %d %d %d\n", size, wide[0], wide[1], wide[2], wide[3], wide[4]);
    size = (socklen_t)-1;
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &got, &size));
}

static void when_full(int fd, int peer) {
    static char block[1000];
    fill(fd, peer);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    SHOW(write(fd, block, 1000));
    SHOW(send(fd, block, 1000, 0));
    struct iovec iov = {block, 1000};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    SHOW(writev(fd, &iov, 1));
    SHOW(sendmsg(fd, &message, 0));
    int file = MUST(open("/proc/self/exe", O_RDONLY));
    SHOW(sendfile(fd, file, NULL, 1000));
    close(file);
}

static void interrupted(int signal_number) { (void)signal_number; }

int main(void) {
    begin(60);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address, dead;
    int listener = tcp_listen(&address, 8);
    int gone = tcp_listen(&dead, 1);
    close(gone);
    struct sockaddr *to = (struct sockaddr *)&address;
    socklen_t size = sizeof address;

    printf("--- creation\n");
    SHOW(socket(AF_INET, 77, 0));
    SHOW(socket(999, SOCK_STREAM, 0));
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_STREAM | 0x10000000, 0));
    int fresh;
    SHOW(fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    printf("flags %x %x\n", fcntl(fresh, F_GETFL), fcntl(fresh, F_GETFD));

    printf("--- fresh\n");
    data_calls(fresh);
    SHOW(read(fresh, bytes, 1));
    SHOW(shutdown(fresh, SHUT_WR));
    SHOW(getpeername(fresh, to, &size));
    SHOW(accept(fresh, NULL, NULL));
    bad_memory(fresh);
    options(fresh);

    printf("--- connect\n");
    size = sizeof address;
    SHOW(connect(fresh, to, 3));
    struct sockaddr_in odd = address;
    odd.sin_family = AF_INET6;
    SHOW(connect(fresh, (struct sockaddr *)&odd, sizeof odd));
    int refused = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(connect(refused, (struct sockaddr *)&dead, sizeof dead));
    SHOW(write(refused, bytes, 1));
    SHOW(connect(refused, to, sizeof address));
    SHOW(connect(refused, to, sizeof address));
    SHOW(close(refused));
    int client = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    SHOW(connect(client, to, sizeof address));
    struct pollfd writable = {client, POLLOUT, 0};
    SHOW(poll(&writable, 1, 2000));
    SHOW(connect(client, to, sizeof address));
    SHOW(connect(client, to, sizeof address));
    SHOW(listen(client, 1));
    SHOW(bind(client, to, sizeof address));

    printf("--- listener\n");
    int server = MUST(accept(listener, NULL, NULL));
    close(server);
    server = MUST(accept(listener, to, &size));
    SHOW(bind(listener, (struct sockaddr *)&address, sizeof address));
    SHOW(connect(listener, (struct sockaddr *)&address, sizeof address));
    fcntl(listener, F_SETFL, O_NONBLOCK);
    SHOW(accept(listener, NULL, NULL));
    SHOW(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
    data_calls(listener);
    SHOW(read(listener, bytes, 1));
    options(listener);

    printf("--- connected\n");
    data_calls(client);
    bad_memory(client);
    options(client);
    char sink[4096];
    pause_ms(20);
    SHOW(recv(server, sink, sizeof sink, MSG_DONTWAIT));
    SHOW(recv(server, sink, sizeof sink, MSG_DONTWAIT));
    SHOW(recv(server, sink, 0, MSG_DONTWAIT));

    printf("--- full\n");
    when_full(client, server);
    printf("--- interrupted\n");
    struct sigaction action = {.sa_handler = interrupted}; // no SA_RESTART: EINTR
    sigaction(SIGALRM, &action, NULL);
    struct itimerval ticks = {{0, 30000}, {0, 30000}};
    setitimer(ITIMER_REAL, &ticks, NULL);
    fcntl(client, F_SETFL, 0);
    SHOW(write(client, bytes, 10));
    SHOW(send(client, bytes, 10, 0));
    int idle[2];
    tcp_pair(idle);
    struct pollfd waiting = {idle[0], POLLIN, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(idle[0], &set);
    struct iovec iov = {sink, 10};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = message};
    struct timespec second = {1, 0};
    fcntl(listener, F_SETFL, 0);
    SHOW(read(idle[0], sink, 10));
    SHOW(readv(idle[0], &iov, 1));
    SHOW(recv(idle[0], sink, 10, 0));
    SHOW(recvfrom(idle[0], sink, 10, 0, NULL, NULL));
    SHOW(recvmsg(idle[0], &message, 0));
    SHOW(recvmmsg(idle[0], &many, 1, 0, NULL));
    SHOW(accept(listener, NULL, NULL));
    SHOW(accept4(listener, NULL, NULL, 0));
    SHOW(poll(&waiting, 1, 1000));
    SHOW(ppoll(&waiting, 1, &second, NULL));
    SHOW(select(idle[0] + 1, &set, NULL, NULL, NULL));
    SHOW(pselect(idle[0] + 1, &set, NULL, NULL, &second, NULL));
    SHOW(nanosleep(&second, NULL));
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &second, NULL));
    SHOW(usleep(900000));
    memset(&ticks, 0, sizeof ticks);
    setitimer(ITIMER_REAL, &ticks, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(30);

    printf("--- peer closed\n");
    SHOW(close(idle[1]));
    pause_ms(10);
    SHOW(write(idle[0], bytes, 5));
    pause_ms(10);
    SHOW(write(idle[0], bytes, 5));
    SHOW(send(idle[0], bytes, 5, MSG_NOSIGNAL));
    SHOW(writev(idle[0], &iov, 1));
    SHOW(sendmsg(idle[0], &message, 0));
    int file = MUST(open("/proc/self/exe", O_RDONLY));
    SHOW(sendfile(idle[0], file, NULL, 100));
    SHOW(read(idle[0], bytes, 5));
    SHOW(shutdown(idle[0], SHUT_RDWR));
    SHOW(shutdown(idle[0], 9));
    SHOW(close(idle[0]));
    SHOW(close(idle[0]));

    printf("--- SIGPIPE\n");
    for (int way = 0; way < 5; way++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            int pair[2];
            signal(SIGPIPE, SIG_DFL);
            tcp_pair(pair);
            MUST(shutdown(pair[0], SHUT_WR));
            if (way == 0) write(pair[0], bytes, 1);
            if (way == 1) writev(pair[0], &iov, 1);
            if (way == 2) send(pair[0], bytes, 1, 0);
            if (way == 3) sendmsg(pair[0], &message, 0);
            if (way == 4) send(pair[0], bytes, 1, MSG_NOSIGNAL);
            _exit(3);
        }
        int status;
        waitpid(child, &status, 0);
        printf("way %d: signal %d, exit %d\n", way, WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
    }
    return 0;
}
