/* One kind of call, many times, so that what a preloaded library adds to it can be counted.
     calls list                names of the kinds
     calls KIND N [time]       warm up, then N rounds of KIND; under callgrind forty times N rounds, forty times 2N, each with a dump;
                               with "time" prints wall, user and system ns per round
     calls peer FILE           the other end: writes its port to FILE, serves until killed (run it natively)
     calls hold K              K TCP connections to itself, one exchange on each, print "ready", sleep
     calls probe WORD          does /proc/self/maps name WORD? and does a TCP exchange work? (for load.sh)
   CALLS_PORT is the peer's port.  The peer acknowledges at once (TCP_QUICKACK), so that Nagle never stalls a run. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS
#endif

static char buf[65536];
static int s = -1, f = -1, ep = -1, ls = -1, body = -1, many[64], T;
static struct sockaddr_in here;
#define DIE(w) do { perror(w); exit(2); } while (0)
#define OK(x) do { if ((x) < 0) DIE(#x); } while (0)

static struct sockaddr_in local(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); return a;
}
static int listener(void)
{
    struct sockaddr_in a = local(0); socklen_t l = sizeof here; int fd;
    OK(fd = socket(AF_INET, SOCK_STREAM, 0)); OK(bind(fd, (void *)&a, sizeof a)); OK(listen(fd, 128));
    OK(getsockname(fd, (void *)&here, &l)); return fd;
}
static int dial(char cmd)
{
    char *p = getenv("CALLS_PORT"); struct sockaddr_in a = local(p ? atoi(p) : 0); int fd;
    OK(fd = socket(AF_INET, SOCK_STREAM, 0)); OK(connect(fd, (void *)&a, sizeof a));
    char m[3] = { cmd, 0, 0 }; memcpy(m + 1, &here.sin_port, 2);
    if (write(fd, m, 3) != 3) DIE("write");
    return fd;
}
static int scratch(void)        /* a regular file without a name */
{
    char *d = getenv("TMPDIR"); int fd; OK(fd = open(d ? d : "/tmp", O_TMPFILE | O_RDWR, 0600));
    if (write(fd, buf, 4096) != 4096) DIE("write");
    return fd;
}

/* ---- the other end --------------------------------------------------------------------------------------------- */
static int all_in(int fd, char *b, int n)
{
    int one = 1;
    for (int k = 0; k < n; ) {
        int r = read(fd, b + k, n - k); if (r <= 0) return 0;
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); k += r;
    }
    return 1;
}
static void *serve(void *arg)
{
    int fd = (intptr_t)arg, one = 1; char m[3], b[65536]; uint16_t port;
    memset(b, 'x', sizeof b); setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!all_in(fd, m, 3)) goto out;
    memcpy(&port, m + 1, 2);
    switch (m[0]) {
    case 'D': while (read(fd, b, sizeof b) > 0) setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); break;
    case 'S': while (write(fd, b, sizeof b) > 0); break;
    case 'R': while (write(fd, b, 64) == 64 && all_in(fd, b, 700)); break;      /* asks, wants 200 + 500 */
    case 'E': while (all_in(fd, b, 1002) && write(fd, b, 16) == 16); break;     /* wants 1000 + 2, answers */
    case 'C': for (;;) {                                                       /* connects again and again */
            struct sockaddr_in a = local(ntohs(port)); int c = socket(AF_INET, SOCK_STREAM, 0);
            if (c < 0 || connect(c, (void *)&a, sizeof a)) { close(c); break; }
            while (read(c, b, 64) > 0);
            close(c);
        }
    }
out:
    close(fd); return 0;
}
static int peer(const char *file)
{
    ls = listener(); FILE *o = fopen(file, "w"); if (!o) DIE(file);
    fprintf(o, "%d\n", ntohs(here.sin_port)); fclose(o);
    for (;;) {
        int c = accept(ls, 0, 0); pthread_t t; if (c < 0) continue;
        if (!pthread_create(&t, 0, serve, (void *)(intptr_t)c)) pthread_detach(t); else close(c);
    }
}

/* ---- kinds: set up once, then rounds ---------------------------------------------------------------------------- */
#define LOOP for (long i = 0; i < n; i++)
#define W(x, want) if ((x) != (want)) DIE(#x)
static void s_null(void)  { OK(f = open("/dev/null", O_WRONLY)); }
static void s_file(void)  { f = scratch(); }
static void s_pipe(void)  { int p[2]; OK(pipe(p)); s = p[0]; f = p[1]; }
static void s_zero(void)  { OK(f = open("/dev/zero", O_RDONLY)); }
static void s_drain(void) { s = dial('D'); body = scratch(); }
static void s_source(void){ s = dial('S'); }
static void s_idle(void)
{
    s = dial('D'); struct epoll_event e = { .events = EPOLLIN };
    OK(ep = epoll_create1(0)); OK(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
    for (int i = 0; i < 64; i++) OK(many[i] = i ? dup(s) : s);
}
static void s_accept(void){ ls = listener(); dial('C'); }
static void s_serve(void)
{
    s = dial('R'); body = scratch(); struct epoll_event e = { .events = EPOLLIN };
    OK(ep = epoll_create1(0)); OK(epoll_ctl(ep, EPOLL_CTL_ADD, s, &e));
}
static void s_wwr(void)   { s = dial('E'); }
static void s_mtnull(void){ for (int i = 0; i < T; i++) OK(many[i] = open("/dev/null", O_WRONLY)); }
static void s_mtsock(void){ for (int i = 0; i < T; i++) many[i] = dial('D'); }

static void r_write_f(long n) { LOOP W(write(f, buf, 64), 64); }
static void r_pipe(long n)    /* emptied by a raw system call every 512 rounds */
{ LOOP { W(write(f, buf, 64), 64); if (i % 512 == 511 || i == n - 1) OK(syscall(SYS_read, s, buf, sizeof buf)); } }
static void r_read_f(long n)  { LOOP W(read(f, buf, 64), 64); }
static void r_write(long n)   { LOOP W(write(s, buf, 64), 64); }
static void r_send(long n)    { LOOP W(send(s, buf, 64, 0), 64); }
static void r_writev(long n)  { struct iovec v[2] = { { buf, 32 }, { buf, 32 } }; LOOP W(writev(s, v, 2), 64); }
static void r_sendmsg(long n)
{ struct iovec v[2] = { { buf, 32 }, { buf, 32 } }; struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 }; LOOP W(sendmsg(s, &m, 0), 64); }
static void r_recv(long n)    { LOOP if (recv(s, buf, 64, 0) <= 0) DIE("recv"); }
static void r_read(long n)    { LOOP if (read(s, buf, 64) <= 0) DIE("read"); }
static void r_poll(long n)    { struct pollfd p = { s, POLLIN, 0 }; LOOP W(poll(&p, 1, 0), 0); }
static void r_poll64(long n)
{ struct pollfd p[64]; for (int i = 0; i < 64; i++) p[i] = (struct pollfd){ many[i], POLLIN, 0 }; LOOP W(poll(p, 64, 0), 0); }
static void r_select(long n)
{ fd_set r; struct timeval z = { 0, 0 }; LOOP { FD_ZERO(&r); FD_SET(s, &r); W(select(s + 1, &r, 0, 0, &z), 0); } }
static void r_epoll(long n)   { struct epoll_event e; LOOP W(epoll_wait(ep, &e, 1, 0), 0); }
static void r_open(long n)    { LOOP { int d; OK(d = open("/dev/null", O_RDONLY)); close(d); } }
static void r_socket(long n)  { LOOP { int d; OK(d = socket(AF_INET, SOCK_STREAM, 0)); close(d); } }
static void r_listen(long n)
{ struct sockaddr_in a = local(0); LOOP { int d; OK(d = socket(AF_INET, SOCK_STREAM, 0)); OK(bind(d, (void *)&a, sizeof a)); OK(listen(d, 8)); close(d); } }
static void r_accept(long n)  { LOOP { int d; OK(d = accept(ls, 0, 0)); close(d); } }
static void r_connect(long n)
{ char *p = getenv("CALLS_PORT"); struct sockaddr_in a = local(p ? atoi(p) : 0);
  LOOP { int d; OK(d = socket(AF_INET, SOCK_STREAM, 0)); OK(connect(d, (void *)&a, sizeof a)); close(d); } }
static void r_dup(long n)     { LOOP { int d; OK(d = dup(s)); close(d); } }
static void r_sendfile(long n){ LOOP { off_t o = 0; W(write(s, buf, 200), 200); W(sendfile(s, body, &o, 500), 500); } }
static void r_serve(long n)
{ struct epoll_event e; LOOP { off_t o = 0; W(epoll_wait(ep, &e, 1, -1), 1); W(recv(s, buf, sizeof buf, 0), 64);
  W(write(s, buf, 200), 200); W(sendfile(s, body, &o, 500), 500); } }
static void r_wwr(long n)     { LOOP { W(write(s, buf, 1000), 1000); W(write(s, buf, 2), 2); W(read(s, buf, 100), 16); } }
static long mt_n;
static void *mt_one(void *a)  { int fd = many[(intptr_t)a]; long n = mt_n; LOOP W(write(fd, buf, 64), 64); return 0; }
static void *mt_recv(void *a) { int fd = many[(intptr_t)a]; long n = mt_n; LOOP W(recv(fd, buf, 64, MSG_DONTWAIT), -1); return 0; }
static void spread(long n, void *(*one)(void *))
{
    pthread_t t[64]; mt_n = n;
    for (int i = 0; i < T; i++) if (pthread_create(&t[i], 0, one, (void *)(intptr_t)i)) DIE("pthread_create");
    for (int i = 0; i < T; i++) pthread_join(t[i], 0);
}
static void r_mt(long n)      { spread(n, mt_one); }
static void r_mtrecv(long n)  { spread(n, mt_recv); }
static void r_idle(long n)    { LOOP W(recv(s, buf, 64, MSG_DONTWAIT), -1); }
static const struct { const char *name; void (*setup)(void), (*run)(long); int threads; } K[] = {
    { "write null", s_null, r_write_f }, { "write file", s_file, r_write_f }, { "write pipe", s_pipe, r_pipe },
    { "read zero", s_zero, r_read_f },
    { "write tcp", s_drain, r_write }, { "send tcp", s_drain, r_send }, { "writev tcp", s_drain, r_writev },
    { "sendmsg tcp", s_drain, r_sendmsg }, { "recv tcp", s_source, r_recv }, { "read tcp", s_source, r_read },
    { "recv idle", s_drain, r_idle },
    { "poll 1", s_idle, r_poll }, { "poll 64", s_idle, r_poll64 }, { "select 1", s_idle, r_select }, { "epoll_wait", s_idle, r_epoll },
    { "open+close file", s_null, r_open }, { "socket+close", s_null, r_socket }, { "accept+close", s_accept, r_accept },
    { "listen+close", s_null, r_listen }, { "socket+connect+close", s_null, r_connect }, { "dup+close tcp", s_drain, r_dup },
    { "write+sendfile", s_drain, r_sendfile }, { "serve", s_serve, r_serve }, { "write+write+read", s_wwr, r_wwr },
    { "write null x2", s_mtnull, r_mt, 2 }, { "write null x4", s_mtnull, r_mt, 4 }, { "write null x16", s_mtnull, r_mt, 16 },
    { "write tcp x2", s_mtsock, r_mt, 2 }, { "write tcp x4", s_mtsock, r_mt, 4 }, { "write tcp x16", s_mtsock, r_mt, 16 },
    { "recv idle x2", s_mtsock, r_mtrecv, 2 }, { "recv idle x4", s_mtsock, r_mtrecv, 4 }, { "recv idle x16", s_mtsock, r_mtrecv, 16 },
};

#define PIECES 40
static double ns(struct timeval t) { return t.tv_sec * 1e9 + t.tv_usec * 1e3; }
int main(int c, char **v)
{
    const char *a = c > 1 ? v[1] : "list"; signal(SIGPIPE, SIG_IGN);
    if (!strcmp(a, "list")) { for (unsigned i = 0; i < sizeof K / sizeof *K; i++) puts(K[i].name); return 0; }
    if (c < 3) return 2;
    if (!strcmp(a, "peer")) return peer(v[2]);
    if (!strcmp(a, "hold") || !strcmp(a, "probe")) {
        long k = a[0] == 'h' ? atol(v[2]) : 1; char b[8]; const char *loaded = "no";
        if (a[0] == 'p') {
            FILE *m = fopen("/proc/self/maps", "r"); char line[4096]; if (!m) DIE("maps");
            while (fgets(line, sizeof line, m)) if (strstr(line, v[2])) loaded = "yes";
            fclose(m);
        }
        if (k) ls = listener();
        for (long i = 0; i < k; i++) {
            int x, y; OK(x = socket(AF_INET, SOCK_STREAM, 0)); OK(connect(x, (void *)&here, sizeof here)); OK(y = accept(ls, 0, 0));
            W(write(x, "hello", 5), 5); W(read(y, b, 8), 5); W(send(y, "you", 3, 0), 3); W(recv(x, b, 8, 0), 3);
        }
        printf("%s\n", a[0] == 'h' ? "ready" : loaded); fflush(stdout);
        while (a[0] == 'h') pause();
        return 0;
    }
    long n = atol(v[2]);
    for (unsigned i = 0; i < sizeof K / sizeof *K; i++) if (!strcmp(a, K[i].name)) {
        T = K[i].threads; K[i].setup(); K[i].run(50); usleep(1); K[i].run(50);
        if (RUNNING_ON_VALGRIND) {
            /* Several short pieces: the library reads a clock, so one that the machine interrupts takes rarer paths. The dump is
               such an interruption: a sleep before it ends the burst. */
            for (int k = 0; k < 2 * PIECES; k++) { CALLGRIND_ZERO_STATS; K[i].run(k < PIECES ? n : 2 * n); usleep(1); CALLGRIND_DUMP_STATS; }
            return 0;
        }
        struct timespec t0, t1; struct rusage u0, u1;
        getrusage(RUSAGE_SELF, &u0); clock_gettime(CLOCK_MONOTONIC, &t0); K[i].run(n);
        clock_gettime(CLOCK_MONOTONIC, &t1); getrusage(RUSAGE_SELF, &u1);
        if (c > 3) printf("%.1f %.1f %.1f\n", ((t1.tv_sec - t0.tv_sec) * 1e9 + t1.tv_nsec - t0.tv_nsec) / n,
            (ns(u1.ru_utime) - ns(u0.ru_utime)) / n, (ns(u1.ru_stime) - ns(u0.ru_stime)) / n);
        return 0;
    }
    fprintf(stderr, "calls: no kind \"%s\"\n", a); return 2;
}
