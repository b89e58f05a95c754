// The numbers that new descriptors get, and what is open at start and at the end.
// Hazard: a library that keeps a descriptor open shifts every number; programs that assume 3 is the first break.
#include "hazard.h"
#include <dirent.h>

static void list_open(const char *when) {
    printf("%s:", when);
    for (int fd = 0; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf(" %d", fd);
    printf("\n");
}

int main(void) {
    begin(20);
    list_open("at start");
    SHOW(open("/dev/null", O_RDONLY));
    SHOW(socket(AF_INET, SOCK_STREAM, 0));
    int pair[2];
    tcp_pair(pair);
    printf("pair %d %d\n", pair[0], pair[1]);
    SHOW(dup(pair[0]));
    SHOW(fcntl(pair[0], F_DUPFD, 20));
    SHOW(fcntl(pair[0], F_DUPFD_CLOEXEC, 20));
    SHOW(dup2(pair[0], 40));
    SHOW(dup3(pair[0], 41, O_CLOEXEC));
    SHOW(close(pair[0]));
    SHOW(accept(41, NULL, NULL));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    printf("socketpair %d %d\n", pair[0], pair[1]);
    list_open("before close_range");
    SHOW(close_range(21, 40, CLOSE_RANGE_CLOEXEC));
    list_open("marked only");
    SHOW(close_range(21, 40, 0));
    list_open("after close_range");
    closefrom(5);
    list_open("after closefrom");
    tcp_pair(pair);
    teach(pair[0], pair[1], 12);
    list_open("after traffic");
    return 0;
}
