/* Two ends that send one small message to and fro: what does an exchange cost?
 *
 *   ping_pong serve PORT                 epoll_wait, recv, send; one connection after the other
 *   ping_pong ask ADDRESS PORT COUNT     send, recv; prints the seconds of CPU that COUNT exchanges took it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, WARM = 2000 };
static char data[SIZE];

static void die(const char *what)
{
    fprintf(stderr, "ping_pong: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void serve(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4) < 0)
        die("listen");
    for (;;) {
        int s = accept(listener, NULL, NULL), waits = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN};
        if (s < 0 || epoll_ctl(waits, EPOLL_CTL_ADD, s, &event) < 0)
            die("accept");
        for (;;) {
            ssize_t n;
            if (epoll_wait(waits, &event, 1, -1) != 1 || (n = recv(s, data, SIZE, 0)) <= 0 || send(s, data, n, 0) != n)
                break;
        }
        close(waits);
        close(s);
    }
}

static void exchange(int s)
{
    if (send(s, data, SIZE, 0) != SIZE || recv(s, data, SIZE, MSG_WAITALL) != SIZE)
        die("exchange");
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        serve(atoi(argv[2]));
    if (argc != 5 || strcmp(argv[1], "ask") != 0) {
        fprintf(stderr, "usage: ping_pong serve PORT | ask ADDRESS PORT COUNT\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || connect(s, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    for (int i = 0; i < WARM; i++)
        exchange(s);
    long count = atol(argv[4]);
    double before = cpu();
    for (long i = 0; i < count; i++)
        exchange(s);
    printf("%.9f\n", cpu() - before);
    return 0;
}
