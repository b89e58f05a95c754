// Every way to wait, with something held or learned before it: results, sets, revents, remaining time, masks, edge triggers.
// Hazard: a library that first looks without waiting consumes an edge, clears the sets for the real call, shortens or
// doubles the wait, or loses the atomic change of the signal mask.
#include "hazard.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/resource.h>
#include <sys/time.h>

static int pair[2], other[2] = {-1, -1};
static volatile sig_atomic_t signals;
static void handler(int number) { (void)number; signals++; }

// A small write of a learned burst without its second half, on a new connection to a new port: what one case has taught the
// library does not spare the next.
static void held(void) {
    if (pair[1]) close(pair[0]), close(pair[1]);
    tcp_pair(pair);
    if (other[0] < 0) tcp_pair(other);
    teach(pair[0], pair[1], 12);
    SHOW(write(pair[0], "held?", 5));
}

// After a real wait the bytes must be there; after calls that did not wait they may still be on their way.
static void taken(int waited) {
    char sink[64];
    if (waited) printf("peer has it %d\n", arrives(pair[1], 0));
    printf("peer reads %zu\n", read_fully(pair[1], sink, 5));
}

// Was the wait about as long as asked? Never a time in the output: early, in time (within a wide margin), or late.
static const char *judge(double start, int ms) {
    double took = (now() - start) * 1000;
    return took < ms - 1 ? "early" : took < ms + 400 ? "in time" : "late";
}

static void timeouts(void) {
    struct pollfd p = {pair[0], POLLIN, 0x7f};
    struct timespec short_time = {0, 30000000};
    struct timeval remaining = {0, 30000};
    struct epoll_event events[4];
    fd_set in, out;
    int epoll = MUST(epoll_create1(0));
    printf("--- timeouts\n");
    for (int way = 0; way < 9; way++) {
        held();
        p = (struct pollfd){pair[0], POLLIN, 0x7f};
        events[0] = (struct epoll_event){.events = EPOLLIN, .data.fd = 1};
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &events[0]));
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_SET(pair[0], &in);
        remaining = (struct timeval){0, 30000};
        double start = now();
        switch (way) {
        case 0: SHOW(poll(&p, 1, 30)); printf("revents %x\n", p.revents); break;
        case 1: SHOW(ppoll(&p, 1, &short_time, NULL)); printf("revents %x, time kept %ld\n", p.revents, short_time.tv_nsec); break;
        case 2: SHOW(select(pair[0] + 1, &in, &out, NULL, &remaining)); printf("set %d, time left %ld\n", FD_ISSET(pair[0], &in) != 0, (long)remaining.tv_usec); break;
        case 3: SHOW(pselect(pair[0] + 1, &in, NULL, NULL, &short_time, NULL)); printf("set %d, time kept %ld\n", FD_ISSET(pair[0], &in) != 0, short_time.tv_nsec); break;
        case 4: SHOW(epoll_wait(epoll, events, 4, 30)); break;
        case 5: SHOW(epoll_pwait(epoll, events, 4, 30, NULL)); break;
        case 6: SHOW(epoll_pwait2(epoll, events, 4, &short_time, NULL)); break;
        case 7: SHOW(poll(NULL, 0, 30)); break;
        case 8: SHOW(select(0, NULL, NULL, NULL, &remaining)); break;
        }
        printf("%s\n", judge(start, 30));
        taken(1);
    }
    close(epoll);
}

static void *later(void *byte) { // makes other[0] readable, or sends a signal, after a while
    pause_ms(25);
    if (byte) write(other[1], byte, 1);
    else kill(getpid(), SIGUSR1);
    return NULL;
}

static void wake(const char *by) {
    char byte;
    struct epoll_event events[4];
    int epoll = MUST(epoll_create1(0));
    events[0] = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788ull};
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, other[0], &events[0]));
    sigset_t none;
    sigemptyset(&none);
    printf("--- woken by %s\n", by ? "data" : "a signal");
    for (int way = 0; way < 8; way++) {
        pthread_t thread;
        fd_set in, out, error;
        struct timespec long_time = {5, 0};
        struct timeval remaining = {5, 0};
        held();
        struct pollfd p[3] = {{other[0], POLLIN, 9}, {-1, POLLIN, 9}, {pair[0], POLLPRI, 9}};
        signals = 0;
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_ZERO(&error);
        FD_SET(other[0], &in), FD_SET(pair[0], &in), FD_SET(pair[0], &error);
        sigset_t block;
        sigemptyset(&block);
        sigaddset(&block, SIGUSR1);
        if (!by && way >= 3) pthread_sigmask(SIG_BLOCK, &block, NULL); // let in by the waiting call only
        pthread_create(&thread, NULL, later, (void *)by);
        memset(events, 0, sizeof events);
        switch (way) {
        case 0: SHOW(poll(p, 3, 5000)); printf("revents %x %x %x\n", p[0].revents, p[1].revents, p[2].revents); break;
        case 1: SHOW(select(other[0] + pair[0] + 1, &in, &out, &error, &remaining)); printf("sets %d %d %d, time %s\n", FD_ISSET(other[0], &in) != 0, FD_ISSET(pair[0], &in) != 0, FD_ISSET(pair[0], &error) != 0, remaining.tv_sec == 4 ? "counted down" : "odd"); break;
        case 2: SHOW(epoll_wait(epoll, events, 4, 5000)); printf("event %x %llx\n", events[0].events, (unsigned long long)events[0].data.u64); break;
        case 3: SHOW(ppoll(p, 3, &long_time, &none)); printf("revents %x %x %x\n", p[0].revents, p[1].revents, p[2].revents); break;
        case 4: SHOW(pselect(other[0] + pair[0] + 1, &in, &out, &error, &long_time, &none)); printf("sets %d %d\n", FD_ISSET(other[0], &in) != 0, FD_ISSET(pair[0], &in) != 0); break;
        case 5: SHOW(epoll_pwait(epoll, events, 4, 5000, &none)); printf("event %x\n", events[0].events); break;
        case 6: SHOW(epoll_pwait2(epoll, events, 4, &long_time, &none)); printf("event %x\n", events[0].events); break;
        case 7: SHOW(by ? poll(p, 1, -1) : sigsuspend(&none)); break;
        }
        pthread_join(thread, NULL);
        printf("signals %d\n", (int)signals);
        pthread_sigmask(SIG_UNBLOCK, &block, NULL);
        if (by) SHOW(read(other[0], &byte, 1));
        taken(1);
    }
    close(epoll);
}

static void edges(void) {
    printf("--- edges and one-shots\n");
    struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got[4];
    int epoll = MUST(epoll_create1(EPOLL_CLOEXEC)), edge_reader[2];
    tcp_pair(edge_reader);
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, edge_reader[0], &event));
    SHOW(epoll_wait(epoll, got, 4, 0));
    write(edge_reader[1], "a", 1);
    pause_ms(5);
    held();
    SHOW(epoll_wait(epoll, got, 4, 1000)); // the one edge
    taken(0);
    held();
    SHOW(epoll_wait(epoll, got, 4, 20)); // none left, though the byte is still there
    taken(1);
    write(edge_reader[1], "b", 1);
    held();
    SHOW(epoll_wait(epoll, got, 4, 1000));
    SHOW(epoll_wait(epoll, got, 4, 0));
    taken(0);
    event.events = EPOLLIN | EPOLLONESHOT;
    MUST(epoll_ctl(epoll, EPOLL_CTL_MOD, edge_reader[0], &event));
    held();
    SHOW(epoll_wait(epoll, got, 4, 1000));
    SHOW(epoll_wait(epoll, got, 4, 20));
    taken(1);
    close(epoll);
    epoll = MUST(epoll_create1(0));
    SHOW(epoll_wait(epoll, got, 0, 20));
    SHOW(epoll_wait(epoll, got, -1, 20));
    SHOW(epoll_wait(epoll, (void *)8, 4, 20)); // nothing to write there
    SHOW(epoll_wait(pair[0], got, 4, 20));
    SHOW(epoll_wait(-1, got, 4, 20));
    struct timespec bad = {0, 2000000000};
    struct timeval bad_value = {-1, 0};
    struct pollfd p = {pair[0], POLLIN, 0};
    fd_set set;
    FD_ZERO(&set);
    held();
    SHOW(epoll_pwait2(epoll, got, 4, &bad, NULL));
    SHOW(ppoll(&p, 1, &bad, NULL));
    SHOW(select(1, &set, NULL, NULL, &bad_value));
    SHOW(pselect(1, &set, NULL, NULL, &bad, NULL));
    SHOW(select(-1, &set, NULL, NULL, NULL));
    SHOW(poll((void *)8, 1, 20));
    SHOW(poll(&p, (nfds_t)-1, 20));
    SHOW(nanosleep(&bad, NULL));
    SHOW(select(1000, (void *)8, NULL, NULL, NULL));
    int closed = dup(0);
    close(closed);
    FD_ZERO(&set);
    FD_SET(closed, &set);
    SHOW(select(closed + 1, &set, NULL, NULL, NULL));
    p.fd = closed;
    SHOW(poll(&p, 1, -1));
    printf("revents %x\n", p.revents);
    taken(0);
}

static void readers(void) {
    printf("--- reads that would block, with something held\n");
    char buffer[64], path[] = "/tmp/hazard-XXXXXX";
    int file = MUST(mkstemp(path)), event = MUST(eventfd(0, EFD_NONBLOCK)), pipes[2];
    unlink(path);
    MUST(write(file, "contents", 8));
    MUST(pipe2(pipes, O_NONBLOCK));
    held();
    SHOW(pread(file, buffer, 8, 0));
    SHOW(lseek(file, 0, SEEK_SET));
    SHOW(read(file, buffer, 8));
    SHOW(read(file, buffer, 8));
    SHOW(read(event, buffer, 8));
    SHOW(read(pipes[0], buffer, 8));
    SHOW(recv(pair[0], buffer, 8, MSG_DONTWAIT));
    SHOW(poll(NULL, 0, 0));
    taken(0);
    struct timeval timeout = {0, 20000};
    held();
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    SHOW(read(pair[0], buffer, 8));
    SHOW(recv(pair[0], buffer, 8, MSG_PEEK));
    taken(1);
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &(struct iovec){buffer, 8}, .msg_iovlen = 1}};
    struct timespec short_time = {0, 10000000};
    held();
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    SHOW(recvmmsg(pair[0], &many, 1, 0, &short_time));
    taken(1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    held();
    SHOW(sigtimedwait(&set, NULL, &short_time));
    taken(1);
    struct timespec left = {7, 7};
    held();
    SHOW(nanosleep(&short_time, &left));
    printf("left %ld %ld\n", (long)left.tv_sec, left.tv_nsec);
    SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &short_time, NULL));
    SHOW(usleep(1000));
    SHOW(sleep(0));
    taken(1);
}

// For a child that ends while this process waits: its status, and what was held has reached the peer by then.
static void children(void) {
    printf("--- children\n");
    static const char *ways[] = {"wait", "waitpid", "wait3", "wait4", "waitid"};
    for (int way = 0; way < COUNT(ways); way++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            mortal();
            pause_ms(100);
            _exit(way + 3);
        }
        held(); // after the fork, which would have released it
        int status = 0;
        struct rusage usage = {.ru_nvcsw = -1};
        siginfo_t info = {0};
        pid_t got = way == 0 ? wait(&status) : way == 1 ? waitpid(child, &status, 0) : way == 2 ? wait3(&status, 0, &usage) : way == 3 ? wait4(child, &status, 0, &usage) : waitid(P_PID, child, &info, WEXITED) ? -1 : info.si_pid;
        printf("%s: %s, status %d, usage %s\n", ways[way], got == child ? "the child" : errname(errno), way == 4 ? info.si_status : WEXITSTATUS(status), way == 2 || way == 3 ? (usage.ru_nvcsw >= 0 ? "given" : "missing") : "none");
        taken(1);
    }
    SHOW(wait3(NULL, WNOHANG, NULL));
    SHOW(wait3((int *)8, 0, (void *)8));
}

int main(void) {
    begin(60);
    signal(SIGUSR1, handler);
    timeouts();
    wake("x");
    wake(NULL);
    edges();
    readers();
    children();
    return 0;
}
