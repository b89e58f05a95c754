// A byte stream of random pieces through every sending call, with random waits between, hashed at both ends, in both
// directions at once; bursts long and short, so that whatever is learned is proved wrong again and again.
// Hazard: any byte lost, doubled or out of order.
#include "hazard.h"
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>

enum { POOL = 1 << 18 };
static char pool[POOL];
static int file;

struct side { int fd; uint64_t seed; uint64_t sent_hash, sent, got_hash, got; long calls, failed; int stdio; };

static long send_piece(int way, int fd, size_t at, size_t length, int pipes[2]) {
    struct iovec iov[4];
    size_t quarter = length / 4;
    for (int i = 0; i < 4; i++) iov[i] = (struct iovec){pool + at + (size_t)i * quarter, i < 3 ? quarter : length - 3 * quarter};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 4};
    struct mmsghdr many[2] = {{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 2}}, {.msg_hdr = {.msg_iov = iov + 2, .msg_iovlen = 2}}};
    off_t offset = (off_t)at;
    switch (way) {
    case 0: return write(fd, pool + at, length);
    case 1: return writev(fd, iov, 4);
    case 2: return send(fd, pool + at, length, 0);
    case 3: return sendto(fd, pool + at, length, 0, NULL, 0);
    case 4: return sendmsg(fd, &message, 0);
    case 5: {
        int sent = sendmmsg(fd, many, 2, 0);
        return sent < 0 ? -1 : (long)many[0].msg_len + (sent > 1 ? (long)many[1].msg_len : 0);
    }
    case 6: return sendfile(fd, file, &offset, length);
    case 7: {
        if (length > 4000) length = 4000;
        long put = write(pipes[1], pool + at, length), gone = 0;
        while (gone < put) {
            long n = splice(pipes[0], NULL, fd, NULL, (size_t)(put - gone), gone % 2 ? SPLICE_F_MORE : 0);
            if (n <= 0) return -1;
            gone += n;
        }
        return gone;
    }
    case 8: return send(fd, pool + at, length, MSG_MORE);
    case 9: return pwritev2(fd, iov, 4, -1, 0);
    case 10: return send(fd, pool + at, length, MSG_DONTWAIT);
    default: return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_MORE);
    }
}

static void *sender(void *argument) {
    struct side *s = argument;
    uint64_t state = s->seed;
    int pipes[2];
    MUST(pipe(pipes));
    s->sent_hash = HASH_START;
    for (int burst = 0; burst < 250; burst++) {
        int pieces = 1 + (int)(random_next(&state) % 3);
        if (burst % 50 == 49) pieces = 40;
        int steady = burst / 60 % 2; // long stretches of the same shape, then none
        if (steady) pieces = 2;
        for (int i = 0; i < pieces; i++) {
            int way = steady ? i * 6 : (int)(random_next(&state) % 12);
            size_t length = 1 + random_next(&state) % (random_next(&state) % 8 == 0 ? 60000 : 300), at = random_next(&state) % (POOL - 70000);
            long put = send_piece(way, s->fd, at, length, pipes);
            if (put < 0) {
                if (errno != EAGAIN) s->failed++;
                continue;
            }
            s->sent_hash = hash_bytes(s->sent_hash, pool + at, (size_t)put);
            s->sent += (uint64_t)put;
            s->calls++;
        }
        switch (random_next(&state) % 12) {
        case 0: pause_ms(2); break;
        case 1: usleep(300); break;
        case 2: sched_yield(); break;
        case 3: { struct pollfd p = {s->fd, POLLPRI, 0}; poll(&p, 1, 1); break; }
        case 4: { int copy = dup(s->fd); close(copy); break; }
        case 5: { double end = now() + 0.0015; while (now() < end) {} break; }
        case 6: { int on = 1; setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on); break; }
        case 7: { int off = 0; setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off); break; }
        default: break;
        }
    }
    shutdown(s->fd, SHUT_WR);
    close(pipes[0]), close(pipes[1]);
    return NULL;
}

static void *receiver(void *argument) {
    struct side *s = argument;
    static __thread char buffer[50000];
    uint64_t state = s->seed ^ 0xabcdef;
    int epoll = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event));
    s->got_hash = HASH_START;
    for (;;) {
        ssize_t got = 0;
        size_t room = 1 + random_next(&state) % sizeof buffer;
        struct iovec iov[2] = {{buffer, room / 2}, {buffer + room / 2, room - room / 2}};
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
        struct pollfd p = {s->fd, POLLIN, 0};
        fd_set set;
        switch (random_next(&state) % 8) {
        case 0: got = read(s->fd, buffer, room); break;
        case 1: got = readv(s->fd, iov, 2); break;
        case 2: got = recv(s->fd, buffer, room, 0); break;
        case 3: got = recvmsg(s->fd, &message, 0); break;
        case 4: poll(&p, 1, -1); got = recvfrom(s->fd, buffer, room, 0, NULL, NULL); break;
        case 5: FD_ZERO(&set); FD_SET(s->fd, &set); select(s->fd + 1, &set, NULL, NULL, NULL); got = read(s->fd, buffer, room); break;
        case 6: epoll_wait(epoll, &event, 1, -1); got = read(s->fd, buffer, room); break;
        case 7: recv(s->fd, buffer, room, MSG_PEEK); got = recv(s->fd, buffer, room, MSG_DONTWAIT); break;
        }
        if (got < 0 && errno != EAGAIN) { s->failed++; break; }
        if (got < 0) continue;
        if (got == 0) break;
        s->got_hash = hash_bytes(s->got_hash, buffer, (size_t)got);
        s->got += (uint64_t)got;
    }
    close(epoll);
    return NULL;
}

int main(void) {
    begin(60);
    uint64_t state = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < POOL; i++) pool[i] = (char)random_next(&state);
    file = MUST(memfd_create("pool", 0));
    write_fully(file, pool, POOL);
    for (int round = 0; round < 4; round++) {
        int pair[2];
        tcp_pair(pair);
        if (round % 2) teach(pair[0], pair[1], 10), teach(pair[1], pair[0], 10);
        struct side sides[2] = {{.fd = pair[0], .seed = 11 + (uint64_t)round}, {.fd = pair[1], .seed = 1000 + (uint64_t)round}};
        pthread_t threads[4];
        for (int i = 0; i < 2; i++) {
            pthread_create(&threads[i * 2], NULL, sender, &sides[i]);
            pthread_create(&threads[i * 2 + 1], NULL, receiver, &sides[i]);
        }
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        for (int i = 0; i < 2; i++)
            printf("round %d side %d: failed %ld, bytes %s, hash %s\n", round, i, sides[i].failed, sides[i].sent == sides[!i].got ? "all" : "not all",
                   sides[i].sent_hash == sides[!i].got_hash ? "equal" : "different");
        close(pair[0]), close(pair[1]);
    }
    return 0;
}
