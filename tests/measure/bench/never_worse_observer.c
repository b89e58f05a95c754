// The peer of never_worse_actor: asks, reads the answers and records how long each message was on its way. Never run under
// the library. It acknowledges everything at once (TCP_QUICKACK), so the plain run knows no delayed acknowledgement and is
// as hard to equal as it can be. A message's arrival is the kernel's own receive timestamp, not the moment at which this
// process got the processor, and it asks for a real-time priority: other load on the machine hardly enters the numbers.
//
//   never_worse_observer PORT SECOND_PORT TRAINING COUNT CYCLE DEPTH RECONNECT
//
// prints, for each message of the behaviour phase, its delay in nanoseconds. TRAINING exchanges of two writes come first.
// CYCLE is the letters to ask for, in turn; DEPTH requests are sent at once; RECONNECT 1: a new connection each time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct message { uint64_t stamp; uint8_t last; char padding[55]; };

// Reads one message and gives the kernel's receive time of it.
static uint64_t receive(int fd, struct message *m) {
    size_t have = 0;
    uint64_t at = 0;
    int one = 1;
    while (have < sizeof *m) {
        union { char space[CMSG_SPACE(sizeof(struct timespec)) + 64]; struct cmsghdr align; } control;
        struct iovec iov = {(char *)m + have, sizeof *m - have};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(fd, &message, 0);
        if (got <= 0) {
            fprintf(stderr, "never_worse_observer: the connection ended early\n");
            exit(1);
        }
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        have += (size_t)got;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h))
            if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec t;
                memcpy(&t, CMSG_DATA(h), sizeof t);
                at = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
            }
    }
    return at;
}

static int dial(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("never_worse_observer: connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    return fd;
}

static void exchange(int fd, char letter, int depth, int record) {
    char requests[64];
    memset(requests, letter, sizeof requests);
    if (write(fd, requests, (size_t)depth) != depth) exit(1);
    for (int lasts = 0; lasts < depth;) {
        struct message m;
        uint64_t at = receive(fd, &m);
        lasts += m.last;
        if (record && !at) {
            fprintf(stderr, "never_worse_observer: the kernel gave no receive timestamp\n");
            exit(1);
        }
        if (record) printf("%lld\n", (long long)(at - m.stamp));
    }
}

int main(int count, char **arguments) {
    if (count != 8) return 2;
    int port = atoi(arguments[1]), second_port = atoi(arguments[2]), training = atoi(arguments[3]), exchanges = atoi(arguments[4]);
    const char *cycle = arguments[5];
    int depth = atoi(arguments[6]), reconnect = atoi(arguments[7]), second = -1;
    struct sched_param priority = {.sched_priority = 10};
    sched_setscheduler(0, SCHED_RR, &priority); // needs a privilege; without it the numbers are only noisier
    int one = 1, keep = socket(AF_INET, SOCK_DGRAM, 0); // keeps the kernel's timestamps on while connections come and go
    setsockopt(keep, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    usleep(50000); // the kernel turns them on a little later
    int fd = dial(port);
    if (strchr(cycle, 'S')) second = dial(second_port);
    for (int i = 0; i < training; i++) exchange(fd, 'T', 1, 0);
    for (int i = 0; i < exchanges; i++) {
        char letter = cycle[(size_t)i % strlen(cycle)];
        if (reconnect) {
            close(fd);
            fd = dial(port);
        }
        exchange(letter == 'S' ? second : fd, letter, depth, 1);
    }
    return 0;
}
