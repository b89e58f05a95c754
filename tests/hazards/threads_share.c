// Several threads around one socket: what one holds, another must not have to wait for.
//
//   thread A:  write(half a burst) | computes ............
//   thread B:        blocks in read, poll, accept, close of another socket; or writes the rest; or shuts down, closes, dups
//
// Hazard: a release that belongs to a thread is lost when another thread acts on the socket; torn state under contention.
#include "hazard.h"
#include <sys/epoll.h>

static int pair[2];
static volatile int phase;

static void compute(int ms) {
    double end = now() + ms / 1000.0;
    while (now() < end) {}
}

static void *writer(void *unused) {
    (void)unused;
    write(pair[0], "half", 4);
    phase = 1;
    compute(90);
    phase = 2;
    return NULL;
}

static double arrived;
static void *peer(void *unused) {
    (void)unused;
    char text[8];
    read_fully(pair[1], text, 4);
    arrived = now();
    return NULL;
}

static const char *ways[] = {"nothing", "the other writes the rest", "the other shuts down", "the other closes", "the other closes a duplicate",
                             "the other dups over it", "the other sends the fd away"};

static void act(int way) {
    int over[2], null;
    switch (way) {
    case 1: write(pair[0], "rest", 4); break;
    case 2: shutdown(pair[0], SHUT_WR); break;
    case 3: close(pair[0]); break;
    case 4: close(dup(pair[0])); break;
    case 5: null = open("/dev/null", O_WRONLY); dup2(null, pair[0]); close(null); break;
    case 6: {
        char control[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec iov = {"x", 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        socketpair(AF_UNIX, SOCK_STREAM, 0, over);
        h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &pair[0], sizeof(int));
        sendmsg(over[0], &message, 0);
        close(over[0]), close(over[1]);
        break;
    }
    }
}

static void late(void) {
    for (int way = 0; way < COUNT(ways); way++) {
        int slow = 0;
        for (int round = 0; round < 3; round++) {
            int ends = way == 2 || way == 3 || way == 5; // the connection is gone after this
            if (round == 0 || ends) {
                tcp_pair(pair);
                teach(pair[0], pair[1], 15);
            }
            int one = 1;
            setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
            pthread_t threads[2];
            phase = 0;
            pthread_create(&threads[1], NULL, peer, NULL);
            pthread_create(&threads[0], NULL, writer, NULL);
            while (phase == 0) sched_yield();
            double acted = now();
            int in_time = phase == 1; // on a busy machine the writer may have gone on already
            if (in_time) act(way);
            pthread_join(threads[0], NULL);
            pthread_join(threads[1], NULL);
            if (arrived - acted > 0.15) slow++; // a retransmission timeout: nobody released it
            char text[64];
            if (!ends) {
                if (way == 1 && in_time) read_fully(pair[1], text, 4);
                write(pair[1], "r", 1);
                read(pair[0], text, 1);
            } else if (way != 3 || !in_time) {
                close(pair[0]);
            }
            if (ends) close(pair[1]);
        }
        printf("%s: late more than once %d\n", ways[way], slow > 1);
    }
}

// Four writers and two readers on one socket: each message whole, each writer's own order kept.
struct piece { unsigned char writer, length; unsigned short number; };
static void *many_writer(void *argument) {
    unsigned char buffer[sizeof(struct piece) + 40];
    for (int i = 0; i < 1500; i++) {
        struct piece p = {(unsigned char)(long)argument, (unsigned char)(i % 40), (unsigned short)i};
        memcpy(buffer, &p, sizeof p);
        memset(buffer + sizeof p, p.writer, sizeof buffer - sizeof p);
        struct iovec iov = {buffer, sizeof p + p.length};
        if (i % 3 == 0) write(pair[0], buffer, sizeof p + p.length);
        else if (i % 3 == 1) writev(pair[0], &iov, 1);
        else send(pair[0], buffer, sizeof p + p.length, 0);
        if (i % 64 == 0) { struct pollfd q = {pair[0], POLLIN, 0}; poll(&q, 1, 1); }
    }
    return NULL;
}

int main(void) {
    begin(50);
    signal(SIGPIPE, SIG_IGN);
    late();
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    pthread_t threads[4];
    for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, many_writer, (void *)i);
    int next[4] = {0}, wrong = 0;
    for (int i = 0; i < 6000; i++) {
        struct piece p;
        unsigned char text[64];
        if (read_fully(pair[1], &p, sizeof p) != sizeof p || p.writer > 3 || p.length > 40) {
            wrong++;
            break;
        }
        wrong += p.number != next[p.writer]++;
        wrong += read_fully(pair[1], text, p.length) != p.length;
        for (int k = 0; k < p.length; k++) wrong += text[k] != p.writer;
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("torn or out of order %d\n", wrong);
    SHOW(recv(pair[1], &wrong, 1, MSG_DONTWAIT));
    return 0;
}
