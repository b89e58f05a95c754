// The time at which the kernel is to send (SO_TXTIME, SCM_TXTIME with each message), on datagrams and on a connection, by sendmsg and
// sendmmsg; a stamp of each datagram, and the completion of each with MSG_ZEROCOPY; several datagrams in one call (UDP_SEGMENT).
// Hazard: datagrams that are held or merged, control data that is lost or comes with the wrong call, and a header that stays
// behind because the call after it was refused for its control data.
#include "hazard.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#ifndef SO_TXTIME
#define SO_TXTIME 61
#define SCM_TXTIME SO_TXTIME
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static struct sock_txtime txtime = {.clockid = CLOCK_MONOTONIC, .flags = SOF_TXTIME_REPORT_ERRORS};

static uint64_t nanoseconds(int ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + (uint64_t)ms * 1000000u;
}

// A message with control data of this kind.
struct parcel {
    struct msghdr message;
    struct iovec part;
    char control[64];
};

static void pack(struct parcel *p, const void *data, size_t length, int level, int type, const void *value, size_t size) {
    memset(p, 0, sizeof *p);
    p->part = (struct iovec){(void *)data, length};
    p->message = (struct msghdr){.msg_iov = &p->part, .msg_iovlen = 1, .msg_control = p->control, .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&p->message);
    h->cmsg_level = level, h->cmsg_type = type, h->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(h), value, size);
}

static void at(struct parcel *p, const char *text, int ms) {
    uint64_t when = nanoseconds(ms);
    pack(p, text, strlen(text), SOL_SOCKET, SCM_TXTIME, &when, sizeof when);
}

// pair[0] sends to pair[1]. The number of pair[0] was a connection's before, on which bursts were learned.
static void datagrams(int pair[2], int family) {
    struct sockaddr_in6 address = {.sin6_family = (sa_family_t)family};
    socklen_t size = sizeof address;
    int before[2];
    tcp_pair(before);
    int lower = MUST(open("/dev/null", O_RDONLY));
    teach(before[0], before[1], 20);
    close(before[0]);
    pair[0] = MUST(socket(family, SOCK_DGRAM, 0));
    printf("the same number %d\n", pair[0] == before[0]);
    close(before[1]), close(lower);
    pair[1] = MUST(socket(family, SOCK_DGRAM, 0));
    if (family == AF_INET) ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else address.sin6_addr = in6addr_loopback;
    MUST(bind(pair[1], (struct sockaddr *)&address, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof address));
    MUST(getsockname(pair[1], (struct sockaddr *)&address, &size));
    MUST(connect(pair[0], (struct sockaddr *)&address, size));
}

// Each datagram that has come.
static void collect(int fd, const char *what) {
    static char text[70000];
    int count = 0;
    uint64_t hash = HASH_START;
    while (arrives(fd, 20)) {
        ssize_t got = recv(fd, text, sizeof text, 0);
        hash = hash_bytes(hash, &got, sizeof got);
        hash = hash_bytes(hash, text, got > 0 ? (size_t)got : 0);
        count++;
    }
    printf("%s: %d datagrams, %016llx\n", what, count, (unsigned long long)hash);
}

// What the error queue says, until nothing has come for a while.
static void errors(int fd, const char *what) {
    char data[4096];
    union { char bytes[512]; struct cmsghdr first; } control;
    for (;;) {
        struct iovec part = {data, sizeof data};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(fd, &message, MSG_ERRQUEUE);
        if (got < 0) {
            struct pollfd p = {fd, 0, 0}; // POLLERR needs no asking
            if (poll(&p, 1, 100) == 1) continue;
            break;
        }
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
            if (!(h->cmsg_level == SOL_IP && h->cmsg_type == IP_RECVERR || h->cmsg_level == SOL_IPV6 && h->cmsg_type == 25)) continue;
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(h), sizeof error);
            printf("  %s: origin %d, code %d, %u to %u, %zd bytes\n", what, error.ee_origin, error.ee_code, error.ee_info, error.ee_data, got);
        }
    }
}

static void timed_datagrams(int family) {
    int pair[2];
    struct parcel p, q;
    struct sock_txtime read = {0};
    socklen_t size = sizeof read;
    datagrams(pair, family);
    at(&p, "not asked for", 0);
    SHOW(sendmsg(pair[0], &p.message, 0));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TXTIME, &txtime, sizeof txtime));
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_TXTIME, &read, &size));
    printf("  clock %d, flags %u, %u bytes\n", (int)read.clockid, read.flags, size);
    for (int i = 0; i < 3; i++) {
        at(&p, "one", 0), at(&q, "three", -5);
        SHOW(sendmsg(pair[0], &p.message, 0));
        SHOW(write(pair[0], "two", 3));
        SHOW(sendmsg(pair[0], &q.message, 0));
        SHOW(send(pair[0], "", 0, 0));
        collect(pair[1], "at a time");
    }
    struct mmsghdr both[3] = {{p.message}, {q.message}, {p.message}};
    SHOW(sendmmsg(pair[0], both, 3, 0));
    printf("  %u %u %u\n", both[0].msg_len, both[1].msg_len, both[2].msg_len);
    // The second is refused: its control data is too short.
    CMSG_FIRSTHDR(&q.message)->cmsg_len = CMSG_LEN(4);
    both[0].msg_hdr = p.message, both[1].msg_hdr = q.message;
    SHOW(sendmmsg(pair[0], both, 3, 0));
    SHOW(sendmsg(pair[0], &q.message, 0));
    collect(pair[1], "by sendmmsg");
    // Sent at once, unless the device's queue minds the time (fq).
    at(&p, "later", 100);
    SHOW(sendmsg(pair[0], &p.message, 0));
    printf("  at once %d\n", arrives(pair[1], 20));
    printf("  at all %d\n", arrives(pair[1], 2000));
    // The program's own cork: one datagram, at the time that came with its first part.
    at(&p, "corked ", 0), at(&q, "together", 0);
    SHOW(sendmsg(pair[0], &p.message, MSG_MORE));
    SHOW(sendmsg(pair[0], &q.message, 0));
    collect(pair[1], "corked");
    errors(pair[0], "at a time");
    close(pair[0]), close(pair[1]);
}

// A connection takes the time, and sends at once where nothing waits for it.
static void timed_connection(void) {
    int pair[2], one = 1;
    struct parcel p, q;
    char text[64] = {0}, reply = 'r';
    tcp_pair(pair);
    teach(pair[0], pair[1], 20);
    for (int asked = 0; asked < 2; asked++) {
        if (asked) SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TXTIME, &txtime, sizeof txtime));
        for (int i = 0; i < 6; i++) {
            int late, length = 0;
            setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
            at(&p, "head ", 0), at(&q, "tail ", -5);
            if (i == 4) CMSG_FIRSTHDR(&q.message)->cmsg_len = CMSG_LEN(4);
            struct mmsghdr both[2] = {{p.message}, {q.message}};
            double start = now();
            // What is refused comes after a header that is held.
            length += (int)write(pair[0], "first ", 6);
            errno = ERRNO_MARK;
            int sent = i % 3 == 2 ? sendmmsg(pair[0], both, 2, 0) : (int)sendmsg(pair[0], &q.message, 0);
            report("  with a time", sent, errno);
            if (i % 3 == 2) length += sent > 0 ? (int)both[0].msg_len : 0, length += sent > 1 ? (int)both[1].msg_len : 0;
            else length += sent > 0 ? sent : 0;
            if (i % 2) length += (int)write(pair[0], "last", 4);
            size_t got = read_fully(pair[1], text, (size_t)length);
            late = now() - start > 0.15; // a retransmission timeout
            printf("  %.*s, late %d\n", (int)got, text, late);
            write(pair[1], &reply, 1);
            read(pair[0], &reply, 1);
            teach(pair[0], pair[1], 10);
        }
    }
    errors(pair[0], "connection");
    close(pair[0]), close(pair[1]);
}

static void stamped(int family) {
    int pair[2], kinds = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
    struct parcel p;
    datagrams(pair, family);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TXTIME, &txtime, sizeof txtime));
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TIMESTAMPING, &kinds, sizeof kinds));
    for (int i = 0; i < 3; i++) {
        SHOW(write(pair[0], "head", 4));
        at(&p, "body", 0);
        SHOW(sendmsg(pair[0], &p.message, 0));
        struct mmsghdr both[2] = {{p.message}, {p.message}};
        SHOW(sendmmsg(pair[0], both, 2, 0));
        collect(pair[1], "stamped");
        errors(pair[0], "stamped");
    }
    close(pair[0]), close(pair[1]);
}

static void not_copied(int family) {
    static char big[8000];
    int pair[2], one = 1;
    uint16_t segment = 1000;
    struct parcel p;
    datagrams(pair, family);
    SHOW(send(pair[0], big, 2000, MSG_ZEROCOPY)); // not asked for: without a completion
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one));
    for (int i = 0; i < 3; i++) {
        SHOW(write(pair[0], "head", 4));
        SHOW(send(pair[0], big, 2000, MSG_ZEROCOPY));
        SHOW(send(pair[0], big, 3, MSG_ZEROCOPY));
        struct iovec parts[2] = {{big, 1500}, {big, 500}};
        struct mmsghdr both[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
        SHOW(sendmmsg(pair[0], both, 2, MSG_ZEROCOPY));
        // Eight datagrams by one call.
        pack(&p, big, sizeof big, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
        SHOW(sendmsg(pair[0], &p.message, MSG_ZEROCOPY));
        collect(pair[1], "not copied");
        errors(pair[0], "not copied");
    }
    close(pair[0]), close(pair[1]);
}

int main(void) {
    begin(60);
    for (int family = 0; family < 2; family++) {
        int number = family ? AF_INET6 : AF_INET, works = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
        struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        int bound = bind(works, (struct sockaddr *)&loopback, sizeof loopback);
        close(works);
        if (family && bound) break; // no IPv6 here
        timed_datagrams(number);
        stamped(number);
        not_copied(number);
    }
    timed_connection();
    return 0;
}
