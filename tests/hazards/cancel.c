// pthread_cancel at every cancellation point that a socket program meets, blocked in it and pending before it.
//
//   thread:  cleanup_push | call blocks ........ x   cleanup runs, never returns
//   main:                         cancel --------|   join gives PTHREAD_CANCELED; the fd still works
//
// Hazard: anything held across the real call (a lock, a guard with a destructor, catch_unwind) leaks or kills the program.
#include "hazard.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>

static int idle[2], full[2], listener, epoll, empty_pipe[2], full_pipe[2];
static struct sockaddr_in jammed;
static char buffer[70000];
static sem_t never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_t eternal;

static struct iovec iov = {buffer, 100};
static struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
static struct mmsghdr many;
static struct timespec long_time = {30, 0};

#ifdef __GLIBC__
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
#endif

#define POINT(name, ...) static void call_##name(void) { __VA_ARGS__; }
POINT(read, read(idle[0], buffer, 1))
POINT(read_pipe, read(empty_pipe[0], buffer, 1))
POINT(readv, readv(idle[0], &iov, 1))
POINT(recv, recv(idle[0], buffer, 1, 0))
POINT(recvfrom, recvfrom(idle[0], buffer, 1, 0, NULL, NULL))
POINT(recvmsg, recvmsg(idle[0], &message, 0))
POINT(recvmmsg, recvmmsg(idle[0], &many, 1, 0, NULL))
POINT(write, write(full[0], buffer, sizeof buffer))
POINT(write_pipe, write(full_pipe[1], buffer, sizeof buffer))
POINT(writev, writev(full[0], &iov, 1))
POINT(send, send(full[0], buffer, sizeof buffer, 0))
POINT(sendto, sendto(full[0], buffer, sizeof buffer, 0, NULL, 0))
POINT(sendmsg, sendmsg(full[0], &message, 0))
POINT(sendmmsg, sendmmsg(full[0], &many, 1, 0))
POINT(accept, accept(listener, NULL, NULL))
POINT(accept4, accept4(listener, NULL, NULL, SOCK_CLOEXEC))
POINT(connect, int fd = socket(AF_INET, SOCK_STREAM, 0); connect(fd, (struct sockaddr *)&jammed, sizeof jammed))
POINT(poll, struct pollfd p = {idle[0], POLLIN, 0}; poll(&p, 1, -1))
POINT(ppoll, struct pollfd p = {idle[0], POLLIN, 0}; ppoll(&p, 1, NULL, NULL))
POINT(select, fd_set s; FD_ZERO(&s); FD_SET(idle[0], &s); select(idle[0] + 1, &s, NULL, NULL, NULL))
POINT(pselect, fd_set s; FD_ZERO(&s); FD_SET(idle[0], &s); pselect(idle[0] + 1, &s, NULL, NULL, &long_time, NULL))
POINT(epoll_wait, struct epoll_event e; epoll_wait(epoll, &e, 1, -1))
POINT(epoll_pwait, struct epoll_event e; epoll_pwait(epoll, &e, 1, -1, NULL))
POINT(epoll_pwait2, struct epoll_event e; epoll_pwait2(epoll, &e, 1, NULL, NULL))
POINT(nanosleep, nanosleep(&long_time, NULL))
POINT(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL))
POINT(sleep, sleep(30))
POINT(usleep, usleep(900000); usleep(900000))
POINT(pause, pause())
POINT(sigsuspend, sigset_t s; sigemptyset(&s); sigsuspend(&s))
POINT(sigwait, sigset_t s; int n; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigwait(&s, &n))
POINT(sigtimedwait, sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); sigtimedwait(&s, NULL, &long_time))
POINT(sem_wait, sem_wait(&never))
POINT(cond_wait, pthread_mutex_lock(&mutex); pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
      pthread_cond_wait(&condition, &mutex); pthread_cleanup_pop(1))
POINT(join, pthread_join(eternal, NULL))
POINT(waitpid, waitpid(-1, NULL, 0))
#ifdef __GLIBC__ // musl has not all of them, and does not cancel in splice
POINT(splice, splice(empty_pipe[0], NULL, full[0], NULL, 10, 0))
POINT(preadv2, preadv2(idle[0], &iov, 1, -1, 0))
POINT(pwritev2, pwritev2(full[0], &iov, 1, -1, 0))
#endif
#if GLIBC_SINCE(2, 34) // before, these cannot be cancelled
POINT(read_chk, __read_chk(idle[0], buffer, 1, sizeof buffer))
POINT(recv_chk, __recv_chk(idle[0], buffer, 1, sizeof buffer, 0))
POINT(recvfrom_chk, __recvfrom_chk(idle[0], buffer, 1, sizeof buffer, 0, NULL, NULL))
POINT(poll_chk, struct pollfd p = {idle[0], POLLIN, 0}; __poll_chk(&p, 1, -1, sizeof p))
POINT(ppoll_chk, struct pollfd p = {idle[0], POLLIN, 0}; __ppoll_chk(&p, 1, NULL, NULL, sizeof p))
#endif
// Never block, so only the pending kind is met: does the call honour a cancellation that is already there?
POINT(close, close(dup(idle[0])))
POINT(fsync, fsync(idle[0]))
POINT(open, open("/dev/null", O_RDONLY))
POINT(send_free, send(idle[0], "x", 1, 0))
POINT(sendfile_free, int f = open("/proc/self/exe", O_RDONLY); sendfile(idle[0], f, NULL, 10))

static struct point { const char *name; void (*call)(void); int blocks; } points[] = {
#define ROW(name) {#name, call_##name, 1}
    ROW(read), ROW(read_pipe), ROW(readv), ROW(recv), ROW(recvfrom), ROW(recvmsg), ROW(recvmmsg), ROW(write),
    ROW(write_pipe), ROW(writev), ROW(send), ROW(sendto), ROW(sendmsg), ROW(sendmmsg), ROW(accept),
    ROW(accept4), ROW(connect), ROW(poll), ROW(ppoll), ROW(select), ROW(pselect), ROW(epoll_wait), ROW(epoll_pwait),
    ROW(epoll_pwait2), ROW(nanosleep), ROW(clock_nanosleep), ROW(sleep), ROW(usleep), ROW(pause), ROW(sigsuspend), ROW(sigwait),
    ROW(sigtimedwait), ROW(sem_wait), ROW(cond_wait), ROW(join), ROW(waitpid),
#ifdef __GLIBC__
    ROW(splice), ROW(preadv2), ROW(pwritev2),
#endif
#if GLIBC_SINCE(2, 34)
    ROW(read_chk), ROW(recv_chk), ROW(recvfrom_chk), ROW(poll_chk), ROW(ppoll_chk),
#endif
    {"close", call_close, 0}, {"fsync", call_fsync, 0}, {"open", call_open, 0}, {"send_free", call_send_free, 0},
    {"sendfile_free", call_sendfile_free, 0},
};

static volatile int cleaned, started, go, returned;

static void cleanup(void *unused) { (void)unused; cleaned++; }

struct order { struct point *point; int pending; };

static void *victim(void *argument) {
    struct order *order = argument;
    pthread_cleanup_push(cleanup, NULL);
    if (order->pending) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        started = 1;
        while (!go) pause_ms(1); // the cancellation arrives here, while it is disabled
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    } else {
        started = 1;
    }
    order->point->call();
    returned = 1;
    pthread_cleanup_pop(0);
    return NULL;
}

static void *forever(void *unused) { (void)unused; for (;;) pause(); return NULL; }

int main(void) {
    begin(60);
    many.msg_hdr = message;
    tcp_pair(idle);
    tcp_pair(full);
    teach(idle[0], idle[1], 12);
    fill(full[0], full[1]);
    struct sockaddr_in address;
    listener = tcp_listen(&address, 4);
    int crowded = tcp_listen(&jammed, 0);
    fcntl(crowded, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 4; i++) { // a full accept queue: further connects wait for their SYN to be taken
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        connect(fd, (struct sockaddr *)&jammed, sizeof jammed);
    }
    MUST(pipe(empty_pipe));
    MUST(pipe(full_pipe));
    fcntl(full_pipe[1], F_SETFL, O_NONBLOCK);
    while (write(full_pipe[1], buffer, 4096) > 0) {}
    fcntl(full_pipe[1], F_SETFL, 0);
    epoll = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, idle[0], &event));
    sem_init(&never, 0, 0);
    pthread_create(&eternal, NULL, forever, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    fflush(stdout);
    pid_t child = fork(); // somebody for waitpid to wait for
    if (child == 0) {
        mortal();
        for (;;) pause();
    }

    for (int i = 0; i < COUNT(points); i++)
        for (int pending = 0; pending < 2; pending++) {
            if (!pending && !points[i].blocks) continue;
            struct order order = {&points[i], pending};
            pthread_t thread;
            void *result = NULL;
            cleaned = started = go = returned = 0;
            pthread_create(&thread, NULL, victim, &order);
            while (!started) pause_ms(1);
            if (!pending) pause_ms(10);
            pthread_cancel(thread);
            go = 1;
            pthread_join(thread, &result);
            printf("%s %s: %s, cleanup ran %d, returned %d\n", points[i].name, pending ? "pending" : "blocked",
                   result == PTHREAD_CANCELED ? "cancelled" : "not cancelled", cleaned, returned);
        }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (recv(idle[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0) {}
    teach(idle[0], idle[1], 3);
    printf("the socket still works\n");
    return 0;
}
