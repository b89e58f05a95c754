// An ordinary network program: a server thread and clients over loopback, requests of every shape, and what daemons do
// with sockets besides. Prints facts only, never a time, a port or a number of a descriptor. Hazard: another preloaded
// library, a sanitizer or a debugger, with which the library would lose, double or change a call.
//
// Among it is whether the kernel has TCP_NODELAY on the client's socket, asked past every library: a line of its own,
// which starts with "kernel:". With the argument `overrun` the program reads past the end of its memory and does nothing
// else, for a sanitizer to find.
#include "../hazards/hazard.h"
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

enum { FILE_SIZE = 40000, REQUESTS = 24 };
static char pool[FILE_SIZE];
static int file;

// The system call itself: another library may have a syscall() too. Negative: an error.
static int kernel_nodelay(int fd) {
    int value = 0;
    socklen_t size = sizeof value;
    long result;
#if defined(__x86_64__)
    register long fourth asm("r10") = (long)&value;
    register long fifth asm("r8") = (long)&size;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"((long)SYS_getsockopt), "D"((long)fd), "S"((long)IPPROTO_TCP), "d"((long)TCP_NODELAY), "r"(fourth), "r"(fifth)
                 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number asm("x8") = SYS_getsockopt;
    register long first asm("x0") = fd, second asm("x1") = IPPROTO_TCP, third asm("x2") = TCP_NODELAY;
    register long fourth asm("x3") = (long)&value, fifth asm("x4") = (long)&size;
    asm volatile("svc 0" : "+r"(first) : "r"(number), "r"(second), "r"(third), "r"(fourth), "r"(fifth) : "memory");
    result = first;
#endif
    return result < 0 ? (int)result : value;
}

// Serves one connection: each request names how many bytes it wants and in which way. A header of 16 bytes and the body
// leave in two calls.
static void *serve(void *argument) {
    int fd = *(int *)argument;
    char request[16], header[17];
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, -1);
        if (read_fully(fd, request, sizeof request) != sizeof request) break;
        int way = 0, length = 0;
        sscanf(request, "%d %d", &way, &length);
        snprintf(header, sizeof header, "%15d\n", length);
        struct iovec iov[2] = {{header, 16}, {pool, (size_t)length}};
        struct msghdr message = {.msg_iov = iov + 1, .msg_iovlen = 1};
        if (way != 2) write_fully(fd, header, 16);
        switch (way) {
        case 0: write_fully(fd, pool, (size_t)length); break;
        case 1: {
            off_t offset = 0;
            while (offset < length)
                if (sendfile(fd, file, &offset, (size_t)(length - offset)) <= 0) printf("sendfile: %s\n", errname(errno)), exit(98);
            break;
        }
        case 2: {
            ssize_t put = writev(fd, iov, 2);
            if (put < 16 + length) write_fully(fd, pool + (put - 16), (size_t)(length + 16 - put));
            break;
        }
        case 3: {
            ssize_t put = sendmsg(fd, &message, 0);
            if (put < length) write_fully(fd, pool + put, (size_t)(length - put));
            break;
        }
        }
    }
    shutdown(fd, SHUT_WR);
    close(fd);
    return NULL;
}

static void requests(const struct sockaddr_in *address, int listener) {
    int client = tcp_dial(address), accepted = MUST(accept(listener, NULL, NULL)), option = -1;
    socklen_t size = sizeof option;
    SHOW(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &option, &size));
    printf("nodelay as the program sees it: %d\n", option);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, &accepted);
    uint64_t hash = HASH_START;
    static char answer[FILE_SIZE + 16];
    for (int i = 0; i < REQUESTS; i++) {
        char request[32];
        int length = i % 5 == 4 ? FILE_SIZE - i : 300 + i * 7;
        snprintf(request, sizeof request, "%7d %7d\n", i / 6, length);
        // The request leaves in two calls.
        write_fully(client, request, 8);
        if (i % 2) write_fully(client, request + 8, 8);
        else send(client, request + 8, 8, MSG_NOSIGNAL);
        size_t got = read_fully(client, answer, 16 + (size_t)length);
        hash = hash_bytes(hash, answer, got);
        if (got != 16 + (size_t)length) printf("request %d: %zu bytes\n", i, got);
    }
    printf("answers: hash %016lx\n", (unsigned long)hash);
    printf("kernel: nodelay %d\n", kernel_nodelay(client));
    SHOW(shutdown(client, SHUT_WR));
    printf("end of file: %zu\n", read_fully(client, answer, 1));
    pthread_join(thread, NULL);
    SHOW(close(client));
}

static void without_waiting(const struct sockaddr_in *address, int listener) {
    int client = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int result = connect(client, (const struct sockaddr *)address, sizeof *address);
    printf("connect: %s\n", result == 0 || errno == EINPROGRESS ? "begun" : errname(errno));
    int server = MUST(accept4(listener, NULL, NULL, SOCK_NONBLOCK)), epoll = MUST(epoll_create1(0)), error = -1;
    struct epoll_event event = {.events = EPOLLOUT};
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event));
    SHOW(epoll_wait(epoll, &event, 1, 2000));
    socklen_t size = sizeof error;
    getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size);
    printf("connected: %d\n", error);
    char buffer[100];
    SHOW(read(server, buffer, sizeof buffer));
    event.events = EPOLLIN;
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event));
    for (int i = 0; i < 12; i++) {
        write_fully(client, "first ", 6);
        write_fully(client, "second", 6);
        size_t got = 0;
        while (got < 12) {
            if (epoll_wait(epoll, &event, 1, 2000) != 1) printf("epoll: nothing came\n"), exit(98);
            ssize_t n = recv(server, buffer + got, sizeof buffer - got, 0);
            if (n > 0) got += (size_t)n;
        }
        if (memcmp(buffer, "first second", 12) != 0) printf("epoll: other bytes\n");
        write_fully(server, "ok", 2);
        struct pollfd p = {client, POLLIN, 0};
        poll(&p, 1, 2000);
        if (read(client, buffer, 2) != 2) printf("epoll: no answer\n");
    }
    close(epoll), close(server), close(client);
}

static void copies_and_processes(const struct sockaddr_in *address, int listener) {
    int client = tcp_dial(address), server = MUST(accept(listener, NULL, NULL)), copy = MUST(dup(client));
    teach(copy, server, 12);
    SHOW(close(client));
    write_fully(copy, "parent, ", 8);
    fflush(stdout);
    pid_t child = MUST(fork());
    if (child == 0) {
        mortal();
        write_fully(copy, "child, ", 7);
        _exit(7);
    }
    int status = 0;
    printf("child: %s", waitpid(child, &status, 0) == child ? "waited for" : "lost");
    printf(", ended with %d\n", WEXITSTATUS(status));
    write_fully(copy, "parent", 6);
    SHOW(close(copy));
    char text[100] = "";
    read_fully(server, text, sizeof text - 1);
    printf("from both: %s\n", text);
    SHOW(close(server));
    SHOW(close(server));
    SHOW(write(server, "x", 1));
}

static void others(void) {
    int pair[2], ends[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    SHOW(write(pair[0], "unix", 4));
    char buffer[16];
    SHOW(read(pair[1], buffer, sizeof buffer));
    close(pair[1]);
    SHOW(send(pair[0], "x", 1, MSG_NOSIGNAL));
    close(pair[0]);
    MUST(pipe(ends));
    SHOW(write(ends[1], "pipe", 4));
    SHOW(read(ends[0], buffer, sizeof buffer));
    SHOW(lseek(file, 0, SEEK_END));
    SHOW(write(file, "file", 4));
    close(ends[0]), close(ends[1]);
    // A port on which nobody listens any more.
    struct sockaddr_in address;
    close(tcp_listen(&address, 1));
    int client = MUST(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    close(client);
}

static void overrun(void) {
    int ends[2];
    MUST(pipe(ends));
    write_fully(ends[1], pool, 32);
    char *memory = malloc(16);
    // Opaque to the compiler, which would see it otherwise.
    volatile size_t length = 32;
    printf("read %zd\n", read(ends[0], memory, length));
    free(memory);
}

int main(int count, char **arguments) {
    begin(50);
    if (count > 1 && strcmp(arguments[1], "overrun") == 0) {
        overrun();
        return 0;
    }
    uint64_t state = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < sizeof pool; i++) pool[i] = (char)random_next(&state);
    file = MUST(memfd_create("pool", 0));
    write_fully(file, pool, sizeof pool);
    struct sockaddr_in address;
    int listener = tcp_listen(&address, 8);
    requests(&address, listener);
    without_waiting(&address, listener);
    copies_and_processes(&address, listener);
    others();
    return 0;
}
