/* Shared by the programs of this folder: the messages that arrival.c understands, and a connection to it. Each message says when it was
 * written, so that arrival.c, another process with the same clock, can tell how long it took. Programs in other languages send the same. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"

/* A message: 19 digits, nanoseconds of CLOCK_MONOTONIC; one letter, its kind; blanks; a line feed. */
enum { SIZE = 100, STAMP = 19, NOT_HERE = 77 };
enum kind {
    TIMED = 't',        /* one way */
    ASKS = 'a',         /* is answered when it has come */
    UNTIMED = 'u',      /* the beginning of something whose end counts */
    ASKS_UNTIMED = 'q',
    CALL_BACK = 'c',    /* "c PORT TIMES": connect to this port so often, one after the other, and ask first each time */
};
#define ANSWER "answered.\n"

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Makes a message that began at this time. */
static void fill(char *message, char kind, long long at) {
    char text[SIZE + 1];
    snprintf(text, sizeof text, "%019lld%c%*s\n", at, kind, SIZE - STAMP - 2, "");
    memcpy(message, text, SIZE);
}

static void failed(const char *what) {
    perror(what);
    exit(1);
}

/* Writes a message by write(2). */
static void say(int fd, char kind) {
    char message[SIZE];
    fill(message, kind, now_ns());
    if (write(fd, message, SIZE) != SIZE) failed("write");
}

/* The same, begun earlier. */
static void say_since(int fd, char kind, long long at) {
    char message[SIZE];
    fill(message, kind, at);
    if (write(fd, message, SIZE) != SIZE) failed("write");
}

static struct sockaddr_in field_address(void) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    const char *address = getenv("FIELD_ADDRESS"), *port = getenv("FIELD_PORT");
    if (!address || !port) {
        fputs("arrival starts this program (FIELD_ADDRESS, FIELD_PORT)\n", stderr);
        exit(2);
    }
    inet_pton(AF_INET, address, &to.sin_addr);
    to.sin_port = htons(atoi(port));
    return to;
}

/* A connection to arrival, made by the C library's calls. */
static int field_connect(void) {
    struct sockaddr_in to = field_address();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) failed("connect");
    return fd;
}

/* Reads answers by recv(2) until there were so many. */
static void answers(int fd, int wanted) {
    char data[4096];
    for (long left = wanted * (long)(sizeof ANSWER - 1); left > 0;) {
        long got = recv(fd, data, left < (long)sizeof data ? left : (long)sizeof data, 0);
        if (got <= 0) failed("recv");
        left -= got;
    }
}

/* A listener of ours that arrival connects to, so often; asked for over `fd`. */
static int serve(int fd, int times) {
    struct sockaddr_in local = {.sin_family = AF_INET};
    socklen_t length = sizeof local;
    char message[SIZE];
    int listener = socket(AF_INET, SOCK_STREAM, 0), written;
    if (bind(listener, (struct sockaddr *)&local, sizeof local) || listen(listener, 16)) failed("listen");
    getsockname(listener, (struct sockaddr *)&local, &length);
    fill(message, CALL_BACK, 0);
    written = sprintf(message + STAMP + 1, " %d %d", ntohs(local.sin_port), times);
    message[STAMP + 1 + written] = ' ';
    if (send(fd, message, SIZE, 0) != SIZE) failed("send");
    return listener;
}
