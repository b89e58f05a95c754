/* A program that sends in very many small writes and then waits for an answer, and the server that answers it.
 *
 *   tiny_writes serve PORT SIZE                        answers each SIZE bytes with 8 bytes, the hash of them
 *   tiny_writes send ADDRESS PORT COUNT EACH BURSTS [--nodelay | --more]
 *
 * A burst is COUNT writes of EACH bytes and one wait. --nodelay and --more are the two ways by hand: TCP_NODELAY, and
 * MSG_MORE on every write but the last of a burst. Prints a line of JSON per burst: seconds and data segments sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "stream_hash.h"

static void die(const char *what)
{
    fprintf(stderr, "tiny_writes: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void serve(int port, size_t size)
{
    static char data[1 << 16];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    signal(SIGPIPE, SIG_IGN);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0)
        die("listen");
    for (;;) {
        int s = accept(listener, NULL, NULL);
        struct stream_hash hash = {0};
        ssize_t n;
        while (s >= 0 && (n = read(s, data, sizeof data)) > 0) {
            hash_bytes(&hash, data, n);
            if (hash.bytes == size) {
                uint64_t sum = hash_end(&hash);
                if (write(s, &sum, sizeof sum) != sizeof sum)
                    break;
                memset(&hash, 0, sizeof hash);
            }
        }
        close(s);
    }
}

static unsigned segments(int s)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        die("TCP_INFO");
    return info.tcpi_data_segs_out;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        serve(atoi(argv[2]), strtoul(argv[3], NULL, 10));
    if (argc < 7 || strcmp(argv[1], "send") != 0) {
        fprintf(stderr, "usage: tiny_writes serve PORT SIZE | send ADDRESS PORT COUNT EACH BURSTS [--nodelay | --more]\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    int count = atoi(argv[4]), each = atoi(argv[5]), bursts = atoi(argv[6]), on = 1;
    int nodelay = argc > 7 && strcmp(argv[7], "--nodelay") == 0, more = argc > 7 && strcmp(argv[7], "--more") == 0;
    char data[4096];
    if (each < 1 || each > (int)sizeof data)
        return 2;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if ((nodelay || more) && setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("TCP_NODELAY");
    if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || connect(s, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    for (int burst = 0; burst < bursts; burst++) {
        struct stream_hash hash = {0};
        unsigned before = segments(s);
        uint64_t answer;
        /* The hash is computed first: time between the writes would be time of the benchmark, not of the sender. */
        for (int i = 0; i < count; i++) {
            memset(data, (char)(i + burst), each);
            hash_bytes(&hash, data, each);
        }
        double begin = now();
        for (int i = 0; i < count; i++) {
            memset(data, (char)(i + burst), each);
            ssize_t n = more && i < count - 1 ? send(s, data, each, MSG_MORE) : write(s, data, each);
            if (n != each)
                die("write");
        }
        if (recv(s, &answer, sizeof answer, MSG_WAITALL) != sizeof answer)
            die("answer");
        double took = now() - begin;
        if (answer != hash_end(&hash)) {
            errno = EBADMSG;
            die("the streams at both ends differ");
        }
        printf("{\"seconds\": %.9f, \"segments\": %u}\n", took, segments(s) - before);
    }
    return 0;
}
