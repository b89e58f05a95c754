/* Load client of the benches: sends one request, reads the whole response, and only then sends the next, on one
 * connection (keep-alive) or on a fresh one each time (--close). Prints one JSON line: latencies, and data segments
 * received per response, read from its own TCP_INFO, so they are exact on a link without segment offload.
 *
 * It must stay light (no allocation or parsing that grows with the body) and must not be the cause of a stall: a
 * request is one send() with TCP_NODELAY on.
 *
 *   load ADDRESS PORT [--get PATH | --request FILE --expect BYTES] [--close] [--count N] [--seconds S] [--skip K]
 *        [--pause MICROSECONDS] [--body FILE] [--ideal N] [--preamble FILE --preamble-expect BYTES] [--hash] [--latencies FILE]
 *
 * --pause waits between exchanges, so that the server is back in its wait when the next request comes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "stream_hash.h"

enum { BUFFER = 1 << 18, HEADER_LIMIT = 1 << 16 };

static char buffer[BUFFER];
static struct sockaddr_in server;
static char *request, *preamble, *body;
static size_t request_length, preamble_length, body_length, expect, preamble_expect;
static int one_shot, hashing;
static struct stream_hash sent, received;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "wrong data");
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static char *slurp(const char *path, size_t *length)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    fseek(f, 0, SEEK_END);
    *length = ftell(f);
    rewind(f);
    char *data = malloc(*length + 1);
    if (fread(data, 1, *length, f) != *length)
        die(path);
    data[*length] = 0;
    fclose(f);
    return data;
}

static int open_connection(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        die("socket");
    if (connect(s, (struct sockaddr *)&server, sizeof server) < 0)
        die("connect");
    return s;
}

static void send_all(int s, const char *data, size_t length)
{
    if (hashing)
        hash_bytes(&sent, data, length);
    while (length > 0) {
        ssize_t n = send(s, data, length, MSG_NOSIGNAL);
        if (n < 0)
            die("send");
        data += n, length -= n;
    }
}

static size_t receive(int s, char *to, size_t room)
{
    ssize_t n = recv(s, to, room, 0);
    if (n < 0)
        die("recv");
    if (n == 0) {
        errno = 0;
        die("connection closed inside a response");
    }
    if (hashing)
        hash_bytes(&received, to, n);
    return n;
}

/* Compares a piece of the body with the file it should be. */
static void check(const char *piece, size_t at, size_t length)
{
    errno = 0;
    if (body && (at + length > body_length || memcmp(body + at, piece, length) != 0))
        die("body differs from the expected file");
}

static void read_fixed(int s, size_t length)
{
    while (length > 0)
        length -= receive(s, buffer, length < BUFFER ? length : BUFFER);
}

/* One HTTP response: header, then Content-Length bytes. */
static void read_http(int s)
{
    size_t have = 0, length = 0, at;
    char *end = NULL;
    errno = 0;
    while (!end) {
        if (have >= HEADER_LIMIT)
            die("header too long");
        have += receive(s, buffer + have, BUFFER - have - 1);
        buffer[have] = 0;
        end = strstr(buffer, "\r\n\r\n");
    }
    if (strncmp(buffer, "HTTP/1.1 200", 12) != 0 && strncmp(buffer, "HTTP/1.0 200", 12) != 0)
        die("status is not 200");
    char *field = buffer;
    while (field < end && strncasecmp(field, "\r\ncontent-length:", 17) != 0)
        field = strstr(field + 2, "\r\n");
    if (field >= end)
        die("no Content-Length");
    length = strtoul(field + 17, NULL, 10);
    if (body && length != body_length)
        die("Content-Length is not the size of the expected file");
    at = have - (end + 4 - buffer);
    check(end + 4, 0, at);
    while (at < length) {
        size_t left = length - at, n = receive(s, buffer, left < BUFFER ? left : BUFFER);
        check(buffer, at, n);
        at += n;
    }
    if (at != length)
        die("more than one response");
}

static struct tcp_info info(int s)
{
    struct tcp_info i = {0};
    socklen_t length = sizeof i;
    if (getsockopt(s, IPPROTO_TCP, TCP_INFO, &i, &length) < 0)
        die("TCP_INFO");
    return i;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t count = 1000, skip = 0, ideal = 0, done = 0, counted = 0, last_off = 0, off = 0;
    unsigned long segments = 0, least = ~0ul, most = 0, mss = 0;
    double seconds = 60, started, spent = 0, first_worst = 0;
    unsigned pause_us = 0;
    const char *latencies = NULL;
    char path[4096];
    if (argc < 3)
        die("usage: load ADDRESS PORT ...");
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        die("address");
    const char *get = NULL;
    for (int i = 3; i < argc; i++) {
        const char *option = argv[i];
        if (!strcmp(option, "--close")) {
            one_shot = 1;
            continue;
        }
        if (!strcmp(option, "--hash")) {
            hashing = 1;
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : "";
        if (!strcmp(option, "--get"))
            get = value;
        else if (!strcmp(option, "--request"))
            request = slurp(value, &request_length);
        else if (!strcmp(option, "--expect"))
            expect = strtoul(value, NULL, 10);
        else if (!strcmp(option, "--preamble"))
            preamble = slurp(value, &preamble_length);
        else if (!strcmp(option, "--preamble-expect"))
            preamble_expect = strtoul(value, NULL, 10);
        else if (!strcmp(option, "--body"))
            body = slurp(value, &body_length);
        else if (!strcmp(option, "--count"))
            count = strtoul(value, NULL, 10);
        else if (!strcmp(option, "--seconds"))
            seconds = strtod(value, NULL);
        else if (!strcmp(option, "--skip"))
            skip = strtoul(value, NULL, 10);
        else if (!strcmp(option, "--pause"))
            pause_us = atoi(value);
        else if (!strcmp(option, "--ideal"))
            ideal = strtoul(value, NULL, 10);
        else if (!strcmp(option, "--latencies"))
            latencies = value;
        else
            die(option);
    }
    if (get) {
        request_length = snprintf(path, sizeof path, "GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n", get,
                                  one_shot ? "Connection: close\r\n" : "");
        request = path;
    }
    if (!request)
        die("no request");
    double *took = malloc(sizeof *took * count);
    int s = -1;
    started = now();
    while (done < count && (done <= skip || now() - started < seconds)) {
        if (done <= skip)
            started = now();
        if (pause_us)
            usleep(pause_us);
        /* Preparing the connection's preamble is not part of an exchange; connecting is, when each has its own. */
        double begin = now();
        if (s < 0) {
            s = open_connection();
            if (preamble) {
                send_all(s, preamble, preamble_length);
                read_fixed(s, preamble_expect);
            }
            if (!one_shot)
                begin = now();
        }
        unsigned before = info(s).tcpi_data_segs_in;
        if (!one_shot)
            begin = now();
        send_all(s, request, request_length);
        if (expect)
            read_fixed(s, expect);
        else
            read_http(s);
        double end = now();
        struct tcp_info i = info(s);
        if (one_shot) {
            /* The server closes first, so that TIME_WAIT is its and does not use up our ports; and nothing may follow. */
            if (recv(s, buffer, BUFFER, 0) != 0)
                die("end of the connection");
            close(s);
            s = -1;
        }
        mss = i.tcpi_snd_mss;
        if (done >= skip) {
            unsigned long n = i.tcpi_data_segs_in - before;
            segments += n;
            least = n < least ? n : least;
            most = n > most ? n : most;
            if (ideal && n > ideal) {
                off++;
                last_off = done + 1;
            }
            took[counted++] = end - begin;
            spent += end - begin;
        } else if (end - begin > first_worst)
            first_worst = end - begin;
        done++;
    }
    if (s >= 0)
        close(s);
    errno = 0;
    if (counted == 0)
        die("no exchange was counted");
    if (latencies) {
        FILE *f = fopen(latencies, "wb");
        if (!f || fwrite(took, sizeof *took, counted, f) != counted || fclose(f) != 0)
            die(latencies);
    }
    qsort(took, counted, sizeof *took, by_value);
    printf("{\"exchanges\": %zu, \"all_exchanges\": %zu, \"spent\": %.9f, \"median\": %.9f, \"max\": %.9f, \"first_worst\": %.9f, "
           "\"segments\": %lu, \"least\": %lu, \"most\": %lu, \"mss\": %lu, \"off_ideal\": %zu, \"last_off_ideal\": %zu, "
           "\"sent\": %lu, \"sent_hash\": \"%016lx\", \"received\": %lu, \"received_hash\": \"%016lx\"}\n",
           counted, done, spent, took[counted / 2], took[counted - 1], first_worst, segments, least, most, mss, off, last_off,
           (unsigned long)sent.bytes, (unsigned long)hash_end(&sent), (unsigned long)received.bytes,
           (unsigned long)hash_end(&received));
    return 0;
}
