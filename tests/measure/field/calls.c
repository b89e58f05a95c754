/* Bursts by all the calls that send, in lengths that cross a segment, some of them unseen (writev, sendmsg, sendto, sendfile, splice, a direct
 * system call); then a wait. usage: calls COUNT PAUSE_US WAY [MORE: the program says MSG_MORE itself] */
#include "waits.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { MOST = 40 };
static char data[MOST * SIZE];
static int ends[2], file;

static void piece(int fd, int call, int messages, int more) {
    size_t length = messages * SIZE;
    long sent;
    for (int i = 0; i < messages; i++) fill(data + i * SIZE, TIMED, now_ns());
    struct iovec parts[2] = {{data, SIZE / 2}, {data + SIZE / 2, length - SIZE / 2}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = more ? MSG_MORE : 0;
    off_t at = 0;
    switch (call) {
    case 0: sent = write(fd, data, length); break;
    case 1: sent = writev(fd, parts, 2); break;
    case 2: sent = send(fd, data, length, flags); break;
    case 3: sent = sendto(fd, data, length, flags, NULL, 0); break;
    case 4: sent = sendmsg(fd, &header, flags); break;
    case 5:
        if (pwrite(file, data, length, 0) != (long)length) failed("pwrite");
        sent = sendfile(fd, file, &at, length);
        break;
    case 6:
        if (syscall(SYS_write, ends[1], data, length) != (long)length) failed("pipe");
        sent = splice(ends[0], NULL, fd, NULL, length, 0);
        break;
    default: sent = syscall(SYS_sendto, fd, data, length, 0, NULL, 0);
    }
    if (sent != (long)length) failed("a piece");
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    char name[] = "/tmp/field-calls-XXXXXX";
    way *wait = named(argv[3]);
    int fd = field_connect(), kinds = 1;
    file = mkstemp(name);
    unlink(name);
    if (pipe(ends)) failed("pipe");
    srand(4);
    for (int i = 0; i < atoi(argv[1]); i++) {
        /* For a while only writes of one size, as something to be learned; then all of them. */
        if (i > atoi(argv[1]) / 3) kinds = 8;
        for (int n = 1 + rand() % 4; n > 0; n--) piece(fd, rand() % kinds, kinds == 1 ? 1 : 1 + rand() % MOST, argc > 4 && n > 1);
        wait(atol(argv[2]));
    }
    return 0;
}
