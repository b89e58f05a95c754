// A connection is taken apart while a burst is under way, as checkpoints do it (TCP_REPAIR): frozen, its queue read, then either thawed,
// or closed without a word and put together again under another descriptor.
// Hazard: held bytes that are in no queue, are sent twice, or stay in a socket that says nothing any more.
#include "hazard.h"
#define TCP_REPAIR 19
#define TCP_REPAIR_QUEUE 20
#define TCP_QUEUE_SEQ 21
enum { NO_QUEUE, RECEIVED, SENT };

static void choose(int fd, int queue) { setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof queue); }

static unsigned sequence(int fd, int queue) {
    unsigned value = 0;
    socklen_t size = sizeof value;
    choose(fd, queue);
    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &value, &size);
    return value;
}

static void set_sequence(int fd, int queue, unsigned value) {
    choose(fd, queue);
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &value, sizeof value));
}

static int freeze(int fd, int on) { return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on); }

// `waits`: the other end has read the header before the connection is frozen. `anew`: it is put together again.
static void taken_apart(int waits, int anew) {
    int pair[2], one = 1, unsent = 0, queued = 0, nodelay = -1;
    char text[64], queue[64];
    struct sockaddr_in own, peer;
    socklen_t size = sizeof own;
    // From an address that is this process's alone, so that nobody takes the port while it is free.
    int listener = tcp_listen(&peer, 8);
    memset(&own, 0, sizeof own);
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(0x7f400000 | ((unsigned)getpid() & 0x3fffff));
    pair[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(bind(pair[0], (struct sockaddr *)&own, sizeof own));
    MUST(connect(pair[0], (struct sockaddr *)&peer, sizeof peer));
    pair[1] = MUST(accept(listener, NULL, NULL));
    close(listener);
    getsockname(pair[0], (struct sockaddr *)&own, &size);
    teach(pair[0], pair[1], 20);
    write(pair[0], "head", 4);
    if (waits) printf("%zu bytes\n", read_fully(pair[1], text, 4));
    int frozen = freeze(pair[0], 1);
    printf("frozen: %s\n", frozen ? errname(errno) : "yes");
    if (frozen) exit(0); // it takes CAP_NET_ADMIN
    unsigned sent = sequence(pair[0], SENT), received = sequence(pair[0], RECEIVED);
    choose(pair[0], SENT);
    ssize_t length = recv(pair[0], queue, sizeof queue, MSG_PEEK | MSG_DONTWAIT); // all that is not acknowledged
    if (length < 0) length = 0;
    ioctl(pair[0], 0x5411 /* SIOCOUTQ */, &queued);
    ioctl(pair[0], 0x894b /* SIOCOUTQNSD */, &unsent);
    size = sizeof nodelay;
    getsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
    printf("the queue's length is what it says: %d, nodelay %d\n", length == queued, nodelay);
    int fd = pair[0];
    if (anew) {
        SHOW(close(fd));
        fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        SHOW(freeze(fd, 1));
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        SHOW(bind(fd, (struct sockaddr *)&own, sizeof own));
        set_sequence(fd, SENT, sent - (unsigned)queued);
        set_sequence(fd, RECEIVED, received);
        SHOW(connect(fd, (struct sockaddr *)&peer, sizeof peer));
        choose(fd, SENT);
        ssize_t before = length - unsent; // what has been on its way, then the rest, as an ordinary call
        if (before > 0) send(fd, queue, (size_t)before, 0);
        choose(fd, NO_QUEUE);
        SHOW(freeze(fd, 0));
        if (unsent > 0) send(fd, queue + before, (size_t)unsent, 0);
    } else {
        choose(fd, NO_QUEUE);
        SHOW(freeze(fd, 0));
    }
    SHOW(write(fd, "body", 4));
    size_t expected = waits ? 4 : 8, got = read_fully(pair[1], text, expected);
    printf("%.*s\n", (int)got, text);
    teach(fd, pair[1], 5);
    write(fd, "end", 3);
    SHOW(close(fd));
    got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
    close(pair[1]);
}

int main(void) {
    begin(30);
    for (int way = 0; way < 4; way++) {
        printf("%s, %s\n", way & 1 ? "read" : "unread", way & 2 ? "put together again" : "thawed");
        fflush(stdout);
        pid_t child = fork(); // which learns anew, and holds whatever went before
        if (child == 0) {
            mortal();
            taken_apart(way & 1, way >> 1);
            exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        printf("ends %x\n", status);
    }
    return 0;
}
