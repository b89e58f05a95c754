// A process that answers in two writes is killed, aborts or resets its connection after a burst that ended at a wait, with
// and without input that it has not read (the kernel then resets, and drops what has not left). What the peer gets is the
// same. (Killed between two writes of one burst, the first write may be lost where it was held: nobody can see a kill
// coming. That case is not here.)
// Hazard: what was held while the program waited is lost with the process.
#include "hazard.h"
#include "../programs/unseen.h"
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

static const char *waits[] = {"poll", "nanosleep", "select", "epoll_wait", "a raw nanosleep", "a futex", "a spin"};
static const char *deaths[] = {"kills itself", "is killed", "aborts", "faults", "ends", "ends by a raw call", "closes with SO_LINGER 0"};
enum { HOOKED = 4, ROUNDS = 24 };

static void wait_for(int way, int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    struct timeval value = {ms / 1000, ms % 1000 * 1000L};
    struct epoll_event event;
    int word = 0;
    switch (way) {
    case 0: poll(NULL, 0, ms); break;
    case 1: nanosleep(&time, NULL); break;
    case 2: select(0, NULL, NULL, NULL, &value); break;
    case 3: { int epoll = MUST(epoll_create1(0)); epoll_wait(epoll, &event, 1, ms); close(epoll); break; }
    case 4: unseen(SYS_nanosleep, (long)&time, 0, 0, 0, 0, 0); break;
    case 5: unseen(SYS_futex, (long)&word, 0 /* FUTEX_WAIT */, 0, (long)&time, 0, 0); break;
    case 6: for (double end = now() + ms / 1000.0; now() < end;) {} break;
    }
}

// The process under test. Where it waits unseen it has always done so.
static void serve(int fd, int way, int death, int half, int told) {
    char byte;
    struct linger none = {1, 0};
    for (int i = 0; i < ROUNDS; i++) {
        write(fd, "head", 4);
        write(fd, "body", 4);
        if (way < HOOKED) read(fd, &byte, 1);
        else unseen(SYS_read, fd, (long)&byte, 1, 0, 0, 0);
    }
    write(fd, "HEAD", 4);
    if (!half) write(fd, "BODY", 4);
    wait_for(way, 20);
    switch (death) {
    case 0: kill(getpid(), SIGKILL);
    case 1: unseen(SYS_write, told, (long)"x", 1, 0, 0, 0); for (;;) unseen(SYS_nanosleep, (long)&(struct timespec){1, 0}, 0, 0, 0, 0, 0);
    case 2: abort();
    case 3: *(volatile int *)8 = 1;
    case 4: _exit(3);
    case 5: unseen(SYS_exit_group, 4, 0, 0, 0, 0, 0);
    case 6: setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none); close(fd); _exit(5);
    }
}

static void run(int way, int death, int half, int unread) {
    int pair[2], told[2], one = 1, status = 0;
    char text[ROUNDS * 8 + 32];
    tcp_pair(pair);
    MUST(pipe(told));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mortal();
        close(pair[1]);
        serve(pair[0], way, death, half, told[1]);
        _exit(99);
    }
    close(pair[0]), close(told[1]);
    size_t have = 0;
    ssize_t more;
    int replies = 0;
    for (;;) {
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        more = read(pair[1], text + have, sizeof text - have);
        int err = errno;
        if (more <= 0) {
            size_t last = ROUNDS * 8;
            printf("%s, %s%s, %s: \"%.*s\", %s\n", deaths[death], half ? "one write, then " : "", waits[way], unread ? "input unread" : "all read",
                   have > last ? (int)(have - last) : 0, text + last, more == 0 ? "end" : errname(err));
            break;
        }
        have += (size_t)more;
        if (replies < ROUNDS && have >= (size_t)(replies + 1) * 8) {
            replies++;
            if (way >= HOOKED) pause_ms(2); // a burst ends by this time where nothing else ends it
            write(pair[1], "runread", replies == ROUNDS && unread ? 7 : 1);
        }
        if (death == 1 && have >= ROUNDS * 8 + (half ? 4 : 8)) {
            if (read(told[0], text + sizeof text - 1, 1) == 1) kill(child, SIGKILL);
        }
    }
    if (death == 1) kill(child, SIGKILL); // the bytes did not come
    waitpid(child, &status, 0);
    printf("  signal %d, status %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
    close(pair[1]), close(told[0]);
}

int main(void) {
    begin(50);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (int way = 0; way < COUNT(waits); way++)
        for (int death = 0; death < COUNT(deaths); death++)
            for (int kind = 0; kind < 4; kind++)
                if (way == 0 || kind > 1) run(way, death, kind & 1, kind >> 1); // read or not: asked once
    return 0;
}
