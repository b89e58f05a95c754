// stdio on sockets, mixed with direct writes: the C library's own writes reach no hook, yet order and promptness must hold.
// Hazard: bytes held by an earlier write must not be overtaken or stuck when the rest of the burst goes out unseen.
#include "hazard.h"
#include <stdarg.h>

int __dprintf_chk(int, int, const char *, ...) __attribute__((weak));

static void formatted(int fd, const char *format, ...) {
    va_list list;
    va_start(list, format);
    SHOW_AS("vdprintf", vdprintf(fd, format, list));
    va_end(list);
}

int main(void) {
    begin(30);
    int pair[2];
    char text[256];
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    FILE *out = fdopen(pair[0], "r+");
    SHOW(write(pair[0], "head ", 5));
    SHOW(fprintf(out, "number %d ", 42));
    SHOW(fflush(out));
    SHOW(dprintf(pair[0], "%s ", "dprintf"));
    formatted(pair[0], "%s ", "vdprintf");
    if (__dprintf_chk) SHOW(__dprintf_chk(pair[0], 1, "%s ", "checked"));
    SHOW(write(pair[0], "tail", 4));
    int wanted = (int)strlen("head number 42 dprintf vdprintf checked tail");
    size_t got = read_fully(pair[1], text, (size_t)(__dprintf_chk ? wanted : wanted - 8));
    printf("%.*s\n", (int)got, text);
    for (int i = 0; i < 12; i++) { // header by write, body by stdio
        SHOW(write(pair[0], "head ", 5));
        fputs("body", out);
        fflush(out);
        got = read_fully(pair[1], text, 9);
        printf("%.*s\n", (int)got, text);
        write(pair[1], "reply\n", 6);
        SHOW(fgets(text, sizeof text, out) != NULL);
        fseek(out, 0, SEEK_CUR);
    }
    SHOW(write(pair[0], "first ", 6));
    fputs("last", out);
    SHOW(fclose(out)); // flushes and closes, both unseen
    got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
    printf("the number is free: %d\n", fcntl(pair[0], F_GETFD));
    int file = MUST(open("/dev/null", O_WRONLY));
    SHOW(write(file, "same number", 11));
    SHOW(close(file));
    SHOW(close(pair[1]));
    tcp_pair(pair);
    teach(pair[0], pair[1], 10);
    out = fdopen(pair[0], "w");
    setvbuf(out, NULL, _IONBF, 0);
    SHOW(fputs("unbuffered ", out) >= 0);
    SHOW(write(pair[0], "held? ", 6));
    SHOW(freopen("/dev/null", "w", out) != NULL); // closes the socket unseen, takes its number
    SHOW(write(fileno(out), "to the file", 11));
    got = read_fully(pair[1], text, sizeof text);
    printf("%.*s\n", (int)got, text);
    fclose(out);
    close(pair[1]);
    signal(SIGPIPE, SIG_IGN);
    tcp_pair(pair);
    out = fdopen(pair[0], "w");
    struct linger reset = {1, 0};
    setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(pair[1]);
    pause_ms(5);
    fputs("to nobody", out);
    SHOW(fflush(out));
    SHOW(fclose(out));
    return 0;
}
