// io_uring beside the C library's calls on the same connections: the header by write and the body by the ring, answers received by
// the ring, a connection accepted by it, and numbers that it closes and that then name something else.
// Hazard: half of a burst is out of sight, so what is held is overtaken or stays; what is remembered about a number belongs
// to an object that the ring has closed.
#include "uring.h"

// Bursts of which each call is made in one of two ways.
static void mixed(int pair[2], int from, const char *name) {
    uint64_t hash = HASH_START;
    int late = 0, one = 1;
    for (int round = 0; round < 48; round++) {
        char text[64], reply = 'r';
        size_t sent = 0;
        setsockopt(pair[!from], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        double start = now();
        for (int call = 0; call < 2 + round % 3; call++) {
            char piece[16];
            int length = snprintf(piece, sizeof piece, "%d.%d ", round, call);
            int unseen = (round >> call & 1) != 0;
            int put = unseen ? by_ring(call % 2 ? IORING_OP_SEND : IORING_OP_WRITE, pair[from], piece, (unsigned)length) : (int)write(pair[from], piece, (size_t)length);
            if (put != length) printf("%s: %d of %d\n", name, put, length);
            sent += (size_t)length;
        }
        size_t got = read_fully(pair[!from], text, sent);
        if (now() - start > 0.15) late++; // a retransmission timeout
        hash = hash_bytes(hash, text, got);
        write(pair[!from], &reply, 1);
        if (round % 4 < 2) read(pair[from], &reply, 1);
        else by_ring(IORING_OP_RECV, pair[from], &reply, 1);
        if (round % 16 == 15) teach(pair[from], pair[!from], 20);
    }
    printf("%s: %016llx, late more than three times %d\n", name, (unsigned long long)hash, late > 3);
}

static const char *kinds[] = {"file", "packets", "pipe", "datagrams", "connection"};

// Closes a connection by the ring and gives its number to something else, which then gets small writes.
static void again(int kind) {
    int pair[2], number = 100, ends[2] = {-1, -1};
    char text[32];
    struct sockaddr_in address;
    tcp_pair(pair);
    MUST(dup2(pair[0], number));
    close(pair[0]);
    teach(number, pair[1], 20);
    write(number, "last", 4);
    printf("%s: closed %d\n", kinds[kind], by_ring(IORING_OP_CLOSE, number, NULL, 0));
    printf("  %zu bytes, then the end\n", read_fully(pair[1], text, sizeof text));
    close(pair[1]);
    switch (kind) {
    case 0: ends[0] = MUST(memfd_create("hazard", 0)); break;
    case 1: MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends)); break;
    case 2: MUST(pipe(pair)); ends[0] = pair[1], ends[1] = pair[0]; break;
    case 3: MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)); break;
    case 4: {
        int listener = tcp_listen(&address, 8);
        ends[1] = tcp_dial(&address);
        ends[0] = MUST(by_ring(IORING_OP_ACCEPT, listener, NULL, 0));
        close(listener);
        break;
    }
    }
    int other = MUST(dup2(ends[0], number)); // known by the call, as what it was made by
    close(ends[0]);
    for (int i = 0; i < 3; i++) {
        SHOW(write(other, "one", 3));
        SHOW(write(other, "two", 3));
    }
    if (kind == 2 || kind == 4) printf("  %zu bytes\n", read_fully(ends[1], text, 18));
    for (int i = 0; i < 6 && (kind == 1 || kind == 3); i++) printf("  %zd bytes\n", read(ends[1], text, sizeof text));
    SHOW(close(other));
    if (ends[1] >= 0) close(ends[1]);
}

int main(void) {
    begin(40);
    int error = set_up(), pair[2];
    printf("ring: %s\n", error ? errname(error) : "yes");
    if (error) return 0;
    tcp_pair(pair);
    mixed(pair, 0, "client");
    mixed(pair, 1, "server");
    for (int kind = 0; kind < COUNT(kinds); kind++) again(kind);
    return 0;
}
