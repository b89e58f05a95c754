// What the kernel says of data that was sent, in the socket's error queue: a time stamp of each call (SO_TIMESTAMPING, asked for
// before and after bursts were learned, on the listener, and with each message), and the completion of each call with MSG_ZEROCOPY.
// Hazard: two calls that are merged get one stamp, and a program that waits for the second waits for ever; a completion that
// waits with its data, or comes out of order.
#include "hazard.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#define MSG_ZEROCOPY 0x4000000
#endif

// Reads what is said of this many calls; gives up when nothing has come for a while.
static void drain(int fd, const char *what, int expected) {
    char control[512], data[4096];
    int count = 0;
    while (count < expected) {
        struct iovec part = {data, sizeof data};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0) {
            struct pollfd p = {fd, 0, 0}; // POLLERR needs no asking
            if (poll(&p, 1, 1000) != 1) break;
            continue;
        }
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
            if (h->cmsg_level != SOL_IP || h->cmsg_type != IP_RECVERR) continue;
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(h), sizeof error);
            int copies = error.ee_origin == SO_EE_ORIGIN_ZEROCOPY;
            count += copies ? (int)(error.ee_data - error.ee_info) + 1 : 1;
            if (!copies) printf("  %s: byte %u\n", what, error.ee_data);
        }
    }
    printf("%s: %d of %d\n", what, count, expected);
}

static void exchange(int pair[2], const char *what, int expected) {
    char text[8], reply = 'r';
    int one = 1;
    for (int i = 0; i < 3; i++) {
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        write_fully(pair[0], "head", 4);
        write_fully(pair[0], "body", 4);
        read_fully(pair[1], text, 8);
        write_fully(pair[1], &reply, 1);
        if (read(pair[0], &reply, 1) != 1) printf("no reply\n");
        drain(pair[0], what, expected);
    }
}

static void by_message(int fd, const char *text) {
    char control[CMSG_SPACE(sizeof(int))] = {0};
    int wanted = SOF_TIMESTAMPING_TX_SOFTWARE;
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *h = CMSG_FIRSTHDR(&message);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SO_TIMESTAMPING, h->cmsg_len = CMSG_LEN(sizeof wanted);
    memcpy(CMSG_DATA(h), &wanted, sizeof wanted);
    SHOW(sendmsg(fd, &message, 0));
}

int main(void) {
    begin(30);
    int pair[2], one = 1;
    int reports = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
    int each = reports | SOF_TIMESTAMPING_TX_SOFTWARE;
    char text[8192] = {0}, reply = 'r';

    tcp_pair(pair);
    teach(pair[0], pair[1], 20);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TIMESTAMPING, &each, sizeof each));
    exchange(pair, "asked for late", 2);
    close(pair[0]), close(pair[1]);

    struct sockaddr_in address;
    int listener = tcp_listen(&address, 8);
    each &= ~SOF_TIMESTAMPING_OPT_ID; // not before there is a connection, whose bytes are counted
    SHOW(setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPING, &each, sizeof each));
    pair[1] = tcp_dial(&address);
    pair[0] = MUST(accept(listener, NULL, NULL));
    // Learned on another connection of the service, which gets no stamps.
    int other[2] = {-1, tcp_dial(&address)}, none = 0;
    other[0] = MUST(accept(listener, NULL, NULL));
    setsockopt(other[0], SOL_SOCKET, SO_TIMESTAMPING, &none, sizeof none);
    teach(other[0], other[1], 20);
    exchange(pair, "inherited", 2);
    setsockopt(other[0], SOL_SOCKET, SO_TIMESTAMPING, &each, sizeof each);
    write(other[0], "held?", 5);
    SHOW(setsockopt(other[0], SOL_SOCKET, SO_TIMESTAMPING, &each, sizeof each));
    printf("arrives %d\n", arrives(other[1], 100));
    close(pair[0]), close(pair[1]), close(other[0]), close(other[1]), close(listener);

    tcp_pair(pair);
    teach(pair[0], pair[1], 20);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_TIMESTAMPING, &reports, sizeof reports));
    for (int i = 0; i < 3; i++) {
        by_message(pair[0], "head");
        by_message(pair[0], "body");
        read_fully(pair[1], text, 8);
        write(pair[1], &reply, 1);
        read(pair[0], &reply, 1);
        drain(pair[0], "by message", 2);
    }
    close(pair[0]), close(pair[1]);

    tcp_pair(pair);
    teach(pair[0], pair[1], 20);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one));
    for (int i = 0; i < 4; i++) {
        int calls = i % 2 + 1, length = 4;
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        write(pair[0], "head", 4);
        for (int k = 0; k < calls; k++) {
            SHOW(send(pair[0], text, 2000, MSG_ZEROCOPY));
            length += 2000;
        }
        write(pair[0], "tail", 4);
        printf("%zu bytes\n", read_fully(pair[1], text, (size_t)length + 4));
        drain(pair[0], "zero copy", calls);
        write(pair[1], &reply, 1);
        read(pair[0], &reply, 1);
        teach(pair[0], pair[1], 10);
    }
    return 0;
}
