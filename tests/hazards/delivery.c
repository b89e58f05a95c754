// When do bytes reach the peer after bursts have been learned and the program then does something else? Each case is one
// way of writing once and not going on; the peer must not wait for a retransmission timeout (200 ms and more), except for
// the first time, which nothing can foresee.
// Hazard: holding blind, or holding on after having been wrong.
#include "hazard.h"
#include <semaphore.h>

static int pair[2], other[2];
static sem_t go, done;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

struct peer { int fd; double arrived; size_t wanted; };
static void *peer_reads(void *argument) {
    struct peer *p = argument;
    char text[64];
    read_fully(p->fd, text, 4);
    p->arrived = now();
    read_fully(p->fd, text, p->wanted - 4);
    return NULL;
}

static void *second_writer(void *unused) {
    (void)unused;
    sem_wait(&go);
    write(pair[0], "body", 4);
    sem_post(&done);
    return NULL;
}

static void compute(int ms) {
    double end = now() + ms / 1000.0;
    while (now() < end) {}
}

static const char *names[] = {"compute", "sleep", "condition variable", "another thread writes", "subprocess", "write to another socket and read",
                              "poll another socket", "fork, the child waits", "lingering close elsewhere", "dup and close", "futex by semaphore",
                              "read a file, then compute", "wait for a child", "file lock", "a thread writes and ends"};

static void *first_writer(void *unused) { (void)unused; write(pair[0], "head", 4); return NULL; }

static size_t act(int way) { // writes "head", then does not go on with "body" at once; says how many bytes there will be
    pthread_t thread;
    struct timespec soon;
    char text[16];
    if (way == 3) pthread_create(&thread, NULL, second_writer, NULL);
    if (way == 14) pthread_create(&thread, NULL, first_writer, NULL);
    else write(pair[0], "head", 4);
    switch (way) {
    case 0: compute(90); return 4;
    case 1: pause_ms(90); return 4;
    case 2:
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 90000000;
        if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
        pthread_mutex_lock(&mutex);
        while (turn == 0 && pthread_cond_timedwait(&condition, &mutex, &soon) == 0) {}
        pthread_mutex_unlock(&mutex);
        return 4;
    case 3: compute(90); sem_post(&go); sem_wait(&done); pthread_join(thread, NULL); return 8;
    case 4: system("sleep 0.09"); return 4;
    case 5: write(other[0], "ping", 4); compute(50); pause_ms(40); return 4;
    case 6: { struct pollfd p = {other[0], POLLIN, 0}; poll(&p, 1, 90); return 4; }
    case 7: { pid_t child = fork(); if (child == 0) { pause_ms(90); _exit(0); } waitpid(child, NULL, 0); return 4; }
    case 8: { struct linger wait = {1, 2}; int p[2]; tcp_pair(p); setsockopt(p[0], SOL_SOCKET, SO_LINGER, &wait, sizeof wait); close(p[0]); close(p[1]); compute(90); return 4; }
    case 9: close(dup(pair[0])); compute(90); return 4;
    case 10: clock_gettime(CLOCK_REALTIME, &soon); soon.tv_nsec += 90000000; if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000; sem_timedwait(&done, &soon); return 4;
    case 11: { int f = open("/proc/self/cmdline", O_RDONLY); read(f, text, 8); close(f); compute(90); return 4; }
    case 12: { pid_t child = fork(); if (child == 0) { compute(90); _exit(0); } waitpid(child, NULL, 0); return 4; }
    case 13: { int f = memfd_create("lock", 0); struct flock l = {.l_type = F_WRLCK}; fcntl(f, F_SETLKW, &l); close(f); compute(90); return 4; }
    case 14: pthread_join(thread, NULL); compute(90); return 4;
    }
    return 4;
}

int main(void) {
    begin(50);
    sem_init(&go, 0, 0);
    sem_init(&done, 0, 0);
    tcp_pair(other);
    for (int way = 0; way < COUNT(names); way++) {
        int late = 0;
        tcp_pair(pair);
        teach(pair[0], pair[1], 15);
        for (int round = 0; round < 3; round++) {
            int one = 1;
            setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
            struct peer peer = {pair[1], 0, way == 3 ? 8 : 4};
            pthread_t thread;
            pthread_create(&thread, NULL, peer_reads, &peer);
            double start = now();
            if (act(way) != peer.wanted) printf("wrong case\n");
            pthread_join(thread, NULL);
            if (peer.arrived - start > 0.06) late++;
            char reply = 'r';
            write(pair[1], &reply, 1);
            if (read(pair[0], &reply, 1) != 1) printf("no reply\n");
            if (way == 5) { char text[4]; read_fully(other[1], text, 4); }
        }
        printf("%s: late more than once %d\n", names[way], late > 1);
        close(pair[0]), close(pair[1]);
    }
    return 0;
}
