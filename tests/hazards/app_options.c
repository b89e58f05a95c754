// What the application sets itself: NODELAY, CORK, MSG_MORE, QUICKACK, buffers, read back and kept, before and after
// connect, on listeners and what they accept; its own corks really hold and its own releases really release.
// Hazard: a library whose option shows up in getsockopt, undoes the application's, or releases what the application holds.
#include "hazard.h"

static int on = 1, off = 0;

static void back(const char *what, int fd) {
    int nodelay = 9, cork = 9, type = 9, keepalive = 9;
    socklen_t size = sizeof nodelay;
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
    size = sizeof cork;
    getsockopt(fd, IPPROTO_TCP, TCP_CORK, &cork, &size);
    size = sizeof type;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    size = sizeof keepalive;
    getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &size);
    printf("%s: nodelay %d cork %d type %d keepalive %d\n", what, nodelay, cork, type, keepalive);
}

static void set(int fd, int option, int value) {
    errno = ERRNO_MARK;
    int result = setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
    if (result || errno != ERRNO_MARK) printf("option %d to %d: %d %s\n", option, value, result, errname(errno));
}

static void values(void) {
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 8);
    back("listener", listener);
    for (int client_sets = 0; client_sets < 3; client_sets++)
        for (int listener_sets = 0; listener_sets < 3; listener_sets++) {
            if (listener_sets) set(listener, TCP_NODELAY, listener_sets - 1);
            int client = MUST(socket(AF_INET, SOCK_STREAM, 0));
            back("fresh", client);
            if (client_sets) set(client, TCP_NODELAY, client_sets - 1);
            back("before connect", client);
            MUST(connect(client, (struct sockaddr *)&address, sizeof address));
            back("connected", client);
            int accepted = MUST(accept(listener, NULL, NULL));
            back("accepted", accepted);
            set(accepted, TCP_NODELAY, 1);
            back("accepted, on", accepted);
            set(accepted, TCP_NODELAY, 0);
            back("accepted, off", accepted);
            set(client, TCP_CORK, 1);
            back("corked", client);
            set(client, TCP_CORK, 0);
            teach(accepted, client, 7);
            back("taught", accepted);
            int copy = dup(accepted);
            back("copy", copy);
            set(copy, TCP_NODELAY, 1);
            back("set on the copy", accepted);
            close(accepted), close(copy), close(client);
        }
    close(listener);
}

static void wide(void) { // option values longer and shorter than an int, and negative ones
    int pair[2];
    tcp_pair(pair);
    long long wide = 0x100000000ll; // its first four bytes are 0
    SHOW(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &wide, sizeof wide));
    back("first bytes 0", pair[0]);
    int negative = -5;
    SHOW(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &negative, sizeof negative));
    back("negative", pair[0]);
    SHOW(setsockopt(pair[0], SOL_TCP, TCP_NODELAY, &off, sizeof off));
    back("off", pair[0]);
    SHOW(setsockopt(pair[0], SOL_SOCKET, TCP_NODELAY, &on, sizeof on)); // SO_DEBUG by number: not the TCP option
    back("another level", pair[0]);
    unsigned char one_byte = 77;
    socklen_t size = 1;
    SHOW(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one_byte, &size));
    printf("one byte %d, size %u\n", one_byte, size);
    size = 0;
    SHOW(getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one_byte, &size));
    printf("no byte %d, size %u\n", one_byte, size);
}

// Bytes that the kernel has not sent yet; a few milliseconds later, after a wait in which a library might release them.
static void unsent(int fd) {
    int bytes = -1, after = -1;
    ioctl(fd, 0x894B, &bytes); // SIOCOUTQNSD
    struct pollfd p = {fd, POLLIN, 0};
    int events = poll(&p, 1, 3);
    pause_ms(2);
    ioctl(fd, 0x894B, &after);
    printf("unsent %d, events %d, then %d\n", bytes, events, after);
}

// With a copy the options are set by one number and most of the data is sent by the other.
static void own_holding(const char *what, int nodelay, int taught, int copied) {
    int pair[2];
    char text[64];
    tcp_pair(pair);
    set(pair[0], TCP_NODELAY, nodelay);
    if (taught) teach(pair[0], pair[1], 10);
    int other = copied ? dup(pair[0]) : pair[0];
    printf("--- %s\n", what);
    set(pair[0], TCP_CORK, 1);
    SHOW(write(other, "corked", 6));
    unsent(pair[0]);
    SHOW(write(other, " more", 5));
    unsent(pair[0]);
    back("while corked", pair[0]);
    set(pair[0], TCP_CORK, 0);
    set(pair[0], TCP_NODELAY, 1); // with NODELAY off, the end of a cork leaves the rest to Nagle
    printf("arrives %d\n", arrives(pair[1], 100));
    SHOW(read(pair[1], text, sizeof text));
    back("uncorked", pair[0]);
    SHOW(send(pair[0], "more", 4, MSG_MORE));
    unsent(pair[0]);
    SHOW(send(other, " end", 4, 0));
    printf("arrives %d\n", arrives(pair[1], 100));
    SHOW(read_fully(pair[1], text, 8));
    struct iovec iov = {"message", 7};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    SHOW(sendmsg(pair[0], &message, MSG_MORE));
    unsent(pair[0]);
    set(pair[0], TCP_NODELAY, 1); // the application's own way to push
    printf("arrives %d\n", arrives(pair[1], 100));
    SHOW(read(pair[1], text, sizeof text));
    if (copied) close(other);
    SHOW(send(pair[0], "closing", 7, MSG_MORE));
    SHOW(close(pair[0]));
    printf("arrives %d\n", arrives(pair[1], 100));
    SHOW(read_fully(pair[1], text, 8));
    close(pair[1]);
}

// What was sent before the application began to hold is not its to release.
static void begins_to_hold(const char *what, int cork, int size) {
    int pair[2];
    char text[64];
    tcp_pair(pair);
    set(pair[0], TCP_NODELAY, 1);
    teach(pair[0], pair[1], 10);
    printf("--- %s\n", what);
    SHOW(write(pair[0], "before", 6));
    if (cork) set(pair[0], TCP_CORK, 1);
    SHOW(send(pair[0], "more", size, MSG_MORE));
    if (size) unsent(pair[0]);
    printf("arrives %d\n", arrives(pair[1], 100));
    SHOW(read(pair[1], text, sizeof text));
    close(pair[0]), close(pair[1]);
}

// Sockets that were there before this program: the first that it does with them is to cork.
static int inherited(int fd, int peer) {
    char text[16];
    set(fd, TCP_CORK, 1);
    set(fd, TCP_CORK, 0);
    printf("--- an inherited socket\n");
    int unsent = 0, total = 0;
    for (int i = 0; i < 12; i++) { // bursts of two, by calls that only sockets have
        send(fd, "head", 4, 0);
        ioctl(fd, 0x894B, &unsent); // SIOCOUTQNSD
        total += unsent;
        send(fd, "tail", 4, 0);
        read_fully(peer, text, 8);
        send(peer, "r", 1, 0);
        recv(fd, text, 1, 0);
        set(peer, TCP_QUICKACK, 1);
    }
    printf("held %d\n", total);
    return 0;
}

int main(int argc, char **argv) {
    begin(30);
    if (argc > 2) return inherited(atoi(argv[1]), atoi(argv[2]));
    values();
    wide();
    own_holding("its own cork and MSG_MORE", 1, 0, 0);
    own_holding("the same on a socket whose bursts are learned", 1, 1, 0);
    own_holding("the same by two numbers", 1, 1, 1);
    own_holding("with NODELAY off", 0, 0, 0);
    begins_to_hold("MSG_MORE after a call that may be held", 0, 4);
    begins_to_hold("the same without data", 0, 0);
    begins_to_hold("a cork after a call that may be held", 1, 4);
    int pair[2], size_set = 30000, got = 0;
    socklen_t size = sizeof got;
    tcp_pair(pair);
    SHOW(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size_set, sizeof size_set));
    SHOW(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &got, &size));
    printf("send buffer %d\n", got);
    SHOW(setsockopt(pair[0], IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off));
    SHOW(getsockopt(pair[0], IPPROTO_TCP, TCP_QUICKACK, &got, &size));
    printf("quickack %d\n", got);
    SHOW(setsockopt(pair[0], IPPROTO_TCP, 31, "tls", 3)); // TCP_ULP
    static const int others[] = {2, 4, 5, 6, 7, 8, 9, 10, 18, 25, 33};
    for (int i = 0; i < COUNT(others); i++) {
        size = sizeof got;
        got = -1;
        int result = getsockopt(pair[1], IPPROTO_TCP, others[i], &got, &size);
        printf("TCP option %d: %d, %d\n", others[i], result, got);
    }
    tcp_pair(pair);
    char numbers[2][12];
    for (int i = 0; i < 2; i++) snprintf(numbers[i], sizeof numbers[i], "%d", pair[i]);
    fflush(stdout);
    MUST(execl("/proc/self/exe", argv[0], numbers[0], numbers[1], NULL));
}
