// Everything that is not plain TCP: datagrams, UNIX sockets, pipes, terminals, netlink, raw, MPTCP, SCTP. Each write must stay
// one datagram or packet; the program writes twice at once so often that a library could believe it has learned something.
// Hazard: MSG_MORE on UDP corks the datagram; socket type flags taken for the type; options set where they do not belong.
#include "hazard.h"
#include <sys/eventfd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static void packets(const char *name, int from, int to) {
    printf("--- %s\n", name);
    char sink[64];
    struct iovec iov[2] = {{"ab", 2}, {"cd", 2}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    struct mmsghdr many[3] = {{.msg_hdr = message}, {.msg_hdr = message}, {.msg_hdr = message}};
    int wrong = 0;
    for (int round = 0; round < 40; round++) {
        wrong += write(from, "12", 2) != 2;
        wrong += write(from, "345", 3) != 3;
        wrong += writev(from, iov, 2) != 4;
        wrong += send(from, "6", 1, 0) != 1;
        wrong += sendmsg(from, &message, 0) != 4;
        wrong += sendmmsg(from, many, 3, 0) != 3;
        wrong += write(from, "", 0) != 0;
        static const int lengths[] = {2, 3, 4, 1, 4, 4, 4, 4};
        for (int i = 0; i < COUNT(lengths); i++) {
            if (!arrives(to, 1000)) wrong += 100;
            else wrong += recv(to, sink, sizeof sink, 0) != lengths[i];
        }
        while (recv(to, sink, sizeof sink, MSG_DONTWAIT) == 0) {} // the empty ones
    }
    printf("wrong %d\n", wrong);
    SHOW(recv(to, sink, sizeof sink, MSG_DONTWAIT));
    int value = 1;
    socklen_t size = sizeof value;
    SHOW(getsockopt(from, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    SHOW(setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
}

static void udp(int family) {
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    if (family == AF_INET) ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int to = MUST(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), from = MUST(socket(family, SOCK_DGRAM, IPPROTO_UDP));
    MUST(bind(to, (struct sockaddr *)&address, size));
    getsockname(to, (struct sockaddr *)&address, &size);
    MUST(connect(from, (struct sockaddr *)&address, size));
    packets(family == AF_INET ? "UDP" : "UDP over IPv6", from, to);
    char sink[64];
    printf("its own MSG_MORE and UDP_CORK\n");
    SHOW(send(from, "a", 1, MSG_MORE));
    printf("arrives %d\n", arrives(to, 20));
    SHOW(send(from, "b", 1, 0));
    SHOW(recv(to, sink, sizeof sink, 0));
    int on = 1, off = 0;
    SHOW(setsockopt(from, IPPROTO_UDP, 1, &on, sizeof on));
    SHOW(write(from, "cd", 2));
    SHOW(write(from, "ef", 2));
    printf("arrives %d\n", arrives(to, 20));
    SHOW(setsockopt(from, IPPROTO_UDP, 1, &off, sizeof off));
    SHOW(recv(to, sink, sizeof sink, 0));
    SHOW(send(from, sink, 70000, 0));
    close(to);
    pause_ms(5);
    SHOW(write(from, "x", 1));
    pause_ms(5);
    SHOW(write(from, "x", 1)); // the refusal of the first
    close(from);
}

static void streams(const char *name, int from, int to) {
    printf("--- %s\n", name);
    char sink[64];
    int wrong = 0;
    for (int round = 0; round < 20; round++) {
        struct iovec iov[2] = {{"ab", 2}, {"cd", 2}};
        wrong += write(from, "head", 4) != 4;
        wrong += writev(from, iov, 2) != 4;
        wrong += read_fully(to, sink, 8) != 8 || memcmp(sink, "headabcd", 8);
    }
    printf("wrong %d\n", wrong);
    SHOW(write(from, "tail", 4));
    printf("arrives %d\n", arrives(to, 150));
}

static void tcp_like(const char *name, int family, int protocol) {
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    if (family == AF_INET) ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int listener = socket(family, SOCK_STREAM, protocol);
    if (listener < 0) {
        printf("--- %s: %s\n", name, errname(errno));
        return;
    }
    MUST(bind(listener, (struct sockaddr *)&address, size));
    MUST(listen(listener, 1));
    getsockname(listener, (struct sockaddr *)&address, &size);
    int from = MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol));
    MUST(connect(from, (struct sockaddr *)&address, size));
    int to = MUST(accept4(listener, NULL, NULL, SOCK_CLOEXEC)), one = 1;
    setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // else the plain run may wait for an acknowledgement
    streams(name, from, to);
    SHOW(shutdown(from, SHUT_WR));
    char sink[8];
    SHOW(read_fully(to, sink, 8));
    close(from), close(to), close(listener);
}

int main(void) {
    begin(30);
    int pair[2];
    char sink[64];
    udp(AF_INET);
    udp(AF_INET6);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    packets("UNIX seqpacket", pair[0], pair[1]);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair));
    packets("UNIX datagram", pair[0], pair[1]);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    streams("UNIX stream", pair[0], pair[1]);
    MUST(pipe2(pair, O_DIRECT)); // a packet pipe: each write is a packet
    printf("--- packet pipe\n");
    SHOW(write(pair[1], "ab", 2));
    SHOW(write(pair[1], "cd", 2));
    SHOW(read(pair[0], sink, sizeof sink));
    SHOW(read(pair[0], sink, sizeof sink));
    MUST(pipe(pair));
    streams("pipe", pair[1], pair[0]);
    tcp_like("TCP", AF_INET, 0);
    tcp_like("TCP over IPv6", AF_INET6, IPPROTO_TCP);
    tcp_like("MPTCP", AF_INET, IPPROTO_MPTCP);
    tcp_like("SCTP", AF_INET, IPPROTO_SCTP);
    printf("--- eventfd\n");
    int event = MUST(eventfd(0, 0));
    uint64_t count = 3;
    SHOW(write(event, &count, 8));
    SHOW(write(event, &count, 8));
    SHOW(read(event, &count, 8));
    printf("count %d\n", (int)count);
    SHOW(write(event, &count, 4));
    printf("--- terminal\n");
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0) {
        grantpt(terminal), unlockpt(terminal);
        int slave = MUST(open(ptsname(terminal), O_RDWR | O_NOCTTY));
        SHOW(write(slave, "ab\n", 3));
        SHOW(write(slave, "cd\n", 3));
        SHOW(read_fully(terminal, sink, 8));
        SHOW(write(terminal, "line\n", 5));
        SHOW(read(slave, sink, sizeof sink));
    }
    printf("--- netlink\n");
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    SHOW(send(netlink, "short", 5, 0));
    SHOW(recv(netlink, sink, sizeof sink, MSG_DONTWAIT));
    return 0;
}
