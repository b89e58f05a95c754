// sendfile and splice to a socket after a header: offsets, file positions, short, empty and failed transfers.
// Hazard: a transfer that is not one (end of file, error) must not leave the header waiting; offsets must be the kernel's.
#include "hazard.h"
#include <sys/sendfile.h>

static int file, pair[2];
static char text[70000];

static void collect(size_t wanted) {
    size_t got = 0;
    while (got < wanted && arrives(pair[1], 1000)) {
        ssize_t n = read(pair[1], text + got, sizeof text - got);
        if (n <= 0) break;
        got += (size_t)n;
    }
    printf("peer has %zu, hash %llx, more %d\n", got, (unsigned long long)hash_bytes(HASH_START, text, got), arrives(pair[1], 0));
    if (write(pair[1], "k", 1) != 1 || read(pair[0], text, 1) != 1) printf("no reply\n");
}

static void learn(void) { // header and body by sendfile, as a web server's responses
    for (int i = 0; i < 12; i++) {
        off_t offset = 0;
        int one = 1;
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        write_fully(pair[0], "header", 6);
        if (sendfile(pair[0], file, &offset, 500) != 500) printf("short\n");
        setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        size_t got = 0;
        while (got < 506) {
            ssize_t n = read(pair[1], text, 506 - got);
            if (n <= 0) break;
            got += (size_t)n;
            setsockopt(pair[1], IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        }
        write(pair[1], "k", 1);
        if (read(pair[0], text, 1) != 1) printf("no reply\n");
    }
}

int main(void) {
    begin(30);
    signal(SIGPIPE, SIG_IGN);
    uint64_t state = 42;
    file = MUST(memfd_create("file", 0));
    for (int i = 0; i < 10000; i++) text[i] = (char)random_next(&state);
    write_fully(file, text, 10000);
    tcp_pair(pair);
    learn();
    off_t offset;
    off64_t offset64;
    int empty = MUST(memfd_create("empty", 0)), pipes[2], closed = 900;
    MUST(pipe(pipes));

    printf("--- whole, with an offset\n");
    offset = 100;
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile(pair[0], file, &offset, 3000));
    printf("offset %ld, position %ld\n", (long)offset, (long)lseek(file, 0, SEEK_CUR));
    collect(3006);
    printf("--- by the file's position\n");
    SHOW(lseek(file, 9000, SEEK_SET));
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile64(pair[0], file, NULL, 500));
    printf("position %ld\n", (long)lseek(file, 0, SEEK_CUR));
    collect(506);
    printf("--- more asked for than there is\n");
    offset64 = 9500;
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile64(pair[0], file, &offset64, 100000));
    printf("offset %ld\n", (long)offset64);
    collect(506);
    learn();
    printf("--- at the end of the file\n");
    offset = 10000;
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile(pair[0], file, &offset, 100));
    collect(6);
    learn();
    printf("--- an empty file\n");
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile(pair[0], empty, NULL, 100));
    collect(6);
    learn();
    printf("--- nothing asked for\n");
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile(pair[0], file, NULL, 0));
    collect(6);
    learn();
    printf("--- failures\n");
    SHOW(write(pair[0], "header", 6));
    SHOW(sendfile(pair[0], closed, NULL, 100));
    SHOW(sendfile(pair[0], pair[1], NULL, 100));
    SHOW(sendfile(pair[0], pipes[1], NULL, 100));
    SHOW(sendfile(closed, file, NULL, 100));
    offset = -1;
    SHOW(sendfile(pair[0], file, &offset, 100));
    SHOW(sendfile(pair[0], file, (off_t *)8, 100));
    SHOW(copy_file_range(file, NULL, pair[0], NULL, 100, 0));
    collect(6);
    learn();
    printf("--- then the body another way\n");
    SHOW(write(pair[0], "header", 6));
    SHOW(copy_file_range(file, NULL, pair[0], NULL, 100, 0));
    offset = 0;
    SHOW(sendfile(pair[0], file, &offset, 100));
    collect(106);
    printf("--- many small ones\n");
    for (int round = 0; round < 4; round++) {
        offset = 0;
        SHOW(write(pair[0], "header", 6));
        for (int i = 0; i < 10; i++)
            if (sendfile(pair[0], file, &offset, 1000) != 1000) printf("short\n");
        collect(10006);
    }
    printf("--- splice\n");
    SHOW(write(pair[0], "header", 6));
    SHOW(write(pipes[1], "spliced body", 12));
    SHOW(splice(pipes[0], NULL, pair[0], NULL, 12, SPLICE_F_MORE));
    SHOW(write(pair[0], "tail", 4));
    collect(22);
    offset64 = 200;
    SHOW(splice(file, &offset64, pipes[1], NULL, 1000, 0));
    printf("offset %ld\n", (long)offset64);
    SHOW(splice(pipes[0], NULL, pair[0], NULL, 1000, 0));
    collect(1000);
    SHOW(splice(pipes[0], NULL, pair[0], NULL, 10, SPLICE_F_NONBLOCK));
    SHOW(splice(pipes[0], &offset64, pair[0], NULL, 10, 0));
    SHOW(splice(pipes[0], NULL, pair[0], &offset64, 10, 0));
    SHOW(splice(file, NULL, pair[0], NULL, 10, 0));
    write(pair[1], "from the socket", 15);
    pause_ms(5);
    SHOW(splice(pair[0], NULL, pipes[1], NULL, 100, 0));
    SHOW(read(pipes[0], text, 100));
    struct iovec iov = {"vm", 2};
    SHOW(vmsplice(pair[0], &iov, 1, 0));
    SHOW(tee(pipes[0], pair[0], 10, SPLICE_F_NONBLOCK));
    printf("--- to things that are no socket\n");
    int target = MUST(memfd_create("target", 0));
    offset = 0;
    SHOW(sendfile(target, file, &offset, 4000));
    SHOW(sendfile(pipes[1], file, &offset, 100));
    SHOW(read(pipes[0], text, 4000));
    int unix_pair[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair));
    SHOW(sendfile(unix_pair[0], file, &offset, 100));
    SHOW(read(unix_pair[1], text, 4000));
    printf("--- to a peer that went away\n");
    close(pair[1]);
    SHOW(write(pair[0], "header", 6));
    pause_ms(5);
    offset = 0;
    SHOW(sendfile(pair[0], file, &offset, 100));
    printf("offset %ld\n", (long)offset);
    return 0;
}
