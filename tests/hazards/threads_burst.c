// Two threads that make a burst together: one of them then waits for the answer, the other computes.
//
//   thread A:  write ... write                                             | waits, or computes
//   thread B:                  write, or of nothing, or by a second number | computes, or waits
//
// Hazard: the thread that waits is not the one that must release: what it has written stays behind the other's cork, or has
// been taken over by the other's call.
#include "hazard.h"

#define LONG 40 // calls in each burst from which a library learns: enough for it to cork

struct part { int calls, length, by_second_number, waits; };

static int pair[2], expected;
static volatile int turn, answered;
static volatile double waited;

// One thread's part of a burst: so many writes of so many bytes.
static void writes(int fd, int calls, int length) {
    char text[16] = "sixteen letters";
    for (int i = 0; i < calls; i++) write(fd, text, (size_t)length);
}

static void wait_or_compute(int waits) {
    char reply;
    double start = now();
    if (waits) {
        read(pair[0], &reply, 1);
        waited = now() - start;
        answered = 1;
    }
    while (!answered) {}
}

static void *other(void *argument) {
    struct part *part = argument;
    char reply;
    while (turn != 1) sched_yield();
    for (int round = 0; round < 12; round++) { // it knows the connection too
        writes(pair[0], LONG, 16);
        read(pair[0], &reply, 1);
    }
    turn = 2;
    while (turn != 3) sched_yield();
    int fd = part->by_second_number ? dup(pair[0]) : pair[0];
    writes(fd, part->calls, part->length);
    turn = 4;
    wait_or_compute(part->waits);
    if (part->by_second_number) close(fd);
    return NULL;
}

static void answer(int bytes) { // acknowledges at once, and answers when all is there
    char text[4096];
    int one = 1;
    for (int got = 0; got < bytes;) {
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        ssize_t n = read(pair[1], text, sizeof text);
        if (n <= 0) return;
        got += (int)n;
    }
    setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    write(pair[1], "r", 1);
}

static void *peer(void *unused) {
    (void)unused;
    for (int round = 0; round < 24; round++) answer(LONG * 16);
    answer(expected);
    return NULL;
}

static int late(int own, struct part part) {
    pthread_t threads[2];
    char reply;
    tcp_pair(pair);
    turn = answered = 0, expected = own * 16 + part.calls * part.length;
    pthread_create(&threads[0], NULL, peer, NULL);
    pthread_create(&threads[1], NULL, other, &part);
    for (int round = 0; round < 12; round++) {
        writes(pair[0], LONG, 16);
        read(pair[0], &reply, 1);
    }
    turn = 1;
    while (turn != 2) sched_yield();
    writes(pair[0], own, 16);
    turn = 3;
    while (turn != 4) sched_yield();
    wait_or_compute(!part.waits);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    close(pair[0]), close(pair[1]);
    return waited > 0.15; // a retransmission timeout: nobody released it
}

int main(void) {
    begin(50);
    static const struct { const char *name; int own; struct part part; } cases[] = {
        {"the other goes on with what is held", 3, {1, 16, 0, 0}},
        {"the other writes nothing to it", 3, {1, 0, 0, 0}},
        {"the other goes on, and waits", 3, {1, 16, 0, 1}},
        {"the other goes on under a cork", 30, {1, 16, 0, 0}},
        {"the other writes nothing under a cork", 30, {1, 0, 0, 0}},
        {"the other goes on under a cork, and waits", 30, {1, 16, 0, 1}},
        {"the other writes by a second number, and waits", 30, {1, 16, 1, 1}},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        int times = 0;
        for (int round = 0; round < 8; round++) times += late(cases[i].own, cases[i].part);
        printf("%s: late more than once %d\n", cases[i].name, times > 1);
    }
    return 0;
}
