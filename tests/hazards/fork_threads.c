// fork while other threads create, write and close sockets; each child uses sockets too.
//
//   threads:  socket connect write write read close ...   (all the time)
//   main:     fork ----> child: write(kept) socket connect write read close, _exit
//
// Hazard: a lock held by another thread at the moment of fork stays locked in the child for ever.
#include "hazard.h"

static struct sockaddr_in address;
static volatile int stop;
static long exchanged[3];

static void *echo(void *argument) { // one thread per connection: echoes everything
    int fd = (int)(long)argument;
    char buffer[256];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) write_fully(fd, buffer, (size_t)got);
    close(fd);
    return NULL;
}

static void *serve(void *argument) {
    int listener = (int)(long)argument;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        pthread_t thread;
        if (pthread_create(&thread, NULL, echo, (void *)(long)fd) == 0) pthread_detach(thread);
    }
}

static int one_visit(void) {
    int nodelay = 1, fd = tcp_dial(&address);
    char buffer[16];
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
    for (int i = 0; i < 3; i++) {
        if (write(fd, "head", 4) != 4 || write(fd, "body", 4) != 4) return 0;
        if (read_fully(fd, buffer, 8) != 8 || memcmp(buffer, "headbody", 8)) return 0;
    }
    return close(fd) == 0;
}

static void *worker(void *argument) {
    long *mine = argument;
    while (!stop) *mine += one_visit();
    return NULL;
}

int main(void) {
    begin(60);
    signal(SIGPIPE, SIG_IGN);
    int listener = tcp_listen(&address, 256), pair[2];
    pthread_t server, threads[3];
    tcp_pair(pair);
    pthread_create(&server, NULL, serve, (void *)(long)listener);
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, worker, &exchanged[i]);
    int good = 0, bad = 0;
    for (int i = 0; i < 120; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            int fine = write(pair[0], "child", 5) == 5;
            fine &= one_visit();
            _exit(fine ? 42 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 42)
            good++;
        else
            bad++, printf("child ended with %x\n", status);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    char buffer[1000];
    printf("children good %d, bad %d\n", good, bad);
    printf("bytes of the children on the shared socket %zu\n", read_fully(pair[1], buffer, 600));
    for (int i = 0; i < 3; i++) printf("thread %d %s\n", i, exchanged[i] > 5 ? "kept going" : "stood still");
    return 0;
}
