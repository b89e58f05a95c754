// Sockets at numbers above 100,000 and at the very end of what the kernel allows.
// Hazard: a table that ends earlier, or that touches memory for every number below.
#include "hazard.h"
#include <sys/resource.h>
#include <sys/epoll.h>

static void at(int number) {
    int pair[2];
    tcp_pair(pair);
    int high = dup2(pair[0], number);
    if (high != number) {
        printf("number %d: %s\n", number, errname(errno));
        close(pair[0]), close(pair[1]);
        return;
    }
    close(pair[0]);
    teach(number, pair[1], 10);
    write(number, "one", 3);
    write(number, "two", 3);
    char text[8];
    size_t got = read_fully(pair[1], text, 6);
    printf("number %d: %.*s, ", number, (int)got, text);
    int value = 3, epoll = MUST(epoll_create1(0));
    socklen_t size = sizeof value;
    struct epoll_event event = {.events = EPOLLOUT};
    getsockopt(number, IPPROTO_TCP, TCP_NODELAY, &value, &size);
    int added = epoll_ctl(epoll, EPOLL_CTL_ADD, number, &event), ready = epoll_wait(epoll, &event, 1, 1000);
    int copy = fcntl(number, F_DUPFD, number / 2 + 7);
    printf("nodelay %d, epoll %d %d, duplicate %d\n", value, added, ready, copy);
    SHOW(close(number));
    SHOW(write(copy, "x", 1));
    SHOW(close(copy));
    close(epoll);
    close(pair[1]);
}

int main(void) {
    begin(30);
    struct rlimit limit = {1 << 20, 1 << 20};
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        getrlimit(RLIMIT_NOFILE, &limit); // not root: as far as we may
        limit.rlim_cur = limit.rlim_max;
        MUST(setrlimit(RLIMIT_NOFILE, &limit));
    }
    static const int numbers[] = {100, 511, 512, 1023, 1024, 1025, 4095, 4096, 16383, 65535, 65536, 100001, 131072, 262143, 524287, 524288, 1000000, (1 << 20) - 1};
    for (int i = 0; i < COUNT(numbers); i++) at(numbers[i]);
    int top = (int)limit.rlim_cur;
    SHOW_AS("dup2 to the limit", dup2(1, top));
    SHOW_AS("close at the limit", close(top));
    SHOW_AS("close_range all above", close_range(3, ~0u, 0));
    at(100001);
    limit.rlim_cur = 6; // and a program that is out of numbers
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    int fds[8], got = 0;
    while (got < 8 && (fds[got] = socket(AF_INET, SOCK_STREAM, 0)) >= 0) got++;
    printf("sockets at a limit of 6: %d, then %s\n", got, errname(errno));
    SHOW(dup(1));
    SHOW(accept(fds[0], NULL, NULL));
    SHOW(connect(fds[0], NULL, 0));
    return 0;
}
