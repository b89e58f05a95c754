// A thread that has a descriptor table of its own: the same number is a TCP connection to the others and a datagram socket to it.
//
//   main:    tcp 7 write write read, many times
//   thread:  unshare(CLONE_FILES) | udp 7 write write: two datagrams
//
// Hazard: what is remembered about a number belongs to the object of another table: datagrams merge, a close releases another's data.
#include "hazard.h"
#include <sched.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

static pthread_barrier_t turn;
enum { ROUNDS = 20 };
static int receiver, mine, way;

static void leave(void) {
    if (way == 0) SHOW(unshare(CLONE_FILES));
    if (way == 1) SHOW(syscall(SYS_unshare, CLONE_FILES));
    if (way == 2) SHOW(close_range(1000, 1010, CLOSE_RANGE_UNSHARE));
    if (way == 3) SHOW(syscall(SYS_close_range, 1000, 1010, CLOSE_RANGE_UNSHARE));
}

static void *idle(void *unused) {
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return unused;
}

static void *separate(void *unused) {
    (void)unused;
    int pair[2];
    tcp_pair(pair);
    teach(pair[0], pair[1], 30); // this thread, too, is known to write in bursts and to wait
    close(pair[0]), close(pair[1]);
    leave();
    struct sockaddr_in to;
    socklen_t size = sizeof to;
    getsockname(receiver, (struct sockaddr *)&to, &size);
    mine = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(connect(mine, (struct sockaddr *)&to, size));
    pthread_barrier_wait(&turn); // now the others open theirs
    pthread_barrier_wait(&turn); // and have used it
    char text[100] = "";
    ssize_t got[ROUNDS][4];
    for (int round = 0; round < ROUNDS; round++) {
        got[round][0] = write(mine, text, 64);
        got[round][1] = write(mine, text, 16);
        got[round][2] = recv(receiver, text, sizeof text, MSG_DONTWAIT);
        got[round][3] = recv(receiver, text, sizeof text, MSG_DONTWAIT);
    }
    for (int round = 0; round < ROUNDS; round++)
        printf("sent %zd %zd received %zd %zd\n", got[round][0], got[round][1], got[round][2], got[round][3]);
    SHOW(close(mine));
    return NULL;
}

static void both(void) {
    pthread_barrier_init(&turn, NULL, 3);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    receiver = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind(receiver, (struct sockaddr *)&at, sizeof at));
    int listener = tcp_listen(&at, 8);
    pthread_t thread, other; // the other one lies between the two in memory
    pthread_create(&other, NULL, idle, NULL);
    pthread_create(&thread, NULL, separate, NULL);
    pthread_barrier_wait(&turn);
    int from = tcp_dial(&at);
    int to = MUST(accept(listener, NULL, NULL));
    printf("the same number %d\n", from == mine);
    teach(from, to, 30);
    pthread_barrier_wait(&turn);
    pthread_join(thread, NULL);
    pthread_join(other, NULL);
    teach(from, to, 30);
    SHOW(close(from) | close(to) | close(receiver) | close(listener));
}

// What is refused changes nothing.
static void refused(void) {
    int pair[2];
    tcp_pair(pair);
    SHOW(unshare(CLONE_FILES | 1));
    SHOW(syscall(SYS_unshare, CLONE_FILES | 1));
    SHOW(close_range(1010, 1000, CLOSE_RANGE_UNSHARE));
    teach(pair[0], pair[1], 30);
    SHOW(close(pair[0]) | close(pair[1]));
}

int main(void) {
    begin(60);
    for (way = 0; way < 5; way++) { // each in a process of its own
        printf("way %d\n", way);
        fflush(stdout);
        pid_t child = MUST(fork());
        if (child == 0) {
            if (way < 4) both();
            else refused();
            exit(0);
        }
        int status;
        MUST(waitpid(child, &status, 0));
        printf("status %d\n", status);
    }
    return 0;
}
