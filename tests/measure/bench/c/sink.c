/* The far end of a one-way stream of messages: how late is each?
 *
 *   sink PORT COUNT SIZE FILE
 *
 * Takes one connection and reads COUNT messages of SIZE bytes. The first eight bytes of each are the sender's
 * CLOCK_MONOTONIC in nanoseconds, little-endian. Writes the delays in seconds, as doubles, to FILE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "sink: %s: %s\n", what, errno ? strerror(errno) : "too little data");
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: sink PORT COUNT SIZE FILE\n");
        return 2;
    }
    static unsigned char data[1 << 18];
    size_t count = strtoul(argv[2], NULL, 10), size = strtoul(argv[3], NULL, 10), have = 0, done = 0;
    double *delay = calloc(count, sizeof *delay);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0)
        die("listen");
    int s = accept(listener, NULL, NULL);
    if (s < 0)
        die("accept");
    while (done < count) {
        errno = 0;
        ssize_t n = read(s, data + have, sizeof data - have);
        if (n <= 0)
            die("read");
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        int64_t now = t.tv_sec * 1000000000LL + t.tv_nsec;
        size_t at = 0;
        for (have += n; have - at >= size && done < count; at += size) {
            int64_t sent;
            memcpy(&sent, data + at, sizeof sent);
            delay[done++] = (now - sent) * 1e-9;
        }
        memmove(data, data + at, have -= at);
    }
    FILE *f = fopen(argv[4], "wb");
    if (!f || fwrite(delay, sizeof *delay, count, f) != count || fclose(f) != 0)
        die(argv[4]);
    return 0;
}
