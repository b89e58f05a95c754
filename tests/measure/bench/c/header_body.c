/* A web server reduced to the pattern the benches study: for GET /N it writes a 200-byte header and then sends N bytes
 * of a file with sendfile(). It serves one connection at a time, keep-alive or "Connection: close".
 *
 * --how says what its author did about it, which is the whole difference between the variants:
 *   plain    nothing                              nodelay  TCP_NODELAY on the listener
 *   cork     TCP_NODELAY, and TCP_CORK on and off around each response
 *   more     TCP_NODELAY, and MSG_MORE on the header
 * --chunk N sends the body in sendfile calls of N bytes. --hash prints a hash of both byte streams when stopped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>
#include "stream_hash.h"

enum { HEADER = 200, LARGEST = 4 << 20 };
enum how { PLAIN, NODELAY, CORK, MORE };

static volatile sig_atomic_t stopped;
static struct stream_hash sent, received;
static int hashing;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int respond(int s, enum how how, int file, const char *content, size_t size, size_t chunk, int last)
{
    char header[HEADER + 1];
    int n = snprintf(header, sizeof header, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: %s\r\nX-Pad: ", size,
                     last ? "close" : "keep-alive");
    memset(header + n, 'x', HEADER - 4 - n);
    memcpy(header + HEADER - 4, "\r\n\r\n", 4);
    int on = 1, off = 0;
    if (how == CORK && setsockopt(s, IPPROTO_TCP, TCP_CORK, &on, sizeof on) < 0)
        die("TCP_CORK");
    ssize_t written = how == MORE && size > 0 ? send(s, header, HEADER, MSG_MORE) : write(s, header, HEADER);
    if (written != HEADER)
        return -1;
    off_t at = 0;
    while ((size_t)at < size) {
        size_t left = size - at;
        if (sendfile(s, file, &at, left < chunk ? left : chunk) <= 0)
            return -1;
    }
    if (how == CORK && setsockopt(s, IPPROTO_TCP, TCP_CORK, &off, sizeof off) < 0)
        die("TCP_CORK");
    if (hashing) {
        hash_bytes(&sent, header, HEADER);
        hash_bytes(&sent, content, size);
    }
    return 0;
}

static void serve(int s, enum how how, int file, const char *content, size_t chunk)
{
    char request[4096];
    size_t have = 0;
    for (;;) {
        char *end;
        request[have] = 0;
        while (!(end = strstr(request, "\r\n\r\n"))) {
            ssize_t n = read(s, request + have, sizeof request - 1 - have);
            if (n <= 0)
                return;
            if (hashing)
                hash_bytes(&received, request + have, n);
            have += n;
            request[have] = 0;
        }
        char *path = strchr(request, '/');
        size_t size = path && path < end ? strtoul(path + 1, NULL, 10) : 0;
        char *wish = strstr(request, "Connection: close");
        int last = wish && wish < end;
        if (size > LARGEST || respond(s, how, file, content, size, chunk, last) < 0 || last)
            return;
        have -= end + 4 - request;
        memmove(request, end + 4, have);
    }
}

int main(int argc, char **argv)
{
    enum how how = PLAIN;
    size_t chunk = LARGEST;
    int port = 0, on = 1;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--hash"))
            hashing = 1;
        else if (i + 1 >= argc)
            return 2;
        else if (!strcmp(argv[i], "--port"))
            port = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--chunk"))
            chunk = strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--how")) {
            const char *name = argv[++i];
            how = !strcmp(name, "nodelay") ? NODELAY : !strcmp(name, "cork") ? CORK : !strcmp(name, "more") ? MORE : PLAIN;
            if (how == PLAIN && strcmp(name, "plain") != 0)
                return 2;
        } else
            return 2;
    }
    int file = memfd_create("body", 0);
    if (file < 0 || ftruncate(file, LARGEST) < 0)
        die("memfd");
    char *content = mmap(NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (content == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < LARGEST; i++)
        content[i] = (char)(i * 2654435761u >> 24);

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (how != PLAIN)
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0)
        die("listen");
    while (!stopped) {
        int s = accept(listener, NULL, NULL);
        if (s < 0)
            continue;
        serve(s, how, file, content, chunk);
        close(s);
    }
    if (hashing) {
        printf("{\"sent\": %lu, \"sent_hash\": \"%016lx\", \"received\": %lu, \"received_hash\": \"%016lx\"}\n",
               (unsigned long)sent.bytes, (unsigned long)hash_end(&sent), (unsigned long)received.bytes,
               (unsigned long)hash_end(&received));
    }
    return 0;
}
