/* K lines written by write(2), the answer read by fgets(3): the C library's own read passes no preloaded library, so the wait for the
 * answer looks as if the program had only paused. A sleep between the exchanges (PAUSE_US) looks like the end of each.
 * usage: stdio_reader EXCHANGES K [PAUSE_US] */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int fd = field_connect(), lines = atoi(argv[2]);
    FILE *from = fdopen(dup(fd), "r");
    char line[SIZE];
    for (int i = atoi(argv[1]); i > 0; i--) {
        long long begin = now_ns();
        for (int k = 1; k < lines; k++) say_since(fd, UNTIMED, begin);
        say_since(fd, ASKS, begin);
        if (!fgets(line, sizeof line, from)) failed("fgets");
        if (argc > 3) way_libc(atol(argv[3]));
    }
    return 0;
}
