// Threads that close and reuse the same few descriptor numbers as sockets, files, pipes and datagram sockets, all at once.
//
//   thread 1:  tcp 5 write write close | file 5 write write close | udp 6 ...
//   thread 2:       pipe 6 write ...   |        tcp 5 ...
//
// Hazard: what is remembered about a number belongs to the object that another thread has just closed.
#include "hazard.h"

static volatile long wrong;
static void expect(long got, long wanted) {
    if (got != wanted) __sync_fetch_and_add(&wrong, 1);
}

static void *worker(void *argument) {
    uint64_t state = 88172645463325252ull + (uint64_t)(long)argument * 7919;
    char text[64];
    for (int i = 0; i < 700; i++) {
        int pair[2] = {-1, -1}, datagrams = 0, kind = (int)(random_next(&state) % 6);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof address;
        switch (kind) {
        case 0:
        case 1: tcp_pair(pair); break;
        case 2: {
            int ends[2];
            expect(pipe(ends), 0);
            pair[0] = ends[1], pair[1] = ends[0];
            break;
        }
        case 3:
            pair[1] = MUST(socket(AF_INET, SOCK_DGRAM, 0));
            MUST(bind(pair[1], (struct sockaddr *)&address, size));
            getsockname(pair[1], (struct sockaddr *)&address, &size);
            pair[0] = MUST(socket(AF_INET, SOCK_DGRAM, 0));
            MUST(connect(pair[0], (struct sockaddr *)&address, size));
            datagrams = 1;
            break;
        case 4: MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair)); datagrams = 1; break;
        case 5: pair[0] = MUST(memfd_create("hazard", 0)); break;
        }
        if (kind == 0) teach(pair[0], pair[1], 7);
        for (int round = 0; round < 3; round++) {
            expect(write(pair[0], "head", 4), 4);
            struct iovec iov[2] = {{"bo", 2}, {"dy", 2}};
            expect(writev(pair[0], iov, 2), 4);
            if (kind == 5) {
                expect(pread(pair[0], text, 8, round * 8), 8);
                expect(memcmp(text, "headbody", 8), 0);
            } else if (datagrams) {
                expect(read(pair[1], text, sizeof text), 4);
                expect(read(pair[1], text, sizeof text), 4);
                expect(memcmp(text, "body", 4), 0);
            } else {
                int one = 1;
                if (kind < 2) setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
                expect((long)read_fully(pair[1], text, 8), 8);
                expect(memcmp(text, "headbody", 8), 0);
            }
        }
        int copy = dup(pair[0]);
        if (i % 3 == 0) syscall(SYS_close, pair[0]);
        else expect(close(pair[0]), 0);
        if (kind < 2) expect(write(copy, "tail", 4), 4), expect((long)read_fully(pair[1], text, 4), 4);
        expect(close(copy), 0);
        if (pair[1] >= 0) expect(close(pair[1]), 0);
    }
    return NULL;
}

int main(void) {
    begin(60);
    pthread_t threads[4];
    for (long i = 0; i < COUNT(threads); i++) pthread_create(&threads[i], NULL, worker, (void *)i);
    for (int i = 0; i < COUNT(threads); i++) pthread_join(threads[i], NULL);
    printf("wrong results %ld\n", wrong);
    return 0;
}
