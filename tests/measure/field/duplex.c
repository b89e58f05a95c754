/* One thread writes at its own pace; another polls the same connection and reads the answers. Each of the reader's waits looks as if the
 * program waited for what the writer sent. usage: duplex COUNT GAP_US WAY poll|epoll|recv */
#include "waits.h"

static int fd, how;

static void *reader(void *unused) {
    char data[4096];
    struct pollfd ready = {fd, POLLIN, 0};
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    for (;;) {
        if (how == 'p') poll(&ready, 1, 50);
        if (how == 'e') epoll_wait(epoll, &event, 1, 50);
        long got = recv(fd, data, sizeof data, how == 'r' ? 0 : MSG_DONTWAIT);
        if (!got || (got < 0 && errno != EAGAIN)) return unused;
    }
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    way *wait = named(argv[3]);
    pthread_t reads;
    fd = field_connect(), how = argv[4][0];
    pthread_create(&reads, NULL, reader, NULL);
    for (int i = 0; i < atoi(argv[1]); i++) {
        say(fd, i % 3 ? TIMED : ASKS);
        if (i % 4) wait(atol(argv[2]));
    }
    shutdown(fd, SHUT_WR);
    pthread_join(reads, NULL);
    return 0;
}
