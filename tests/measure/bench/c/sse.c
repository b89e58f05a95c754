/* Both ends of a token stream: server-sent events as a language model's front end sends them.
 *
 *   sse serve PORT TOKENS GAP_MS        answers every request with TOKENS events, GAP_MS apart, each its own chunk and
 *                                       its own write, stamped with the time of sending
 *   sse read ADDRESS PORT TOKENS STREAMS   reads STREAMS streams, one connection each; prints a line of JSON per stream:
 *                                       the delay of every event in seconds
 *
 * Both ends use CLOCK_MONOTONIC, which namespaces of one machine share. Neither end holds anything back: NODELAY is on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "sse: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int nodelay_socket(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("socket");
    return s;
}

static void stream(int s, int tokens, int gap_ms)
{
    char request[4096], event[64], chunk[128];
    if (read(s, request, sizeof request) <= 0)
        return;
    static const char header[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (write(s, header, sizeof header - 1) < 0)
        return;
    for (int i = 0; i < tokens; i++) {
        usleep(gap_ms * 1000);
        int length = sprintf(event, "data: %020lld\n\n", now());
        length = sprintf(chunk, "%x\r\n%s\r\n", length, event);
        if (write(s, chunk, length) != length)
            return;
    }
    usleep(gap_ms * 1000);
    if (write(s, "0\r\n\r\n", 5) != 5)
        return;
}

static void serve(int port, int tokens, int gap_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = nodelay_socket();
    signal(SIGPIPE, SIG_IGN);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0)
        die("listen");
    for (;;) {
        int s = accept(listener, NULL, NULL);
        if (s < 0)
            continue;
        stream(s, tokens, gap_ms);
        close(s);
    }
}

static void read_stream(const char *host, int port, int tokens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    static char text[1 << 16];
    size_t have = 0;
    int seen = 0, s = nodelay_socket();
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || connect(s, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    static const char request[] = "GET /stream HTTP/1.1\r\nHost: bench\r\n\r\n";
    if (write(s, request, sizeof request - 1) < 0)
        die("write");
    printf("[");
    const char *at = text;
    while (seen < tokens) {
        ssize_t n = read(s, text + have, sizeof text - 1 - have);
        long long arrived = now();
        if (n <= 0)
            die("stream ended early");
        have += n;
        text[have] = 0;
        for (const char *event; (event = strstr(at, "data: ")) && strstr(event, "\n\n"); at = event + 6)
            printf("%s%.9f", seen++ ? ", " : "", (arrived - atoll(event + 6)) * 1e-9);
    }
    printf("]\n");
    close(s);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "serve") == 0)
        serve(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
    if (argc != 6 || strcmp(argv[1], "read") != 0) {
        fprintf(stderr, "usage: sse serve PORT TOKENS GAP_MS | sse read ADDRESS PORT TOKENS STREAMS\n");
        return 2;
    }
    for (int i = 0; i < atoi(argv[5]); i++)
        read_stream(argv[2], atoi(argv[3]), atoi(argv[4]));
    return 0;
}
