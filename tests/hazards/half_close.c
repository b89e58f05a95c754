// The ends of a connection: half-close both ways, urgent data, peeking, lingering and resetting closes, learned bursts in
// flight each time.
// Hazard: held bytes that are lost, come after the end, or keep a peer waiting; MSG_OOB and MSG_PEEK treated as plain data.
#include "hazard.h"

static char text[256];
static volatile sig_atomic_t urgent;
static void on_urgent(int number) { (void)number; urgent++; }

static void show_rest(const char *what, int fd) {
    size_t got = read_fully(fd, text, sizeof text);
    errno = ERRNO_MARK;
    long end = read(fd, text + got, 1);
    printf("%s: \"%.*s\" then %ld %s\n", what, (int)got, text, end, end < 0 ? errname(errno) : "");
}

int main(void) {
    begin(30);
    signal(SIGPIPE, SIG_IGN);
    int pair[2];

    printf("--- shutdown\n");
    for (int how = 0; how < 3; how++) {
        tcp_pair(pair);
        teach(pair[0], pair[1], 10);
        teach(pair[1], pair[0], 10);
        SHOW(write(pair[0], "tail", 4));
        SHOW(shutdown(pair[0], how));
        SHOW(write(pair[0], "after", 5));
        SHOW(write(pair[1], "back", 4));
        pause_ms(5);
        SHOW(recv(pair[1], text, sizeof text, MSG_DONTWAIT));
        SHOW(recv(pair[1], text, sizeof text, MSG_DONTWAIT));
        SHOW(recv(pair[0], text, sizeof text, MSG_DONTWAIT));
        SHOW(recv(pair[0], text, sizeof text, MSG_DONTWAIT));
        SHOW(write(pair[1], "more", 4));
        SHOW(shutdown(pair[1], SHUT_WR));
        SHOW(close(pair[0]));
        SHOW(close(pair[1]));
    }
    printf("--- request, half-close, reply\n");
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    teach(pair[1], pair[0], 10);
    write(pair[0], "request", 7);
    shutdown(pair[0], SHUT_WR);
    show_rest("server sees", pair[1]);
    write(pair[1], "reply ", 6);
    write(pair[1], "body", 4);
    close(pair[1]);
    show_rest("client sees", pair[0]);
    close(pair[0]);

    printf("--- urgent data\n");
    for (int in_line = 0; in_line < 2; in_line++) {
        tcp_pair(pair);
        teach(pair[0], pair[1], 10);
        signal(SIGURG, on_urgent);
        int one = 1; // all three pieces leave at once in the plain run too
        SHOW(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
        fcntl(pair[1], F_SETOWN, getpid());
        SHOW(setsockopt(pair[1], SOL_SOCKET, SO_OOBINLINE, &in_line, sizeof in_line));
        urgent = 0;
        SHOW(write(pair[0], "abc", 3));
        SHOW(send(pair[0], "U", 1, MSG_OOB));
        SHOW(write(pair[0], "def", 3));
        pause_ms(20);
        printf("signal %s\n", urgent ? "came" : "did not come");
        struct pollfd p = {pair[1], POLLPRI | POLLIN, 0};
        SHOW(poll(&p, 1, 100));
        printf("events %x\n", p.revents);
        int mark = 9;
        SHOW(ioctl(pair[1], SIOCATMARK, &mark));
        printf("at mark %d\n", mark);
        char byte = '?';
        SHOW(recv(pair[1], &byte, 1, MSG_OOB));
        printf("urgent byte %c\n", byte);
        SHOW(recv(pair[1], text, 3, 0));
        SHOW(ioctl(pair[1], SIOCATMARK, &mark));
        printf("at mark %d\n", mark);
        SHOW(send(pair[0], "XY", 2, MSG_OOB));
        SHOW(write(pair[0], "end", 3));
        SHOW(close(pair[0]));
        show_rest("rest", pair[1]);
        close(pair[1]);
    }
    printf("--- peek, wait for all, truncate\n");
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    write(pair[0], "one", 3);
    write(pair[0], "two", 3);
    SHOW(recv(pair[1], text, 6, MSG_PEEK | MSG_WAITALL));
    SHOW(recv(pair[1], text, 2, MSG_PEEK));
    SHOW(recv(pair[1], text, 6, MSG_WAITALL));
    SHOW(recv(pair[1], text, 6, MSG_DONTWAIT));
    write(pair[0], "three", 5);
    pause_ms(5);
    SHOW(recv(pair[1], NULL, 3, MSG_TRUNC));
    SHOW(recv(pair[1], text, 9, MSG_DONTWAIT));
    SHOW(recv(pair[1], text, 9, MSG_ERRQUEUE));
    int available;
    write(pair[0], "four", 4);
    pause_ms(5);
    SHOW(ioctl(pair[1], FIONREAD, &available));
    printf("available %d\n", available);
    close(pair[0]);
    close(pair[1]);

    printf("--- linger\n");
    static const struct linger lingers[] = {{1, 0}, {1, 1}, {0, 0}};
    for (int i = 0; i < COUNT(lingers); i++) {
        tcp_pair(pair);
        teach(pair[0], pair[1], 10);
        SHOW(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &lingers[i], sizeof lingers[i]));
        SHOW(write(pair[0], "last", 4));
        pause_ms(5);
        if (i == 0) SHOW(read(pair[1], text, 4)); // a reset would throw it away
        SHOW(close(pair[0]));
        pause_ms(5);
        errno = ERRNO_MARK;
        if (i == 0) {
            SHOW(read(pair[1], text, 4));
            SHOW(write(pair[1], text, 4));
        } else {
            show_rest("peer", pair[1]);
        }
        SHOW(close(pair[1]));
    }
    printf("--- unread data at close is a reset\n");
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    int nodelay = 1; // or Nagle may keep it until after the close, which is then no reset
    setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
    write(pair[1], "never read", 10);
    pause_ms(5);
    SHOW(close(pair[0]));
    pause_ms(5);
    SHOW(read(pair[1], text, 4));
    SHOW(write(pair[1], text, 4));
    SHOW(close(pair[1]));
    printf("--- listener shut down under accept\n");
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 1);
    SHOW(shutdown(listener, SHUT_RDWR));
    SHOW(accept(listener, NULL, NULL));
    SHOW(listen(listener, 4));
    socklen_t size = sizeof address; // the port was the kernel's choice and may be another one now
    getsockname(listener, (struct sockaddr *)&address, &size);
    int client = tcp_dial(&address);
    SHOW(write(client, "x", 1));
    int accepted = MUST(accept(listener, NULL, NULL));
    SHOW(read(accepted, text, 1));
    printf("--- connect to nothing, again\n");
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    SHOW(connect(client, &unspecified, sizeof unspecified));
    SHOW(write(client, "x", 1));
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    SHOW(write(client, "again", 5));
    return 0;
}
