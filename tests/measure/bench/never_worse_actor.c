// A server whose habits change: it answers training requests with two writes at once and then, asked for its behaviour,
// writes once and does something else. Each message carries the time at which its write began, so the observer knows how
// long it was on its way. Run plain and under the library by never_worse.py; prints nothing but its port.
//
//   never_worse_actor CASE SPIN_MS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct message { uint64_t stamp; uint8_t last; char padding[55]; };

static int conn, second = -1, listeners[2], spin_ms, drainer_port;
static const char *behaviour;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn; // 0 nobody, 1 the second thread's, 2 done

static uint64_t nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "never_worse_actor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say(int fd, int last) {
    struct message m = {.last = (uint8_t)last};
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t); // the clock of the observer's receive timestamps
    m.stamp = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    if (write(fd, &m, sizeof m) != sizeof m) fail("write");
}

static void spin(double ms) {
    uint64_t end = nanoseconds() + (uint64_t)(ms * 1e6);
    while (nanoseconds() < end) {}
}

static void rest(double ms) {
    struct timespec t = {0, (long)(ms * 1e6)};
    nanosleep(&t, NULL);
}

static int listen_here(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 64)) fail("listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return fd;
}

static int dial(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    return fd;
}

// A process of its own that takes connections and reads them only after 20 ms, for the lingering close.
static void start_drainer(void) {
    int listener = listen_here(&drainer_port);
    pid_t parent = getpid();
    if (fork() == 0) {
        static char sink[1 << 16];
        struct timeval patience = {1, 0};
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        while (getppid() == parent) {
            int fd = accept(listener, NULL, NULL);
            if (fd < 0) continue;
            rest(20);
            while (read(fd, sink, sizeof sink) > 0) {}
            close(fd);
        }
        _exit(0);
    }
    close(listener);
}

static void *second_thread(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (turn != 1) pthread_cond_wait(&changed, &mutex);
        pthread_mutex_unlock(&mutex);
        if (strcmp(behaviour, "handover")) spin(spin_ms);
        say(conn, 1);
        pthread_mutex_lock(&mutex);
        turn = 2;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void hand_over(void) { // the second thread writes the rest; this one waits on a futex, which no hook sees
    pthread_mutex_lock(&mutex);
    turn = 1;
    pthread_cond_broadcast(&changed);
    while (turn != 2) pthread_cond_wait(&changed, &mutex);
    turn = 0;
    pthread_mutex_unlock(&mutex);
}

static int is(const char *name) { return !strcmp(behaviour, name); }

static void behave(char request) {
    static uint64_t state = 88172645463325252u;
    if (request == 'T') {
        say(conn, 0);
        say(conn, 1);
    } else if (request == 'S') { // the other service of the same process
        say(second, 0);
        spin(spin_ms);
        say(second, 1);
    } else if (request == 'H') { // a header without a body
        say(conn, 1);
    } else if (is("compute") || is("compute_new_connection") || !strncmp(behaviour, "relapse_", 8)) {
        say(conn, 0);
        spin(spin_ms);
        say(conn, 1);
    } else if (is("sleep")) {
        say(conn, 0);
        rest(spin_ms);
        say(conn, 1);
    } else if (is("other_thread") || is("handover")) {
        say(conn, 0);
        hand_over();
    } else if (is("fork_keeps")) {
        say(conn, 0);
        pid_t child = fork();
        if (child == 0) rest(spin_ms), _exit(0);
        spin(spin_ms);
        say(conn, 1);
        waitpid(child, NULL, 0);
    } else if (is("child_exits")) {
        pid_t child = fork();
        if (child == 0) say(conn, 0), _exit(0);
        waitpid(child, NULL, 0);
        spin(spin_ms);
        say(conn, 1);
    } else if (is("tokens_spin") || is("tokens_sleep")) {
        for (int i = 0; i < 20; i++) {
            say(conn, i == 19);
            if (is("tokens_spin")) spin(5);
            else rest(5);
        }
    } else if (is("subprocess")) {
        char *arguments[] = {"sleep", "0.02", NULL};
        pid_t child;
        say(conn, 0);
        if (posix_spawnp(&child, "sleep", NULL, NULL, arguments, environ)) fail("spawn");
        waitpid(child, NULL, 0);
        say(conn, 1);
    } else if (is("lingering_close")) {
        static char block[300000];
        struct linger wait = {1, 5};
        int other = dial(drainer_port);
        setsockopt(other, SOL_SOCKET, SO_LINGER, &wait, sizeof wait);
        fcntl(other, F_SETFL, O_NONBLOCK);
        if (write(other, block, sizeof block) < 0) fail("write elsewhere");
        fcntl(other, F_SETFL, 0);
        say(conn, 0);
        close(other);
        say(conn, 1);
    } else if (is("random")) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        int writes = 1 + (int)(state % 3);
        for (int i = 0; i < writes; i++) {
            say(conn, i == writes - 1);
            if (state >> (8 + i) & 1) spin((double)(state >> 20 & 0xff) / 80);
        }
    } else {
        fprintf(stderr, "never_worse_actor: no behaviour %s for request %c\n", behaviour, request);
        exit(1);
    }
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    behaviour = arguments[1];
    spin_ms = atoi(arguments[2]);
    signal(SIGPIPE, SIG_IGN);
    if (is("lingering_close")) start_drainer();
    int ports[2];
    for (int i = 0; i < 2; i++) listeners[i] = listen_here(&ports[i]);
    printf("%d %d\n", ports[0], ports[1]);
    fflush(stdout);
    if (is("other_thread") || is("handover")) {
        pthread_t thread;
        pthread_create(&thread, NULL, second_thread, NULL);
    }
    conn = accept(listeners[0], NULL, NULL);
    if (is("two_services")) second = accept(listeners[1], NULL, NULL);
    for (;;) {
        char requests[64];
        struct pollfd p[2] = {{conn, POLLIN, 0}, {second, POLLIN, 0}};
        if (second >= 0 && poll(p, 2, -1) < 0) fail("poll");
        int from = second >= 0 && p[1].revents ? second : conn;
        ssize_t got = read(from, requests, sizeof requests);
        if (got <= 0) {
            close(conn);
            if (!is("compute_new_connection")) return 0;
            conn = accept(listeners[0], NULL, NULL); // until never_worse.py ends this process
            continue;
        }
        for (ssize_t i = 0; i < got; i++) behave(requests[i]);
    }
}
