// Every hooked function (docs/hooks.txt), each with every argument in use: addresses, offsets, flags, masks, control data, the
// room of the fortified forms, more arguments than fit into registers. Each is called twice: on a connection with data to
// read, and on one where the first write of a learned burst may be held. `every_call list` prints the names.
// Hazard: a hook that loses, cuts or moves an argument, and is right as long as programs leave that one empty.
#include "hazard.h"
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>
extern char **environ;

// As <bits/*2.h> declare them; a program names them only by being built with _FORTIFY_SOURCE.
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

#undef SHOW // here as an expression
#define SHOW(call)                                                                                                     \
    ({                                                                                                                 \
        errno = ERRNO_MARK;                                                                                            \
        long result_ = (long)(call);                                                                                   \
        report(#call, result_, errno);                                                                                 \
    })

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
static int burst;                        // 0: data to read, 1: and the first write of a burst
static int tcp, peer;                    // the connection and its other end
static int local[2], gram[2], pipes[2];  // UNIX stream, UNIX datagram (gram[1] is bound to a name), a pipe
static int file;                         // with the letters in it
static struct sockaddr_un name;          // of gram[1]
static socklen_t name_length;
static char got[64];                     // filled with '.' before each call
static volatile sig_atomic_t signals;

// A length that the compiler does not know: a fortified build then takes the checked form.
static size_t n(size_t length) {
    volatile size_t hidden = length;
    return hidden;
}

static void handler(int number) { (void)number; signals++; }

static struct hook { const char *name; void (*call)(void); struct hook *next; } *hooks, **last_hook = &hooks;

#define HOOK(function)                                                                                                 \
    static void call_##function(void);                                                                                 \
    static struct hook hook_##function = {#function, call_##function, NULL};                                           \
    __attribute__((constructor)) static void add_##function(void) {                                                    \
        *last_hook = &hook_##function;                                                                                 \
        last_hook = &hook_##function.next;                                                                             \
    }                                                                                                                  \
    static void call_##function(void)

// What a call has written, with what lies behind it.
static void show_got(void) {
    printf("  got \"%.*s\"\n", 40, got);
    memset(got, '.', sizeof got);
}

static void readable(int fd, int bytes) { // waits until so much can be read, by calls that are not hooked
    int there = 0;
    for (double end = now() + 5; there < bytes && now() < end;) {
        ioctl(fd, FIONREAD, &there);
        if (there < bytes) sched_yield();
    }
    if (there != bytes) printf("  to read: %d, wanted %d\n", there, bytes);
}

static void signal_in(int ms) { // SIGUSR1 with a value, once
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    struct itimerspec once = {.it_value.tv_nsec = ms * 1000000L};
    MUST(timer_create(CLOCK_MONOTONIC, &event, &timer));
    MUST(timer_settime(timer, 0, &once, NULL));
}

static sigset_t blocked(void) { // SIGUSR1 waits; what is given back lets it in
    sigset_t set, before;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    raise(SIGUSR1);
    return before;
}

static void show_address(const struct sockaddr_storage *address, socklen_t length) {
    printf("  address of %u bytes", (unsigned)length);
    if (length >= sizeof(struct sockaddr_in) && address->ss_family == AF_INET)
        printf(", loopback %d, a port %d", ((struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK), ((struct sockaddr_in *)address)->sin_port != 0);
    if (length > 2 && address->ss_family == AF_UNIX) printf(", \"%.6s\"", ((struct sockaddr_un *)address)->sun_path + 1);
    printf("\n");
}

static void open_all(void) {
    char path[] = "/tmp/hazard-XXXXXX";
    int pair[2];
    tcp_pair(pair);
    tcp = pair[0], peer = pair[1];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, local));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, gram));
    close(gram[0]), close(gram[1]);
    gram[0] = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), gram[1] = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    name = (struct sockaddr_un){.sun_family = AF_UNIX};
    name_length = sizeof(sa_family_t) + 1 + (socklen_t)sprintf(name.sun_path + 1, "hazard%08d", (int)getpid());
    MUST(bind(gram[1], (struct sockaddr *)&name, name_length));
    MUST(pipe(pipes));
    file = MUST(mkstemp(path));
    unlink(path);
    MUST(write(file, letters, 26));
    MUST(lseek(file, 0, SEEK_SET));
    memset(got, '.', sizeof got);
    teach(tcp, peer, burst ? 20 : 1);
    int one = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // so that what it writes now does not wait
    MUST(write(local[1], letters, 26));
    MUST(write(pipes[1], letters, 26));
    MUST(write(peer, letters, 26));
    readable(tcp, 26);
    if (burst) SHOW(write(tcp, "head", 4));
}

// What the other end of the connection has got in all, and the end of its stream.
static void close_all(void) {
    char all[256];
    size_t length = 0;
    int one = 1;
    SHOW(write(tcp, "tail", 4));
    shutdown(tcp, SHUT_WR);
    for (;;) {
        setsockopt(peer, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        ssize_t more = read(peer, all + length, sizeof all - length);
        if (more <= 0) break;
        length += (size_t)more;
    }
    printf("  the peer has \"%.*s\"\n", (int)length, all);
    int numbers[] = {tcp, peer, local[0], local[1], gram[0], gram[1], pipes[0], pipes[1], file};
    for (int i = 0; i < COUNT(numbers); i++) close(numbers[i]);
}

static void show_end(pid_t child) {
    int status = -1;
    pid_t ended = waitpid(child, &status, 0);
    printf("  child %d, signal %d, status %d\n", ended == child, WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
}

// Runs the rest of a block in a child and tells how that ended; in the child the variable is 0.
#define IN_CHILD for (pid_t child_ = (fflush(stdout), fork()), once_ = 1; once_ && (child_ == 0 || (show_end(child_), 0)); once_ = 0, _exit(99))

static void end_of_child(void) { printf("  a handler at the end\n"), fflush(stdout); }

HOOK(_Exit) { IN_CHILD SHOW(write(tcp, "child", 5)), _Exit(7); }
HOOK(_exit) { IN_CHILD SHOW(write(tcp, "child", 5)), _exit(300); }
HOOK(quick_exit) { IN_CHILD at_quick_exit(end_of_child), write(tcp, "child", 5), quick_exit(9); }

#ifdef __GLIBC__ // musl has no checked forms
HOOK(__poll_chk) {
    struct pollfd all[3] = {{tcp, POLLIN | POLLOUT, 77}, {-1, POLLIN, 77}, {pipes[0], POLLIN, 77}};
    SHOW(__poll_chk(all, n(3), 1000, sizeof all));
    printf("  %x %x %x\n", all[0].revents, all[1].revents, all[2].revents);
    all[0].events = all[2].events = 0;
    SHOW(__poll_chk(all, n(3), 5, 3 * sizeof all[0]));
    IN_CHILD __poll_chk(all, n(3), 5, 2 * sizeof all[0]);
}

HOOK(__ppoll_chk) {
    struct pollfd all[3] = {{tcp, POLLIN | POLLOUT, 77}, {-1, POLLIN, 77}, {pipes[0], POLLIN, 77}};
    struct timespec time = {0, 5000000};
    sigset_t mask;
    sigfillset(&mask);
    SHOW(__ppoll_chk(all, n(3), &time, &mask, sizeof all));
    printf("  %x %x %x, time %ld %ld\n", all[0].revents, all[1].revents, all[2].revents, (long)time.tv_sec, time.tv_nsec);
    all[0].events = all[2].events = 0;
    sigset_t before = blocked();
    SHOW(__ppoll_chk(all, n(3), &(struct timespec){2, 0}, &before, sizeof all));
    printf("  signals %d\n", (int)signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    IN_CHILD __ppoll_chk(all, n(3), &time, &mask, 2 * sizeof all[0]);
}

HOOK(__read_chk) {
    SHOW(__read_chk(tcp, got, n(10), sizeof got));
    show_got();
    SHOW(__read_chk(pipes[0], got, n(7), 7));
    show_got();
    SHOW(__read_chk(file, got, n(26), 26));
    show_got();
    IN_CHILD __read_chk(tcp, got, n(8), 7);
}

HOOK(__recv_chk) {
    SHOW(__recv_chk(tcp, got, n(10), sizeof got, MSG_PEEK));
    show_got();
    SHOW(__recv_chk(tcp, got, n(26), 26, MSG_WAITALL));
    show_got();
    SHOW(__recv_chk(tcp, got, n(26), 30, MSG_DONTWAIT));
    SHOW(__recv_chk(local[0], got, n(5), 5, MSG_PEEK));
    show_got();
    IN_CHILD __recv_chk(local[0], got, n(8), 7, MSG_DONTWAIT);
}

HOOK(__recvfrom_chk) {
    for (int i = 0; i < 3; i++) {
        struct sockaddr_storage from = {0};
        socklen_t length = sizeof from;
        SHOW(__recvfrom_chk(tcp, got, n(8), sizeof got, i == 0 ? MSG_PEEK : 0, (struct sockaddr *)&from, &length));
        show_got();
        show_address(&from, length);
    }
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    SHOW(sendto(gram[1], "to myself", 9, 0, (struct sockaddr *)&name, name_length));
    SHOW(__recvfrom_chk(gram[1], got, n(20), 20, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &length));
    show_got();
    show_address(&from, length);
    length = 4; // cut short, and told
    SHOW(sendto(gram[1], "again", 5, 0, (struct sockaddr *)&name, name_length));
    SHOW(__recvfrom_chk(gram[1], got, n(20), 20, 0, (struct sockaddr *)&from, &length));
    printf("  length became that of the whole %d\n", length == name_length);
    length = sizeof from;
    SHOW(__recvfrom_chk(tcp, got, n(20), 20, MSG_DONTWAIT, (struct sockaddr *)&from, &length));
    show_got();
    IN_CHILD __recvfrom_chk(tcp, got, n(8), 7, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
}
#endif

static void accepting(int way) {
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 4), client = tcp_dial(&address);
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    errno = ERRNO_MARK;
    int new = way ? accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC) : accept(listener, (struct sockaddr *)&from, &length);
    report(way ? "accept4" : "accept", new >= 0, errno);
    show_address(&from, length);
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    getsockname(client, (struct sockaddr *)&own, &size);
    printf("  the client's port %d, flags %x %x\n", own.sin_port == ((struct sockaddr_in *)&from)->sin_port, fcntl(new, F_GETFL), fcntl(new, F_GETFD));
    length = 7;
    close(client);
    client = tcp_dial(&address);
    memset(&from, 'x', sizeof from);
    int second = way ? accept4(listener, (struct sockaddr *)&from, &length, 0) : accept(listener, (struct sockaddr *)&from, &length);
    printf("  length %u, behind it %c\n", (unsigned)length, ((char *)&from)[7]);
    SHOW(way ? accept4(tcp, (struct sockaddr *)&from, &length, 0) : accept(tcp, (struct sockaddr *)&from, &length));
    fcntl(listener, F_SETFL, O_NONBLOCK); // musl goes on without a flag that is not known
    SHOW(way ? accept4(listener, NULL, NULL, 1) : accept(local[0], NULL, NULL));
    close(new), close(second), close(client), close(listener);
}
HOOK(accept) { accepting(0); }
HOOK(accept4) { accepting(1); }

HOOK(clock_nanosleep) {
    struct timespec time, rest = {7, 7};
    clock_gettime(CLOCK_MONOTONIC, &time);
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &rest));
    time = (struct timespec){0, 1000000};
    SHOW(clock_nanosleep(CLOCK_REALTIME, 0, &time, &rest));
    printf("  rest %ld %ld\n", (long)rest.tv_sec, rest.tv_nsec);
    signal_in(10);
    time = (struct timespec){5, 0};
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &rest));
    printf("  rest written %d\n", rest.tv_sec == 4);
    SHOW(clock_nanosleep(77, 0, &time, &rest));
}

HOOK(close) {
    int copy = MUST(dup(tcp));
    SHOW(close(copy));
    SHOW(close(copy));
    SHOW(close(pipes[1]));
    SHOW(read(pipes[0], got, n(30)));
    SHOW(read(pipes[0], got, n(30)));
    SHOW(close(-1));
}

HOOK(close_range) {
    for (int i = 500; i < 506; i++) MUST(dup2(i & 1 ? tcp : pipes[0], i));
    SHOW(close_range(501, 502, CLOSE_RANGE_CLOEXEC));
    for (int i = 500; i < 504; i++) printf("  %d", fcntl(i, F_GETFD));
    printf("\n");
    SHOW(close_range(500, 504, 0));
    for (int i = 500; i < 506; i++) printf("  %d", fcntl(i, F_GETFD));
    printf("\n");
    SHOW(close_range(505, 505, 1 << 1)); // CLOSE_RANGE_UNSHARE
    SHOW(close_range(9, 8, 0));
    SHOW(close_range(600, 700, 0x100));
}

HOOK(connect) {
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 4), client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(connect(client, (struct sockaddr *)&address, 8)); // too short
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    SHOW(connect(gram[0], (struct sockaddr *)&name, name_length));
    SHOW(write(gram[0], "by name", 7));
    SHOW(read(gram[1], got, n(20)));
    show_got();
    SHOW(connect(gram[0], &(struct sockaddr){AF_UNSPEC}, sizeof(struct sockaddr)));
    close(client), close(listener);
}

static void duplicate(int copy) {
    printf("  a copy %d, flags %d\n", copy >= 0, fcntl(copy, F_GETFD));
    SHOW(write(copy, "copy", 4));
    SHOW(read(copy, got, n(5)));
    show_got();
    SHOW(close(copy));
}
HOOK(dup) { duplicate(dup(tcp)), SHOW(dup(-1)); }
HOOK(dup2) { SHOW(dup2(tcp, 500)), SHOW(dup2(pipes[0], 501)), SHOW(dup2(tcp, 501)), close(500), duplicate(501), SHOW(dup2(tcp, tcp) == tcp); }
HOOK(dup3) { SHOW(dup3(tcp, 500, O_CLOEXEC)), duplicate(500), SHOW(dup3(tcp, tcp, 0)), SHOW(dup3(tcp, 501, 1)); }

static int polled(void) { // three descriptors, each with a word of 64 bits
    int epoll = MUST(epoll_create1(0));
    int all[] = {tcp, local[0], pipes[1]};
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = i == 2 ? EPOLLOUT : EPOLLIN, .data.u64 = 0x1234567887654320ull + (unsigned)i};
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, all[i], &event));
    }
    return epoll;
}
static void show_events(const struct epoll_event *events, int count) {
    unsigned long long sum = 0;
    for (int i = 0; i < 4; i++) sum += events[i].data.u64 * (i < count);
    printf("  events, sum %llx, next %x\n", sum, count < 4 && count >= 0 ? events[count].events : 0);
}
static void nothing_more(int epoll) { epoll_ctl(epoll, EPOLL_CTL_DEL, tcp, NULL), epoll_ctl(epoll, EPOLL_CTL_DEL, local[0], NULL), epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[1], NULL); }

static void epolling(int way) {
    int epoll = polled();
    struct epoll_event events[4];
    struct timespec time = {0, 700000000}, none = {0, 5000000};
    sigset_t full;
    sigfillset(&full);
#define EPOLL(most, ms, ts, mask) (way == 0 ? epoll_wait(epoll, events, most, ms) : way == 1 ? epoll_pwait(epoll, events, most, ms, mask) : epoll_pwait2(epoll, events, most, ts, mask))
    memset(events, 'x', sizeof events);
    long count = EPOLL(4, 700, &time, &full);
    printf("  %ld\n", count), show_events(events, (int)count);
    memset(events, 'x', sizeof events);
    SHOW(EPOLL(2, 700, &time, &full));
    printf("  third untouched %d, time %ld\n", events[2].events == 0x78787878, time.tv_nsec);
    nothing_more(epoll);
    SHOW(EPOLL(4, 5, &none, &full));
    if (way) {
        sigset_t before = blocked();
        SHOW(EPOLL(4, 2000, (&(struct timespec){2, 0}), &before));
        sigprocmask(SIG_SETMASK, &before, NULL);
        printf("  signals %d\n", (int)signals);
    }
    SHOW(EPOLL(0, 5, &none, &full));
    close(epoll);
}
HOOK(epoll_wait) { epolling(0); }
HOOK(epoll_pwait) { epolling(1); }
HOOK(epoll_pwait2) { epolling(2); }

// A shell that tells what it was started with.
#define TELL "echo \"  $0 has $#: $*, $HAZARD_VALUE\"; exit 5"
#define TEN "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"
static char *arguments[] = {"zero", "-c", TELL, "zero", TEN, TEN, TEN, NULL};
static char *environment[] = {"HAZARD_VALUE=changed", "PATH=/bin:/usr/bin", NULL};

HOOK(execl) {
    IN_CHILD execl("/bin/sh", "zero", "-c", TELL, NULL);
    IN_CHILD execl("/bin/sh", "zero", "-c", TELL, "zero", "1", NULL);
    IN_CHILD execl("/bin/sh", "zero", "-c", TELL, "zero", "1", "2", NULL);
    IN_CHILD execl("/bin/sh", "zero", "-c", TELL, "zero", TEN, TEN, TEN, NULL);
    SHOW(execl("/no/such", "zero", TEN, NULL));
}
HOOK(execle) {
    IN_CHILD execle("/bin/sh", "zero", "-c", TELL, NULL, environment);
    IN_CHILD execle("/bin/sh", "zero", "-c", TELL, "zero", NULL, environment);
    IN_CHILD execle("/bin/sh", "zero", "-c", TELL, "zero", "1", NULL, environment);
    IN_CHILD execle("/bin/sh", "zero", "-c", TELL, "zero", TEN, TEN, TEN, NULL, environment);
    SHOW(execle("/no/such", "zero", TEN, NULL, environment));
}
HOOK(execlp) {
    IN_CHILD execlp("sh", "zero", "-c", TELL, NULL);
    IN_CHILD execlp("sh", "zero", "-c", TELL, "zero", "1", "2", NULL);
    IN_CHILD execlp("sh", "zero", "-c", TELL, "zero", TEN, TEN, TEN, NULL);
    SHOW(execlp("no-such-program", "zero", TEN, NULL));
}
HOOK(execv) { IN_CHILD execv("/bin/sh", arguments); }
HOOK(execve) { IN_CHILD execve("/bin/sh", arguments, environment); }
HOOK(execvp) { IN_CHILD execvp("sh", arguments); }
HOOK(execvpe) { IN_CHILD execvpe("sh", arguments, environment); }
HOOK(fexecve) { IN_CHILD fexecve(open("/bin/sh", O_RDONLY), arguments, environment); }
HOOK(execveat) {
    IN_CHILD execveat(open("/bin/../bin", O_PATH), "sh", arguments, environment, 0);
    IN_CHILD execveat(open("/bin/sh", O_PATH), "", arguments, environment, AT_EMPTY_PATH);
    SHOW(execveat(AT_FDCWD, "/proc/self/exe", arguments, environment, AT_SYMLINK_NOFOLLOW));
}

#define FCNTL(function)                                                                                                \
    SHOW(function(tcp, F_DUPFD, 500));                                                                                 \
    SHOW(function(500, F_GETFD));                                                                                      \
    SHOW(function(tcp, F_DUPFD_CLOEXEC, 500));                                                                         \
    SHOW(function(501, F_GETFD));                                                                                      \
    SHOW(function(501, F_SETFD, 0));                                                                                   \
    SHOW(function(501, F_SETFL, O_NONBLOCK));                                                                          \
    SHOW(function(500, F_GETFL));                                                                                      \
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 1l << 33};                   \
    SHOW(function(file, F_SETLK, &lock));                                                                              \
    IN_CHILD {                                                                                                         \
        SHOW(function(file, F_GETLK, &lock));                                                                          \
        printf("  lock %d %ld %ld, the parent's %d\n", lock.l_type, (long)lock.l_start, (long)lock.l_len, lock.l_pid == getppid()); \
        fflush(stdout);                                                                                                \
    }                                                                                                                  \
    struct f_owner_ex owner = {F_OWNER_PID, getpid()}, told = {-1, -1};                                                \
    SHOW(function(tcp, F_SETOWN_EX, &owner));                                                                          \
    SHOW(function(tcp, F_GETOWN_EX, &told));                                                                           \
    printf("  owner %d %d\n", told.type, told.pid == getpid());                                                        \
    SHOW(write(500, "copy", 4));                                                                                       \
    close(500), close(501)
HOOK(fcntl) { FCNTL(fcntl); }
#ifdef __GLIBC__
HOOK(fcntl64) { FCNTL(fcntl64); }
#endif

HOOK(fork) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        write(tcp, "child", 5);
        _exit(3);
    }
    show_end(child);
}

HOOK(getsockopt) {
    int value[4] = {-1, -1, -1, -1};
    socklen_t length = sizeof value;
    SHOW(getsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, value, &length));
    printf("  %d %d, length %u\n", value[0], value[1], (unsigned)length);
    length = 2, value[0] = -1;
    SHOW(getsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, value, &length));
    printf("  %x, length %u\n", (unsigned)value[0], (unsigned)length);
    length = sizeof value;
    SHOW(getsockopt(tcp, IPPROTO_TCP, TCP_CORK, value, &length));
    printf("  %d, length %u\n", value[0], (unsigned)length);
    struct linger linger = {7, 7};
    length = sizeof linger;
    SHOW(getsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, &length));
    printf("  %d %d, length %u\n", linger.l_onoff, linger.l_linger, (unsigned)length);
    length = 1;
    memset(value, 'x', sizeof value);
    SHOW(getsockopt(tcp, IPPROTO_TCP, TCP_INFO, value, &length));
    printf("  %x, length %u\n", (unsigned)value[0], (unsigned)length);
    length = sizeof value;
    SHOW(getsockopt(local[0], SOL_SOCKET, SO_TYPE, value, &length));
    printf("  %d, length %u\n", value[0], (unsigned)length);
    SHOW(getsockopt(pipes[0], IPPROTO_TCP, TCP_NODELAY, value, &length));
    SHOW(getsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, value, NULL));
}

HOOK(listen) {
    int listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(listen(listener, 3));
    SHOW(listen(listener, 5));
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &length);
    printf("  backlog %u\n", info.tcpi_sacked);
    SHOW(listen(tcp, 3));
    SHOW(listen(gram[0], 3));
    close(listener);
}

HOOK(nanosleep) {
    struct timespec time = {0, 1000000}, rest = {7, 7};
    SHOW(nanosleep(&time, &rest));
    printf("  rest %ld %ld\n", (long)rest.tv_sec, rest.tv_nsec);
    signal_in(10);
    time.tv_sec = 5;
    SHOW(nanosleep(&time, &rest));
    printf("  rest written %d, signals %d\n", rest.tv_sec == 4 || rest.tv_sec == 5, (int)signals);
}

HOOK(pause) {
    signal_in(20);
    SHOW(pause());
    printf("  signals %d\n", (int)signals);
}

HOOK(pipe) {
    int pair[2] = {-1, -1};
    SHOW(pipe(pair));
    SHOW(write(pair[1], "through", 7));
    SHOW(read(pair[0], got, n(20)));
    show_got();
    close(pair[0]), close(pair[1]);
}
HOOK(pipe2) {
    int pair[2] = {-1, -1};
    SHOW(pipe2(pair, O_NONBLOCK | O_CLOEXEC));
    printf("  flags %x %x\n", fcntl(pair[0], F_GETFL), fcntl(pair[1], F_GETFD));
    SHOW(read(pair[0], got, n(20)));
    SHOW(pipe2(pair, 1));
    close(pair[0]), close(pair[1]);
}

HOOK(poll) {
    struct pollfd all[4] = {{tcp, POLLIN | POLLOUT, 77}, {-1, POLLIN, 77}, {pipes[0], POLLIN, 77}, {9999, POLLIN, 77}};
    SHOW(poll(all, n(4), 1000));
    printf("  %x %x %x %x\n", all[0].revents, all[1].revents, all[2].revents, all[3].revents);
    SHOW(poll(all + 1, n(1), 5));
    SHOW(poll(all, n(1), -1));
}
HOOK(ppoll) {
    struct pollfd all[3] = {{tcp, POLLIN | POLLOUT, 77}, {-1, POLLIN, 77}, {pipes[0], POLLIN, 77}};
    struct timespec time = {0, 700000000};
    sigset_t full;
    sigfillset(&full);
    SHOW(ppoll(all, n(3), &time, &full));
    printf("  %x %x %x, time %ld\n", all[0].revents, all[1].revents, all[2].revents, time.tv_nsec);
    sigset_t before = blocked();
    SHOW(ppoll(all + 1, n(1), &(struct timespec){2, 0}, &before));
    sigprocmask(SIG_SETMASK, &before, NULL);
    printf("  signals %d\n", (int)signals);
}

static void selecting(int with_mask) {
    fd_set in, out, error;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&error);
    FD_SET(tcp, &in), FD_SET(gram[1], &in), FD_SET(pipes[1], &out), FD_SET(tcp, &error);
    struct timeval value = {0, 700000};
    struct timespec time = {0, 700000000};
    sigset_t full;
    sigfillset(&full);
#define SELECT(in, out, error, tv, ts, mask) (with_mask ? pselect(200, in, out, error, ts, mask) : select(200, in, out, error, tv))
    SHOW(SELECT(&in, &out, &error, &value, &time, &full));
    printf("  in %d %d, out %d, error %d, time %d\n", FD_ISSET(tcp, &in) != 0, FD_ISSET(gram[1], &in) != 0, FD_ISSET(pipes[1], &out) != 0, FD_ISSET(tcp, &error) != 0, with_mask ? (int)(time.tv_nsec / 1000) : value.tv_usec > 500000);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&error);
    FD_SET(gram[1], &in), FD_SET(gram[1], &error);
    value = (struct timeval){0, 5000}, time = (struct timespec){0, 5000000};
    SHOW(SELECT(&in, &out, &error, &value, &time, &full));
    printf("  in %d, time %d\n", FD_ISSET(gram[1], &in) != 0, with_mask ? (int)time.tv_nsec : (int)value.tv_usec);
    if (with_mask) {
        sigset_t before = blocked();
        SHOW(pselect(0, NULL, NULL, NULL, &(struct timespec){2, 0}, &before));
        sigprocmask(SIG_SETMASK, &before, NULL);
        printf("  signals %d\n", (int)signals);
    }
}
HOOK(select) { selecting(0); }
HOOK(pselect) { selecting(1); }

HOOK(prctl) {
    char before[16] = "", after[16] = "";
    SHOW(prctl(PR_GET_NAME, before, 0L, 0L, 0L));
    SHOW(prctl(PR_SET_NAME, "hazard-name", 0L, 0L, 0L));
    SHOW(prctl(PR_GET_NAME, after));
    printf("  %s\n", after);
    SHOW(prctl(PR_SET_NAME, before));
    // All five words: each must be 0, or is the fifth itself.
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0L, 1L, 0L, 0L));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 1L, 0L));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 1L));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 1L << 40));
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 1;
    SHOW(prctl(0x53564d41, 0L, page, 8192L, "hazard")); // PR_SET_VMA, if the kernel has it
    char line[256];
    int named = 0;
    for (FILE *maps = fopen("/proc/self/maps", "r"); maps;) {
        if (!fgets(line, sizeof line, maps)) { fclose(maps); break; }
        named += strstr(line, "[anon:hazard]") != NULL;
    }
    printf("  named %d\n", named);
    munmap(page, 8192);
}

HOOK(read) {
    SHOW(read(tcp, got, n(10)));
    show_got();
    SHOW(read(tcp, got, n(60)));
    show_got();
    SHOW(read(local[0], got, n(60)));
    show_got();
    SHOW(read(pipes[0], got, n(3)));
    show_got();
    SHOW(read(file, got, n(60)));
    SHOW(read(file, got, n(60)));
    show_got();
}
HOOK(readv) {
    struct iovec parts[3] = {{got, 3}, {got + 10, 0}, {got + 20, 5}};
    SHOW(readv(tcp, parts, 3));
    show_got();
    SHOW(readv(pipes[0], parts, 3));
    show_got();
    SHOW(readv(file, parts + 2, 1));
    show_got();
    SHOW(readv(tcp, parts, -1));
}
HOOK(recv) {
    SHOW(recv(tcp, got, n(10), MSG_PEEK));
    show_got();
    SHOW(recv(tcp, NULL, n(10), MSG_TRUNC));
    SHOW(recv(tcp, got, n(16), MSG_WAITALL | MSG_NOSIGNAL));
    show_got();
    SHOW(recv(tcp, got, n(16), MSG_DONTWAIT));
    SHOW(recv(tcp, got, n(1), MSG_OOB));
    SHOW(recv(local[0], got, n(60), MSG_PEEK));
    show_got();
    SHOW(recv(pipes[0], got, n(1), 0));
}
HOOK(recvfrom) {
    for (int i = 0; i < 4; i++) {
        struct sockaddr_storage from = {0};
        socklen_t length = sizeof from;
        SHOW(recvfrom(tcp, got, n(6), i == 0 ? MSG_PEEK : 0, (struct sockaddr *)&from, &length));
        show_got();
        show_address(&from, length);
    }
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    MUST(sendto(gram[1], "to myself", 9, 0, (struct sockaddr *)&name, name_length));
    SHOW(recvfrom(gram[1], got, n(4), MSG_TRUNC, (struct sockaddr *)&from, &length));
    show_got();
    show_address(&from, length);
    SHOW(recvfrom(gram[1], got, n(4), MSG_DONTWAIT, (struct sockaddr *)&from, &length));
}

// A message with a name, parts, control data and flags.
struct full { struct mmsghdr message; struct iovec parts[2]; struct sockaddr_storage address; char first[5], second[5]; union { char room[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } control; };
static void empty(struct full *full, int count) {
    for (int i = 0; i < count; i++) {
        struct full *f = full + i;
        memset(f, 0, sizeof *f);
        memset(f->first, '.', 5), memset(f->second, '.', 5);
        f->parts[0] = (struct iovec){f->first, 4}, f->parts[1] = (struct iovec){f->second, 4};
        f->message.msg_hdr = (struct msghdr){.msg_name = &f->address, .msg_namelen = sizeof f->address, .msg_iov = f->parts, .msg_iovlen = 2,
                                                .msg_control = f->control.room, .msg_controllen = sizeof f->control.room, .msg_flags = -1};
    }
}
static void attach(struct full *f, int first, int second) { // two descriptors as control data
    struct cmsghdr *head = &f->control.align;
    int both[2] = {first, second};
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof both), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), both, sizeof both);
}
static void show_message(struct full *f) {
    struct msghdr *m = &f->message.msg_hdr;
    printf("  %.5s|%.5s length %u flags %x control %zu", f->first, f->second, f->message.msg_len, (unsigned)m->msg_flags, (size_t)m->msg_controllen);
    struct cmsghdr *head = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
        int both[2];
        memcpy(both, CMSG_DATA(head), sizeof both);
        printf(", two came, close on exec %d %d", fcntl(both[0], F_GETFD), fcntl(both[1], F_GETFD));
        close(both[0]), close(both[1]);
    }
    printf("\n");
    if (m->msg_namelen) show_address(&f->address, m->msg_namelen);
}
static void send_full(int count) { // to gram[1] by its name, from itself
    for (int i = 0; i < count; i++) {
        struct full f;
        empty(&f, 1);
        memcpy(f.first, "abcd", 4), memcpy(f.second, "0123", 4), f.second[0] += i;
        memcpy(&f.address, &name, sizeof name), f.message.msg_hdr.msg_namelen = name_length;
        attach(&f, tcp, pipes[0]);
        MUST(sendmsg(gram[1], &f.message.msg_hdr, MSG_DONTWAIT));
    }
}

HOOK(recvmsg) {
    struct full f;
    send_full(2);
    empty(&f, 1);
    SHOW(recvmsg(gram[1], &f.message.msg_hdr, MSG_CMSG_CLOEXEC));
    show_message(&f);
    empty(&f, 1), f.parts[1].iov_len = 2, f.message.msg_hdr.msg_controllen = 4;
    SHOW(recvmsg(gram[1], &f.message.msg_hdr, MSG_TRUNC | MSG_DONTWAIT));
    show_message(&f);
    empty(&f, 1);
    SHOW(recvmsg(tcp, &f.message.msg_hdr, MSG_PEEK));
    show_message(&f);
    empty(&f, 1);
    SHOW(recvmsg(tcp, &f.message.msg_hdr, MSG_WAITALL));
    show_message(&f);
    SHOW(recvmsg(pipes[0], &f.message.msg_hdr, 0));
}
HOOK(recvmmsg) {
    struct full f[3];
    struct mmsghdr many[3];
    struct timespec time = {3, 500};
    send_full(2);
#define RECEIVE(fd, count, flags, timeout)                                                                             \
    empty(f, 3);                                                                                                       \
    for (int i = 0; i < 3; i++) many[i] = f[i].message;                                                                \
    SHOW(recvmmsg(fd, many, count, flags, timeout));                                                                   \
    for (int i = 0; i < 3; i++) f[i].message = many[i], show_message(&f[i])
    RECEIVE(gram[1], 2, MSG_CMSG_CLOEXEC, &time);
    printf("  time left %d\n", time.tv_sec == 2 || time.tv_sec == 3 && time.tv_nsec <= 500);
    time = (struct timespec){3, 0};
    RECEIVE(tcp, 3, MSG_WAITFORONE, &time);
    printf("  time left %d\n", time.tv_sec);
    RECEIVE(gram[1], 3, MSG_DONTWAIT, &time);
    time = (struct timespec){0, 2000000000};
    RECEIVE(gram[1], 3, MSG_DONTWAIT, &time);
}
HOOK(send) {
    SHOW(send(tcp, "more", 4, MSG_MORE | MSG_NOSIGNAL));
    SHOW(send(tcp, "then", 4, MSG_DONTWAIT));
    SHOW(send(local[0], "local", 5, MSG_MORE));
    SHOW(read(local[1], got, n(9)));
    show_got();
    SHOW(send(pipes[1], "x", 1, 0));
    SHOW(send(gram[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(local[0], "x", 1, MSG_OOB | 0x800000));
    close(local[1]), signal(SIGPIPE, SIG_DFL);
    IN_CHILD SHOW(send(local[0], "x", 1, MSG_NOSIGNAL)), fflush(stdout), send(local[0], "x", 1, 0);
}
HOOK(sendto) {
    SHOW(sendto(tcp, "to", 2, MSG_NOSIGNAL, (struct sockaddr *)&name, name_length));
    SHOW(sendto(tcp, "to", 2, MSG_MORE, NULL, 0));
    SHOW(sendto(gram[0], "by name", 7, MSG_DONTWAIT, (struct sockaddr *)&name, name_length));
    SHOW(sendto(gram[0], "by name", 7, 0, (struct sockaddr *)&name, name_length - 1));
    SHOW(sendto(gram[0], "by name", 7, 0, (struct sockaddr *)&name, 1));
    SHOW(read(gram[1], got, n(9)));
    show_got();
}
HOOK(sendmsg) {
    struct full f;
    empty(&f, 1);
    memcpy(f.first, "wxyz", 4), memcpy(f.second, "6789", 4);
    memcpy(&f.address, &name, sizeof name), f.message.msg_hdr.msg_namelen = name_length;
    f.message.msg_hdr.msg_controllen = 0;
    SHOW(sendmsg(tcp, &f.message.msg_hdr, MSG_NOSIGNAL));
    attach(&f, pipes[0], tcp), f.message.msg_hdr.msg_controllen = sizeof f.control.room;
    SHOW(sendmsg(gram[0], &f.message.msg_hdr, MSG_DONTWAIT));
    empty(&f, 1);
    SHOW(recvmsg(gram[1], &f.message.msg_hdr, 0));
    show_message(&f);
    f.message.msg_hdr.msg_iovlen = 2000;
    SHOW(sendmsg(tcp, &f.message.msg_hdr, 0));
}
HOOK(sendmmsg) {
    struct full f[3];
    struct mmsghdr many[3];
    empty(f, 3);
    for (int i = 0; i < 3; i++) {
        memcpy(f[i].first, "mmsg", 4), memcpy(f[i].second, "0123", 4), f[i].second[1] += i;
        many[i] = f[i].message, many[i].msg_hdr.msg_controllen = 0, many[i].msg_hdr.msg_namelen = 0;
    }
    SHOW(sendmmsg(tcp, many, 2, MSG_NOSIGNAL));
    printf("  %u %u %u\n", many[0].msg_len, many[1].msg_len, many[2].msg_len);
    for (int i = 0; i < 3; i++) {
        memcpy(&f[i].address, &name, sizeof name), many[i].msg_hdr.msg_namelen = name_length;
        attach(&f[i], tcp, pipes[1]), many[i].msg_hdr.msg_controllen = sizeof f[i].control.room;
    }
    SHOW(sendmmsg(gram[0], many, 3, MSG_DONTWAIT));
    for (int i = 0; i < 3; i++) {
        empty(f, 1);
        SHOW(recvmsg(gram[1], &f[0].message.msg_hdr, 0));
        show_message(&f[0]);
    }
}
HOOK(sendfile) {
    off_t offset = 5;
    SHOW(sendfile(tcp, file, &offset, n(7)));
    printf("  offset %ld, position %ld\n", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    SHOW(sendfile(tcp, file, NULL, n(3)));
    SHOW(sendfile(local[0], file, &offset, n(70)));
    printf("  offset %ld, position %ld\n", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    SHOW(read(local[1], got, n(60)));
    show_got();
    offset = -3;
    SHOW(sendfile(tcp, file, &offset, n(7)));
}
HOOK(sendfile64) {
    off64_t offset = 5;
    SHOW(sendfile64(tcp, file, &offset, n(7)));
    printf("  offset %ld, position %ld\n", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    offset = 1ll << 33;
    SHOW(sendfile64(tcp, file, &offset, n(7)));
    printf("  offset %lld\n", (long long)offset);
}
HOOK(setsockopt) {
    struct linger linger = {1, 3};
    int value[2] = {1, 1};
    socklen_t length = sizeof linger;
    SHOW(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    linger = (struct linger){0};
    getsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, &length);
    printf("  %d %d\n", linger.l_onoff, linger.l_linger);
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, value, sizeof value));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, value, 2));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5));
    SHOW(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "none such", 9));
    SHOW(setsockopt(local[0], IPPROTO_TCP, TCP_NODELAY, value, sizeof value));
    SHOW(setsockopt(pipes[0], SOL_SOCKET, SO_KEEPALIVE, value, sizeof value));
    linger = (struct linger){0};
    SHOW(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}
HOOK(fclose) {
    FILE *stream = fdopen(dup(tcp), "w");
    fputs("held by stdio", stream);
    SHOW(fclose(stream));
    stream = fdopen(open("/dev/null", O_RDONLY), "r");
    SHOW(close(fileno(stream)));
    SHOW(fclose(stream));
}
HOOK(shutdown) {
    SHOW(shutdown(tcp, SHUT_RD));
    SHOW(read(tcp, got, n(60)));
    show_got();
    SHOW(shutdown(local[0], SHUT_WR));
    SHOW(read(local[1], got, n(3)));
    SHOW(shutdown(tcp, 3));
    SHOW(shutdown(pipes[0], SHUT_RD));
}
HOOK(sigsuspend) {
    sigset_t before = blocked(), inside = before;
    SHOW(sigsuspend(&inside));
    sigset_t after;
    sigprocmask(SIG_SETMASK, &before, &after);
    printf("  signals %d, still blocked %d\n", (int)signals, sigismember(&after, SIGUSR1));
}
static void sigwaiting(int timed) {
    sigset_t set, before;
    siginfo_t info = {0};
    struct timespec time = {2, 0};
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &before);
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 77});
    SHOW(timed ? sigtimedwait(&set, &info, &time) : sigwaitinfo(&set, &info));
    printf("  %d %d %d\n", info.si_signo, info.si_code, info.si_value.sival_int);
    signal_in(10);
    SHOW(timed ? sigtimedwait(&set, &info, &time) : sigwaitinfo(&set, &info));
    printf("  %d %d %d\n", info.si_signo, info.si_code, info.si_value.sival_int);
    time = (struct timespec){0, 3000000};
    if (timed) SHOW(sigtimedwait(&set, &info, &time));
    sigprocmask(SIG_SETMASK, &before, NULL);
}
HOOK(sigtimedwait) { sigwaiting(1); }
HOOK(sigwaitinfo) { sigwaiting(0); }
HOOK(sched_yield) { SHOW(sched_yield()); }

HOOK(sleep) {
    signal_in(10);
    unsigned rest = sleep(5);
    printf("  rest %d, signals %d\n", rest == 4 || rest == 5, (int)signals);
    SHOW(sleep(0));
}
HOOK(usleep) {
    signal_in(10);
    SHOW(usleep(900000));
    SHOW(usleep(1000));
}
HOOK(socket) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), protocol = -1;
    socklen_t length = sizeof protocol;
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
    printf("  flags %x %x, protocol %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), protocol);
    close(fd);
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    SHOW(socket(77, SOCK_STREAM, 0));
}
HOOK(socketpair) {
    int pair[2] = {-1, -1};
    SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    printf("  flags %x\n", fcntl(pair[1], F_GETFD));
    SHOW(write(pair[0], "one", 3));
    SHOW(write(pair[0], "two", 3));
    SHOW(read(pair[1], got, n(20)));
    show_got();
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 7, pair));
}
HOOK(splice) {
    off64_t from = 3, to = 40;
    int second[2];
    MUST(pipe(second));
    SHOW(splice(file, &from, second[1], NULL, n(9), SPLICE_F_MOVE | SPLICE_F_MORE));
    printf("  from %lld\n", (long long)from);
    SHOW(splice(second[0], NULL, tcp, NULL, n(4), SPLICE_F_MORE));
    SHOW(splice(second[0], NULL, tcp, NULL, n(5), SPLICE_F_NONBLOCK));
    SHOW(splice(second[0], NULL, tcp, NULL, n(5), SPLICE_F_NONBLOCK));
    SHOW(splice(tcp, NULL, second[1], NULL, n(6), 0));
    SHOW(splice(second[0], NULL, file, &to, n(6), SPLICE_F_MOVE));
    printf("  to %lld, size %ld\n", (long long)to, (long)lseek(file, 0, SEEK_END));
    SHOW(pread(file, got, 10, 38));
    show_got();
    SHOW(splice(second[0], &from, tcp, NULL, n(1), 0));
    SHOW(splice(second[0], NULL, tcp, &to, n(1), 0));
    SHOW(splice(second[0], NULL, tcp, NULL, n(1), 0x100));
    close(second[0]), close(second[1]);
}
#ifdef SYS_mmap2 // the other one takes a pointer to them
#define MMAP SYS_mmap2
#else
#define MMAP SYS_mmap
#endif
HOOK(syscall) { // all six words, and a result wider than an int
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    int word = 5, second[2];
    long offset = 3;
    MUST(pipe(second));
    SHOW(syscall(SYS_sendto, gram[0], "six words", 9L, (long)MSG_DONTWAIT, &name, (long)name_length));
    SHOW(syscall(SYS_recvfrom, gram[1], got, 20L, (long)MSG_TRUNC, &from, &length));
    show_got();
    SHOW(syscall(SYS_sendto, tcp, "raw", 3L, (long)MSG_NOSIGNAL, NULL, 0L));
    SHOW(syscall(SYS_splice, file, &offset, second[1], NULL, 6L, (long)SPLICE_F_MOVE));
    SHOW(syscall(SYS_splice, second[0], NULL, tcp, NULL, 6L, (long)SPLICE_F_MORE));
    SHOW(syscall(SYS_futex, &word, 9L, 5L, &(struct timespec){0, 1}, NULL, -1L)); // FUTEX_WAIT_BITSET till long ago
    SHOW(syscall(SYS_futex, &word, 9L, 5L, &(struct timespec){0, 1}, NULL, 0L));
    char *page = (char *)syscall(MMAP, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)file, 0L);
    printf("  wider than an int %d, \"%.5s\"\n", (long)page != (int)(long)page, page);
    SHOW(syscall(MMAP, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE, (long)file, 77L));
    SHOW(syscall(SYS_munmap, page, 4096L));
    SHOW(syscall(SYS_pselect6, 0L, NULL, NULL, NULL, (&(struct timespec){0, 1000}), NULL));
    SHOW(syscall(SYS_copy_file_range, file, &(long){2}, file, &(long){30}, 4L, 1L));
    SHOW(syscall(SYS_copy_file_range, file, &(long){2}, file, &(long){30}, 4L, 0L));
    SHOW(pread(file, got, 4, 30));
    show_got();
    close(second[0]), close(second[1]);
}

// A child that ends with this status while its parent waits.
static pid_t ending(int status) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mortal();
        pause_ms(5);
        _exit(status);
    }
    return child;
}
static void show_usage(const struct rusage *usage) { printf("  usage %s\n", usage->ru_maxrss > 0 && usage->ru_nvcsw >= 0 ? "written" : "missing"); }
HOOK(unshare) { // what every thread here shares with nobody anyway, and what is refused
    SHOW(unshare(0));
    SHOW(unshare(CLONE_FS));
    SHOW(unshare(-1));
    SHOW(unshare(CLONE_FILES | 1));
}

HOOK(wait) {
    int status = -1;
    pid_t child = ending(3);
    SHOW(wait(&status) == child);
    printf("  status %x\n", (unsigned)status);
    SHOW(wait(&status));
}
HOOK(wait3) {
    int status = -1;
    struct rusage usage = {.ru_nvcsw = -1};
    pid_t child = ending(4);
    SHOW(wait3(&status, WUNTRACED, &usage) == child);
    printf("  status %x\n", (unsigned)status), show_usage(&usage);
    SHOW(wait3(&status, WNOHANG, &usage));
    SHOW(wait3(&status, 0x1000, &usage));
}
HOOK(wait4) {
    int status = -1;
    struct rusage usage = {.ru_nvcsw = -1};
    pid_t child = ending(5), other = ending(6);
    SHOW(wait4(other, &status, 0, &usage) == other);
    printf("  status %x\n", (unsigned)status), show_usage(&usage);
    SHOW(wait4(child, &status, WUNTRACED, &usage) == child);
    printf("  status %x\n", (unsigned)status);
    SHOW(wait4(child, &status, WNOHANG, &usage));
}
HOOK(waitid) {
    siginfo_t info = {0};
    pid_t child = ending(7);
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    printf("  %d %d %d %d\n", info.si_signo, info.si_code, info.si_status, info.si_pid == child);
    info = (siginfo_t){0};
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED));
    printf("  %d %d\n", info.si_status, info.si_pid == child);
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, 0));
}
HOOK(waitpid) {
    int status = -1;
    pid_t child = ending(8), other = ending(9);
    SHOW(waitpid(other, &status, WUNTRACED) == other);
    printf("  status %x\n", (unsigned)status);
    SHOW(waitpid(child, &status, 0) == child);
    printf("  status %x\n", (unsigned)status);
    SHOW(waitpid(child, &status, WNOHANG));
}
HOOK(write) {
    SHOW(write(tcp, "one", 3));
    SHOW(write(tcp, "", 0));
    SHOW(write(tcp, "two", 3));
    SHOW(write(pipes[1], "pipe", 4));
    SHOW(write(local[0], "local", 5));
    SHOW(write(file, "file", 4));
    SHOW(pread(file, got, 26, 0));
    show_got();
    SHOW(write(tcp, (void *)8, 3));
}
HOOK(writev) {
    struct iovec parts[3] = {{"one", 3}, {(void *)8, 0}, {"three", 5}};
    SHOW(writev(tcp, parts, 3));
    SHOW(writev(tcp, parts, 0));
    SHOW(writev(local[0], parts, 3));
    SHOW(writev(file, parts, 3));
    SHOW(read(local[1], got, n(20)));
    show_got();
    SHOW(writev(tcp, parts, -1));
    SHOW(writev(tcp, parts, 2000));
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "list")) {
        for (struct hook *hook = hooks; hook; hook = hook->next) puts(hook->name);
        return 0;
    }
    begin(40);
    signal(SIGPIPE, SIG_IGN);
    setenv("HAZARD_VALUE", "inherited", 1);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    prctl(PR_SET_DUMPABLE, 0); // a checked form that ends its process leaves no core behind
    for (struct hook *hook = hooks; hook; hook = hook->next) {
        for (burst = 0; burst < 2; burst++) {
            printf("--- %s, %s\n", hook->name, burst ? "an open burst" : "data to read");
            signals = 0;
            open_all();
            hook->call();
            close_all();
        }
    }
    return 0;
}
