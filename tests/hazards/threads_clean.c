// Threads that share sockets, each access to memory ordered by a lock or a join, so that a race detector has nothing to say
// about the program itself: whatever it reports beside the library is the library's doing.
//
//   pair of threads:  A writes half a burst | hands over | B writes the rest, waits for the answer | hands back
//   workers:          connect, bursts, poll, dup, close, at once with the others: numbers are reused all the time
//
// Hazard: memory that threads share without order; a detector that loses sight of the program's own order (it sees calls on
// descriptors as order too) because a hook made another call than the program.
#include "hazard.h"
#include <sys/epoll.h>

enum { ROUNDS = 40, TURNS = 60, WORKERS = 3 };

static struct sockaddr_in service;
static int listener, served;

// The program itself wants no delay: a plain run stalls nowhere, and the library may hold all the same.
static int at_once(int fd) {
    int one = 1;
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    return fd;
}

// One connection: messages of 20 bytes, each answered by one.
static void *serve(void *argument) {
    int fd = *(int *)argument;
    free(argument);
    char message[20];
    long messages = 0;
    while (read_fully(fd, message, sizeof message) == sizeof message) {
        messages++;
        if (write(fd, "o", 1) != 1 || write(fd, "k", 1) != 1) break;
    }
    close(fd);
    return (void *)messages;
}

static void *accept_all(void *unused) {
    (void)unused;
    pthread_t threads[WORKERS * ROUNDS + 1];
    long sum = 0;
    for (int i = 0; i < COUNT(threads); i++) {
        int *fd = malloc(sizeof *fd);
        *fd = at_once(MUST(accept(listener, NULL, NULL)));
        MUST(-pthread_create(&threads[i], NULL, serve, fd));
    }
    for (int i = 0; i < COUNT(threads); i++) {
        void *messages;
        pthread_join(threads[i], &messages);
        sum += (long)messages;
    }
    served = (int)sum;
    return NULL;
}

static int answered(int fd) {
    char answer[2];
    return read_fully(fd, answer, 2) == 2 && memcmp(answer, "ok", 2) == 0;
}

static void *worker(void *argument) {
    int good = 0, epoll = MUST(epoll_create1(0));
    for (int i = 0; i < ROUNDS; i++) {
        int fd = at_once(tcp_dial(&service)), again = -1;
        for (int burst = 0; burst < 4; burst++) {
            write_fully(fd, "0123456789", 10);
            if (burst == 2) again = MUST(dup(fd));
            write_fully(again < 0 ? fd : again, "abcdefghij", 10);
            if (i % 2 == 0) {
                struct pollfd wait = {fd, POLLIN, 0};
                MUST(poll(&wait, 1, 5000));
            } else {
                struct epoll_event event = {.events = EPOLLIN}, got;
                if (burst == 0) MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
                MUST(epoll_wait(epoll, &got, 1, 5000));
            }
            good += answered(fd);
        }
        close(again);
        close(fd);
    }
    close(epoll);
    *(int *)argument = good;
    return NULL;
}

// The two that share a connection take turns.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int shared, half, good_turns;

static void *first_half(void *unused) {
    (void)unused;
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&lock);
        while (half) pthread_cond_wait(&turned, &lock);
        write_fully(shared, "0123456789", 10);
        half = 1;
        pthread_cond_signal(&turned);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *second_half(void *unused) {
    (void)unused;
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&lock);
        while (!half) pthread_cond_wait(&turned, &lock);
        write_fully(shared, "abcdefghij", 10);
        good_turns += answered(shared);
        half = 0;
        pthread_cond_signal(&turned);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(void) {
    begin(120); // under valgrind
    listener = tcp_listen(&service, 64);
    pthread_t acceptor, workers[WORKERS], halves[2];
    int good[WORKERS];
    MUST(-pthread_create(&acceptor, NULL, accept_all, NULL));
    shared = at_once(tcp_dial(&service));
    MUST(-pthread_create(&halves[0], NULL, first_half, NULL));
    MUST(-pthread_create(&halves[1], NULL, second_half, NULL));
    for (int i = 0; i < WORKERS; i++) MUST(-pthread_create(&workers[i], NULL, worker, &good[i]));
    for (int i = 0; i < 2; i++) pthread_join(halves[i], NULL);
    close(shared);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i], NULL);
        printf("worker: %d of %d answered\n", good[i], ROUNDS * 4);
    }
    pthread_join(acceptor, NULL);
    close(listener);
    printf("in turns: %d of %d answered\n", good_turns, TURNS);
    printf("served: %d\n", served);
    return 0;
}
