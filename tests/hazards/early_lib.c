// A library that is preloaded beside libtcptune.so and uses sockets and files in its constructor and destructor.
// Hazard: hooks run before our constructor (or after our destructor), when nothing of ours has been set up.
#include "hazard.h"

static char log_text[4096];

// stdio is avoided here on purpose: the line is put together by hand and leaves through the hooked write.
static void note(const char *what, long result) {
    char line[128];
    int n = snprintf(line, sizeof line, "early: %s = %ld%s%s\n", what, result, result < 0 ? " " : "", result < 0 ? errname(errno) : "");
    if (strlen(log_text) + (size_t)n < sizeof log_text) strcat(log_text, line);
    write(1, line, (size_t)n);
}

static int client = -1, server = -1;

__attribute__((constructor)) static void early(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    note("bind", bind(listener, (struct sockaddr *)&address, sizeof address));
    note("listen", listen(listener, 4));
    getsockname(listener, (struct sockaddr *)&address, &size);
    client = socket(AF_INET, SOCK_STREAM, 0);
    note("connect", connect(client, (struct sockaddr *)&address, sizeof address));
    server = accept(listener, NULL, NULL);
    note("send", send(client, "abc", 3, 0));
    note("write", write(client, "def", 3));
    char buffer[16];
    note("recv", recv(server, buffer, 6, MSG_WAITALL));
    struct pollfd p = {server, POLLIN, 0};
    note("poll", poll(&p, 1, 0));
    note("bad write", write(-1, "x", 1));
    note("dup", dup(client) >= 0 ? 0 : -1);
    note("close", close(listener));
    teach(client, server, 12);
    note("fcntl", fcntl(client, F_GETFL));
    int value = 5;
    size = sizeof value;
    note("getsockopt", getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    note("value", value);
}

__attribute__((destructor)) static void late(void) {
    if (getenv("HAZARD_QUIET_DESTRUCTOR")) return;
    note("late write", write(client, "bye", 3));
    note("late shutdown", shutdown(client, SHUT_WR));
    char buffer[16];
    note("late recv", recv(server, buffer, 3, MSG_WAITALL));
    note("late eof", recv(server, buffer, 3, 0));
    note("late close", close(client));
    note("late bad", close(client));
}
