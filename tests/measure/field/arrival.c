/* Measures when the data of a program arrives: listens, starts the program, and takes what it sends. The program finds the address in
 * FIELD_ADDRESS and FIELD_PORT. What it sends are messages of 100 bytes, each with the time at which it was written (see sender.h).
 *
 * usage: arrival [-n NETNS] [-a ADDRESS] [-b BASE_MS] [-t SECONDS] [-p LIBRARY] [-w NAME] PROGRAM [ARGUMENT...]
 *   -n  listen in this network namespace (a file); the program runs in that of the caller
 *   -a  listen at this address (127.0.0.1)      -b  what the path takes one way: a message is late 20 ms after that
 *   -t  end the program after so long (60)      -p  preload this library into the program, and into nothing else
 *
 * Prints one line with tabs: name, median ms, p99, p99.9, the longest, how many were late, how many there were.
 * Exit 0; 1 the program failed or took too long; 3 the stream was damaged; 77 the program cannot do this here. */
#include "sender.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CONNECTIONS = 256 };
/* One connection: what has come of a message, and for one that this end opened, where the next goes. */
struct connection { int fd, filled; unsigned again; struct sockaddr_in to; char message[SIZE]; };
static struct connection open_[CONNECTIONS];
static int connections;
static double *delays;
static long count, room;
static pid_t program;

static void fail(const char *what, int code) {
    fprintf(stderr, "arrival: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    if (program > 0) kill(-program, SIGKILL);
    exit(code);
}

static void take_up(int fd, unsigned again, const struct sockaddr_in *to) {
    int on = 1;
    if (fd < 0 || connections == CONNECTIONS) fail("no further connection", 1);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = &open_[connections++];
    memset(c, 0, sizeof *c);
    c->fd = fd, c->again = again;
    if (to) c->to = *to;
}

static void answer(int fd) { (void)!send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL); }

/* Opens a connection to the program and asks for its first message. */
static void call_back(struct sockaddr_in to, unsigned times) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail("cannot connect to the program", 1);
    take_up(fd, times - 1, &to);
    answer(fd);
}

static void arrived(struct connection *c, long long at) {
    char *m = c->message;
    if (m[SIZE - 1] != '\n') errno = 0, fail("the stream is damaged", 3);
    char kind = m[STAMP];
    if (kind == CALL_BACK) {
        struct sockaddr_in to;
        socklen_t length = sizeof to;
        unsigned port = 0, times = 0;
        sscanf(m + STAMP + 1, "%u %u", &port, &times);
        if (getpeername(c->fd, (struct sockaddr *)&to, &length)) return;
        to.sin_port = htons(port);
        call_back(to, times);
        return;
    }
    if (kind != UNTIMED) {
        if (count == room && !(delays = realloc(delays, (room = room ? room * 2 : 4096) * sizeof *delays))) fail("no memory", 1);
        m[STAMP] = 0;
        delays[count++] = (at - strtoll(m, NULL, 10)) / 1e6;
    }
    if (kind == ASKS || kind == ASKS_UNTIMED) answer(c->fd);
}

/* Takes what there is; false at the end of the connection. */
static int take(struct connection *c) {
    static char data[1 << 18];
    long got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (!got) return 0;
    long long at = now_ns();
    for (long done = 0; done < got;) {
        long part = SIZE - c->filled < got - done ? SIZE - c->filled : got - done;
        memcpy(c->message + c->filled, data + done, part);
        c->filled += part, done += part;
        if (c->filled == SIZE) c->filled = 0, arrived(c, at);
    }
    return 1;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    const char *space = NULL, *address = "127.0.0.1", *library = NULL, *name = NULL;
    double base = 0, seconds = 60;
    int option, status = 0, ended = 0, own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t length = sizeof local;
    char port[8];

    while ((option = getopt(argc, argv, "+n:a:b:t:p:w:")) != -1)
        switch (option) {
        case 'n': space = optarg; break;
        case 'a': address = optarg; break;
        case 'b': base = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'p': library = optarg; break;
        case 'w': name = optarg; break;
        default: return 2;
        }
    if (optind == argc) return 2;
    signal(SIGPIPE, SIG_IGN);
    if (space) {
        int fd = open(space, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, CLONE_NEWNET)) fail(space, 1);
        close(fd);
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, address, &local.sin_addr);
    if (bind(listener, (struct sockaddr *)&local, sizeof local) || listen(listener, CONNECTIONS)) fail(address, 1);
    getsockname(listener, (struct sockaddr *)&local, &length);
    snprintf(port, sizeof port, "%u", ntohs(local.sin_port));

    program = fork();
    if (program < 0) fail("fork", 1);
    if (!program) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no program without its arrival */
        signal(SIGPIPE, SIG_DFL);
        if (space && setns(own, CLONE_NEWNET)) _exit(127);
        setenv("FIELD_ADDRESS", address, 1);
        setenv("FIELD_PORT", port, 1);
        dup2(2, 1); /* the line is ours alone */
        if (library) setenv("LD_PRELOAD", library, 1);
        else unsetenv("LD_PRELOAD");
        execvp(argv[optind], argv + optind);
        perror(argv[optind]);
        _exit(127);
    }
    setpgid(program, program);
    long long end = now_ns() + (long long)(seconds * 1e9);
    while (!ended || connections) {
        struct pollfd set[CONNECTIONS + 1] = {{listener, POLLIN, 0}};
        for (int i = 0; i < connections; i++) set[i + 1] = (struct pollfd){open_[i].fd, POLLIN, 0};
        int was = connections;
        poll(set, was + 1, 20);
        for (int i = was - 1; i >= 0; i--)
            if (set[i + 1].revents && !take(&open_[i])) {
                struct connection gone = open_[i];
                close(gone.fd);
                open_[i] = open_[--connections];
                if (gone.again) call_back(gone.to, gone.again);
            }
        if (set[0].revents) take_up(accept4(listener, NULL, NULL, SOCK_CLOEXEC), 0, NULL);
        if (!ended && waitpid(program, &status, WNOHANG) == program) {
            ended = 1;
            /* What it left running holds its connections open no longer than this. */
            if (end > now_ns() + 2000000000ll) end = now_ns() + 2000000000ll;
        }
        if (now_ns() > end) {
            errno = 0;
            if (!ended) fail("the program takes too long", 1);
            break;
        }
    }
    kill(-program, SIGKILL);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HERE) return NOT_HERE;
    errno = 0;
    if (status) fail("the program failed", 1);
    if (!count) fail("nothing arrived", 1);
    qsort(delays, count, sizeof *delays, by_size);
    long late = 0;
    for (long i = 0; i < count; i++) late += delays[i] > 20 + base;
    printf("%s\t%.3f\t%.3f\t%.3f\t%.1f\t%ld\t%ld\n", name ? name : argv[optind], delays[count / 2], delays[count * 99 / 100],
           delays[count * 999 / 1000], delays[count - 1], late, count);
    return 0;
}
