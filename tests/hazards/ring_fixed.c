// io_uring with registered files and direct descriptors: sockets that the ring knows by an index of its own, beside a number or
// without one. The header by write and the body by the index, and the other way round; the number closed while the index stays;
// connections that were accepted or made without a number, and that get one later; linked and zero-copy sends.
// Hazard: half of a burst goes to an index that no hook sees, so what is held is overtaken, or stays when the number is closed
// because the index keeps the socket open; a number that the ring hands out belongs to something else than before.
#include "uring.h"

enum { SLOTS = 8, FIXED_FD_INSTALL = 54 }; // Linux 6.8; not in older headers

// Makes a registered file of a number; -1 empties the slot.
static int put(unsigned slot, int fd) {
    struct io_uring_files_update update = {.offset = slot, .fds = (uint64_t)&fd};
    return (int)syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES_UPDATE, &update, 1);
}

static struct io_uring_sqe fixed(int call, int slot, const void *data, unsigned length) {
    return (struct io_uring_sqe){.opcode = (uint8_t)call, .fd = slot, .addr = (uint64_t)data, .len = length, .flags = IOSQE_FIXED_FILE};
}

static int by_slot(int call, int slot, const void *data, unsigned length) { return by_ring_as(fixed(call, slot, data, length)); }

static void quick_ack(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

// Bursts of two to four calls, each by the number or by the index; the answer is awaited by one of both.
static void mixed(const char *name, int number, int slot, int peer, int taught) {
    uint64_t hash = HASH_START;
    int late = 0;
    for (int round = 0; round < 64; round++) {
        char text[64], reply = 'r';
        size_t sent = 0;
        if (taught && round % 16 == 0) teach(number, peer, 20);
        quick_ack(peer);
        double start = now();
        for (int call = 0; call < 2 + round % 3; call++) {
            char piece[16];
            int length = snprintf(piece, sizeof piece, "%d.%d ", round, call);
            int unseen = (round >> call & 1) != 0;
            int took = unseen ? by_slot(call % 2 ? IORING_OP_SEND : IORING_OP_WRITE, slot, piece, (unsigned)length) : (int)write(number, piece, (size_t)length);
            if (took != length) printf("%s: %d of %d\n", name, took, length);
            sent += (size_t)length;
        }
        size_t got = read_fully(peer, text, sent);
        if (now() - start > 0.15) late++; // a retransmission timeout
        hash = hash_bytes(hash, text, got);
        write(peer, &reply, 1);
        if (round % 4 < 2) read(number, &reply, 1);
        else by_slot(IORING_OP_RECV, slot, &reply, 1);
    }
    printf("%s: %016llx, late more than three times %d\n", name, (unsigned long long)hash, late > 3);
}

// The number is closed in one of several ways, right after a write. The registered file keeps the socket open.
static void closed(int way, const char *name) {
    int pair[2];
    char text[64];
    tcp_pair(pair);
    printf("%s: put %d\n", name, put(2, pair[0]));
    teach(pair[0], pair[1], 20);
    write(pair[0], "last", 4);
    switch (way) {
    case 0: SHOW(close(pair[0])); break;
    case 1: SHOW(close_range((unsigned)pair[0], (unsigned)pair[0], 0)); break;
    case 2: {
        int other = MUST(memfd_create("hazard", 0));
        SHOW(dup2(other, pair[0]) == pair[0]);
        write(pair[0], "file", 4), write(pair[0], "file", 4);
        printf("  the file has %ld\n", (long)lseek(other, 0, SEEK_END));
        close(other), close(pair[0]);
        break;
    }
    case 3: printf("  by the ring %d\n", by_ring(IORING_OP_CLOSE, pair[0], NULL, 0)); break;
    case 4: printf("  shut down %d\n", by_slot(IORING_OP_SHUTDOWN, 2, NULL, SHUT_WR)); break;
    }
    // By the ring itself nobody can let go of it: then with what follows, or after the timeout.
    if (way < 3) printf("  arrives %d\n", arrives(pair[1], 150));
    if (way != 4) printf("  by the index %d\n", by_slot(IORING_OP_SEND, 2, "more", 4));
    printf("  emptied %d\n", put(2, -1));
    if (way == 4) close(pair[0]);
    size_t got = read_fully(pair[1], text, sizeof text);
    printf("  %.*s, then the end\n", (int)got, text);
    close(pair[1]);
}

// A connection that the ring accepts or makes has an index only, and later a number.
static void direct(const char *name, int client) {
    struct sockaddr_in address;
    char text[64] = {0}, reply = 'r';
    int listener = tcp_listen(&address, 8), peer, number;
    struct io_uring_sqe call = {.file_index = 4};
    if (client) {
        call.opcode = IORING_OP_SOCKET, call.fd = AF_INET, call.off = SOCK_STREAM;
        int made = by_ring_as(call);
        printf("%s: made %d\n", name, made);
        if (made < 0) goto none;
        struct io_uring_sqe connecting = fixed(IORING_OP_CONNECT, 3, &address, 0);
        connecting.off = sizeof address;
        printf("  connected %d\n", by_ring_as(connecting));
        peer = MUST(accept(listener, NULL, NULL));
    } else {
        peer = tcp_dial(&address);
        call.opcode = IORING_OP_ACCEPT, call.fd = listener;
        int accepted = by_ring_as(call);
        printf("%s: accepted %d\n", name, accepted);
        if (accepted < 0) { close(peer); goto none; }
    }
    for (int round = 0; round < 3; round++) {
        quick_ack(peer);
        printf("  %d", by_slot(IORING_OP_SEND, 3, "head ", 5));
        printf(" %d", by_slot(IORING_OP_WRITE, 3, "body ", 5));
        printf(" %zu %s\n", read_fully(peer, text, 10), text);
        write(peer, &reply, 1);
        printf("  %d\n", by_slot(IORING_OP_RECV, 3, &reply, 1));
    }
    number = by_slot(FIXED_FD_INSTALL, 3, NULL, 0);
    printf("  a number %s\n", number < 0 ? "absent" : "yes");
    if (number >= 0) {
        mixed(name, number, 3, peer, 1);
        write(number, "last ", 5);
        close(number);
        printf("  arrives %d\n", arrives(peer, 150));
        printf("  by the index %d\n", by_slot(IORING_OP_SEND, 3, "more ", 5));
        printf("  %zu %s\n", read_fully(peer, text, 10), text);
    }
    printf("  emptied %d\n", put(3, -1));
    printf("  the end %zd\n", read(peer, text, sizeof text));
    close(peer);
none:
    close(listener);
}

// The number of a connection that the ring has closed is handed out by the ring for another connection's index.
static void number_again(void) {
    int pair[2], other[2], hundred = 100;
    char text[64] = {0};
    struct sockaddr_in address;
    tcp_pair(pair), tcp_pair(other);
    MUST(dup2(pair[0], hundred)), close(pair[0]);
    teach(hundred, pair[1], 20);
    write(hundred, "last", 4);
    printf("again: closed %d\n", by_ring(IORING_OP_CLOSE, hundred, NULL, 0));
    printf("  %zu\n", read_fully(pair[1], text, sizeof text));
    close(pair[1]);
    printf("  put %d\n", put(5, other[0]));
    close(other[0]);
    for (int number; (number = open("/dev/null", O_RDONLY)) != hundred - 1 && number >= 0;);
    int number = by_slot(FIXED_FD_INSTALL, 5, NULL, 0);
    printf("  a number %s\n", number < 0 ? "absent" : number == hundred ? "the same" : "another");
    if (number >= 0) {
        mixed("again", number, 5, other[1], 0);
        close(number);
    }
    put(5, -1);
    close(other[1]);
    close_range(20, hundred, 0);
}

// Several calls in one submission, linked, after a header by the number; and bodies that are not copied.
static void linked(int number, int slot, int peer) {
    char text[8192], body[2000], reply = 'r';
    memset(body, 'b', sizeof body);
    uint64_t hash = HASH_START;
    for (int round = 0; round < 6; round++) {
        teach(number, peer, 20);
        quick_ack(peer);
        write(number, "head", 4);
        int zero_copy = round % 2;
        struct io_uring_sqe first = fixed(zero_copy ? IORING_OP_SEND_ZC : IORING_OP_SEND, slot, body, sizeof body);
        struct io_uring_sqe second = fixed(IORING_OP_SEND, slot, "tail", 4);
        first.flags |= IOSQE_IO_LINK, first.user_data = 1, second.user_data = 2;
        ask(first), ask(second);
        SHOW(syscall(SYS_io_uring_enter, ring, 2, 0, 0, NULL, 0));
        int expected = 2, sent = 4;
        for (int seen = 0; seen < expected; seen++) {
            unsigned flags;
            uint64_t which;
            int result = next_result(&flags, &which);
            if (flags & 2) expected++; // IORING_CQE_F_MORE: the completion of a zero-copy call is still to come
            if (flags & 8) continue;   // IORING_CQE_F_NOTIF
            printf("  %d: %d\n", (int)which, result);
            if (result > 0) sent += result;
        }
        size_t got = read_fully(peer, text, (size_t)sent);
        hash = hash_bytes(hash, text, got);
        write(peer, &reply, 1);
        read(number, &reply, 1);
    }
    printf("linked: %016llx\n", (unsigned long long)hash);
}

int main(void) {
    begin(60);
    int error = set_up(), pair[2], none[SLOTS];
    printf("ring: %s\n", error ? errname(error) : "yes");
    if (error) return 0;
    memset(none, -1, sizeof none);
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, none, SLOTS));

    tcp_pair(pair);
    printf("put %d %d\n", put(0, pair[0]), put(1, pair[1]));
    mixed("client", pair[0], 0, pair[1], 1);
    mixed("server", pair[1], 1, pair[0], 1);
    linked(pair[0], 0, pair[1]);
    put(0, -1), put(1, -1);
    close(pair[0]), close(pair[1]);

    const char *ways[] = {"close", "close_range", "dup2", "close by the ring", "shutdown by the ring"};
    for (int way = 0; way < COUNT(ways); way++) closed(way, ways[way]);
    direct("accepted", 0);
    direct("connected", 1);
    number_again();
    return 0;
}
