// Partial and refused writes: non-blocking sockets filled by every call, SO_SNDTIMEO, MSG_DONTWAIT; every byte accounted for.
// Hazard: a retry or an added flag changes how much a call takes; EAGAIN from a held socket; lost or doubled bytes.
#include "hazard.h"
#include <sys/sendfile.h>

struct reader { int fd; uint64_t hash, total; };

static void *reader(void *argument) { // slow, so that the writer meets a full socket again and again
    struct reader *r = argument;
    static char buffer[30000];
    ssize_t got;
    r->hash = HASH_START;
    while ((got = read(r->fd, buffer, sizeof buffer)) > 0) {
        r->hash = hash_bytes(r->hash, buffer, (size_t)got);
        r->total += (uint64_t)got;
        if (r->total % 3 == 0) usleep(100);
    }
    return NULL;
}

static char data[1 << 16];

static ssize_t one(int way, int fd, int file, const char *from, size_t length) {
    struct iovec iov[3] = {{(void *)from, length / 3}, {(void *)(from + length / 3), length / 3}, {(void *)(from + 2 * (length / 3)), length - 2 * (length / 3)}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
    struct mmsghdr many = {.msg_hdr = message};
    off_t offset = from - data;
    switch (way) {
    case 0: return write(fd, from, length);
    case 1: return writev(fd, iov, 3);
    case 2: return send(fd, from, length, 0);
    case 3: return sendmsg(fd, &message, 0);
    case 4: return sendmmsg(fd, &many, 1, 0) == 1 ? (ssize_t)many.msg_len : -1;
    case 5: return sendfile(fd, file, &offset, length);
    case 6: return send(fd, from, length, MSG_DONTWAIT);
    default: return pwritev2(fd, iov, 3, -1, 0);
    }
}

int main(void) {
    begin(60);
    uint64_t state = 2463534242ull;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)random_next(&state);
    int file = MUST(memfd_create("data", 0));
    write_fully(file, data, sizeof data);
    static const char *names[] = {"write", "writev", "send", "sendmsg", "sendmmsg", "sendfile", "send MSG_DONTWAIT", "pwritev2"};
    for (int way = 0; way < COUNT(names); way++) {
        int pair[2], partial = 0, refused = 0, other = 0;
        tcp_pair(pair);
        teach(pair[0], pair[1], 8);
        int small = 20000, window = 200000; // a send buffer that fills at once, a window that never gets silly
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
        if (way != 6) fcntl(pair[0], F_SETFL, O_NONBLOCK);
        struct reader r = {pair[1], 0, 0};
        pthread_t thread;
        pthread_create(&thread, NULL, reader, &r);
        uint64_t hash = HASH_START, total = 0;
        while (total < 1000000) {
            size_t begin_at = random_next(&state) % 20000, length = 1 + random_next(&state) % 40000;
            ssize_t put = one(way, pair[0], file, data + begin_at, length);
            if (put > 0) {
                hash = hash_bytes(hash, data + begin_at, (size_t)put);
                total += (uint64_t)put;
                if ((size_t)put < length) partial++;
            } else if (put < 0 && errno == EAGAIN) {
                refused++;
                struct pollfd p = {pair[0], POLLOUT, 0};
                poll(&p, 1, 1000);
            } else {
                other++;
            }
        }
        close(pair[0]);
        pthread_join(thread, NULL);
        close(pair[1]);
        printf("%s: %s, other errors %d, bytes %s, hash %s\n", names[way], partial + refused ? "full at times" : "never full", other,
               r.total == total ? "all" : "not all", r.hash == hash ? "equal" : "different");
    }
    int pair[2];
    tcp_pair(pair);
    fill(pair[0], pair[1]);
    struct timeval timeout = {0, 50000};
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    SHOW(write(pair[0], data, 100));
    SHOW(send(pair[0], data, 100, 0));
    SHOW(send(pair[0], data, 100, MSG_DONTWAIT));
    char byte;
    SHOW(read(pair[0], &byte, 1));
    SHOW(recv(pair[0], &byte, 1, MSG_WAITALL));
    SHOW(recv(pair[0], &byte, 1, MSG_DONTWAIT));
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 1);
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    SHOW(accept(listener, NULL, NULL));
    return 0;
}
