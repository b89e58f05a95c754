// A TCP socket whose bursts have been learned is closed in every possible way, seen and unseen, and its number is reused at
// once by something else, which then gets the same two small writes.
// Hazard: the entry of the old socket makes the library send (not write), add MSG_MORE or set an option on the new object:
// datagrams merge, writes to files fail, the new connection's data is held.
#include "hazard.h"
#include "../programs/unseen.h"
#include <sys/eventfd.h>

static const char *ways[] = {"close", "raw close", "raw close by syscall()", "dup2 over", "dup3 over", "close_range", "raw close_range",
                             "fclose", "freopen", "closefrom", "shutdown and close", "raw dup2 over"};
static const char *kinds[] = {"file", "pipe", "udp", "unix stream", "unix seqpacket", "unix datagram", "tcp", "eventfd", "tcp6", "listener"};

static void get_rid(int way, int fd) {
    int null = -1;
    FILE *stream;
    switch (way) {
    case 0: close(fd); break;
    case 1: unseen(SYS_close, fd, 0, 0, 0, 0, 0); break;
    case 2: syscall(SYS_close, fd); break;
    case 3: null = MUST(open("/dev/null", O_RDWR)); dup2(null, fd); close(null); break;
    case 4: null = MUST(open("/dev/null", O_RDWR)); dup3(null, fd, O_CLOEXEC); close(null); break;
    case 5: close_range((unsigned)fd, (unsigned)fd, 0); break;
    case 6: unseen(SYS_close_range, fd, fd, 0, 0, 0, 0); break;
    case 7: stream = fdopen(fd, "r+"); fclose(stream); break;
    case 8: stream = fdopen(fd, "r+"); stream = freopen("/dev/null", "r", stream); fclose(stream); break;
    case 9: closefrom(fd); break;
    case 10: shutdown(fd, SHUT_RDWR); close(fd); break;
    case 11: null = MUST(open("/dev/null", O_RDWR)); unseen(SYS_dup3, null, fd, 0, 0, 0, 0); close(null); break;
    }
}

// Makes the new object at exactly this number; ends[0] is it, ends[1] where its bytes come out (or itself).
static void make(int kind, int number, int ends[2]) {
    int pair[2], fd = -1;
    ends[1] = -1;
    switch (kind) {
    case 0: fd = MUST(memfd_create("hazard", 0)); break;
    case 1: MUST(pipe(pair)); fd = pair[1], ends[1] = pair[0]; break;
    case 2: {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof address;
        ends[1] = MUST(socket(AF_INET, SOCK_DGRAM, 0));
        MUST(bind(ends[1], (struct sockaddr *)&address, sizeof address));
        getsockname(ends[1], (struct sockaddr *)&address, &size);
        fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
        MUST(connect(fd, (struct sockaddr *)&address, sizeof address));
        break;
    }
    case 3: MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)); fd = pair[0], ends[1] = pair[1]; break;
    case 4: MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair)); fd = pair[0], ends[1] = pair[1]; break;
    case 5: MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)); fd = pair[0], ends[1] = pair[1]; break;
    case 6: tcp_pair(pair); fd = pair[0], ends[1] = pair[1]; break;
    case 7: fd = MUST(eventfd(0, EFD_NONBLOCK)); break;
    case 8: {
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        socklen_t size = sizeof address;
        int listener = MUST(socket(AF_INET6, SOCK_STREAM, 0));
        MUST(bind(listener, (struct sockaddr *)&address, sizeof address));
        MUST(listen(listener, 1));
        getsockname(listener, (struct sockaddr *)&address, &size);
        fd = MUST(socket(AF_INET6, SOCK_STREAM, 0));
        MUST(connect(fd, (struct sockaddr *)&address, size));
        ends[1] = MUST(accept(listener, NULL, NULL));
        close(listener);
        break;
    }
    case 9: {
        struct sockaddr_in address;
        fd = tcp_listen(&address, 1);
        break;
    }
    }
    if (ends[1] == number) ends[1] = MUST(fcntl(ends[1], F_DUPFD, 300)); // the number is for the object itself
    if (fd != number) {
        if (dup2(fd, number) != number) exit(97);
        close(fd);
    }
    ends[0] = number;
}

static void use(int kind, int ends[2]) {
    char text[64];
    long first, second, got = -1, more = -1;
    errno = ERRNO_MARK;
    first = write(ends[0], "eight by", 8);
    if (first < 0) first = -errno;
    struct iovec iov = {"tes more", 8};
    second = writev(ends[0], &iov, 1);
    if (second < 0) second = -errno;
    if (kind == 0) {
        got = pread(ends[0], text, sizeof text, 0);
    } else if (ends[1] >= 0 && kind != 6 && kind != 8) {
        got = arrives(ends[1], 1000) ? read(ends[1], text, sizeof text) : -1; // one datagram or packet; a stream gives all
        more = arrives(ends[1], 0) ? read(ends[1], text, sizeof text) : -1;
    } else if (ends[1] >= 0) {
        shutdown(ends[0], SHUT_WR);
        got = (long)read_fully(ends[1], text, sizeof text);
    }
    printf(" %s %ld %ld %ld %ld;", kinds[kind], first, second, got, more);
    if (ends[1] >= 0) close(ends[1]);
    close(ends[0]);
}

int main(void) {
    begin(60);
    signal(SIGPIPE, SIG_IGN);
    for (int way = 0; way < COUNT(ways); way++) {
        printf("%s:", ways[way]);
        for (int kind = 0; kind < COUNT(kinds); kind++) {
            int pair[2], ends[2], number = 100;
            tcp_pair(pair);
            MUST(dup2(pair[0], number));
            close(pair[0]);
            teach(number, pair[1], 8);
            write(number, "last", 4); // perhaps held when the number changes hands
            get_rid(way, number);
            make(kind, number, ends);
            char text[16];
            size_t got = read_fully(pair[1], text, 4);
            if (got != 4) printf(" [last write lost: %zu]", got);
            if (read(pair[1], text, 1) != 0) printf(" [old connection still open]");
            use(kind, ends);
            close(pair[1]);
        }
        printf("\n");
    }
    return 0;
}
