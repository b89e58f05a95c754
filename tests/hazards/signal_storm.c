// A storm of signals whose handler uses sockets, files and pipes, while the main program does the same.
//
//   main:     write(A) write(A) read(A) ...   open close socket close ...
//   handler:      write(B) write(F) socket close dup close poll      (interrupts any of the above)
//
// Hazard: a hook that holds a lock or half-updated state when the handler enters it; errno of the interrupted call.
#include "hazard.h"

static int a[2], b[2], file, pipes[2];
static volatile long handled, wrong;
static struct sockaddr_in address;

static void expect(long got, long wanted) {
    if (got != wanted) wrong++;
}

static void handler(int number) {
    (void)number;
    int saved = errno;
    char bytes[4] = {'s', 'i', 'g', (char)('0' + handled % 10)};
    expect(write(b[0], bytes, 2), 2);
    expect(send(b[0], bytes + 2, 2, 0), 2);
    expect(write(file, bytes, 4), 4);
    expect(write(pipes[1], bytes, 1), 1);
    char sink[4];
    expect(read(pipes[0], sink, 1), 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int copy = dup(fd);
    struct pollfd p = {fd, POLLIN, 0};
    poll(&p, 1, 0);
    expect(close(copy), 0);
    expect(close(fd), 0);
    errno = 0;
    expect(write(-1, bytes, 1), -1);
    expect(errno, EBADF);
    if (handled % 16 == 0) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
    }
    handled++;
    errno = saved;
}

static void *drain(void *argument) { // reads everything that the handler wrote; blocks the signal
    uint64_t *state = argument, hash = HASH_START;
    char buffer[65536];
    ssize_t got;
    while ((got = read(b[1], buffer, sizeof buffer)) != 0)
        if (got > 0) hash = hash_bytes(hash, buffer, (size_t)got), state[1] += (uint64_t)got;
    state[0] = hash;
    return NULL;
}

static volatile int stop;
static pthread_t target;
static void *storm(void *unused) {
    (void)unused;
    while (!stop) {
        pthread_kill(target, SIGUSR1);
        struct timespec pause = {0, 20000};
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int main(void) {
    begin(60);
    signal(SIGPIPE, SIG_IGN);
    int listener = tcp_listen(&address, 512);
    tcp_pair(a);
    tcp_pair(b);
    MUST(pipe(pipes));
    char path[] = "/tmp/hazard-XXXXXX";
    file = MUST(mkstemp(path));
    unlink(path);
    teach(a[0], a[1], 12);
    int one = 1;
    MUST(setsockopt(a[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)); // or the plain run stalls at every round

    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    uint64_t state[2] = {0, 0};
    pthread_t reader, sender;
    target = pthread_self();
    pthread_create(&reader, NULL, drain, state);
    pthread_create(&sender, NULL, storm, NULL);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);

    long rounds = 0, bad_errno = 0;
    for (; handled < 4000; rounds++) {
        char buffer[16];
        struct iovec iov[2] = {{"head", 4}, {"body", 4}};
        expect(write(a[0], "first", 5), 5);
        expect(writev(a[0], iov, 2), 8);
        expect((long)read_fully(a[1], buffer, 13), 13);
        expect(memcmp(buffer, "firstheadbody", 13), 0);
        expect(write(a[1], "ok", 2), 2);
        expect((long)read_fully(a[0], buffer, 2), 2);
        errno = ERRNO_MARK;
        expect(write(-1, "x", 1), -1);
        if (errno != EBADF) bad_errno++;
        int fd = MUST(open("/dev/null", O_WRONLY));
        expect(write(fd, "x", 1), 1);
        expect(close(fd), 0);
        fd = MUST(accept(a[0], NULL, NULL) < 0 ? socket(AF_INET6, SOCK_STREAM, 0) : -1);
        expect(dup2(fd, 200), 200);
        expect(close(fd), 0);
        expect(close(200), 0);
        errno = ERRNO_MARK;
        getppid();
        if (errno != ERRNO_MARK) bad_errno++;
    }
    stop = 1;
    pthread_join(sender, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    shutdown(b[0], SHUT_WR);
    pthread_join(reader, NULL);
    uint64_t wanted = HASH_START;
    for (long i = 0; i < handled; i++) {
        char bytes[4] = {'s', 'i', 'g', (char)('0' + i % 10)};
        wanted = hash_bytes(wanted, bytes, 4);
    }
    close(listener);
    printf("wrong results %ld, wrong errno %ld\n", wrong, bad_errno);
    printf("bytes from the handler %s\n", state[1] == (uint64_t)handled * 4 ? "all" : "not all");
    printf("their hash %s\n", state[0] == wanted ? "equal" : "different");
    printf("file %s\n", lseek(file, 0, SEEK_END) == handled * 4 ? "complete" : "not complete");
    printf("rounds %s\n", rounds > 10 ? "many" : "few");
    return 0;
}
