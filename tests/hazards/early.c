// The program beside early_lib.c: its own constructors and destructors, an atexit function, then plain traffic.
#include "hazard.h"

__attribute__((constructor(101))) static void first(void) {
    int pair[2];
    tcp_pair(pair);
    SHOW(write(pair[0], "one", 3));
    SHOW(close(pair[0]));
    SHOW(close(pair[1]));
}

static int kept[2];

static void at_end(void) {
    char buffer[8];
    SHOW(write(kept[0], "end", 3));
    SHOW(read(kept[1], buffer, sizeof buffer));
}

__attribute__((destructor)) static void last(void) {
    char buffer[8];
    SHOW(write(kept[0], "last", 4));
    SHOW(read(kept[1], buffer, sizeof buffer));
    SHOW(close(kept[0]));
    SHOW(read(kept[1], buffer, sizeof buffer));
    fflush(stdout);
}

int main(void) {
    begin(20);
    atexit(at_end);
    tcp_pair(kept);
    teach(kept[0], kept[1], 12);
    return 0;
}
