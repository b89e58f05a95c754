/* Bursts of LENGTH messages that end in a wait which a library sees, again and again; 1 in EVERY ends 30 ms in one that it cannot see. The
 * library has had every reason to hold. usage: betray BURSTS LENGTH EVERY PAUSE_US WAY [vary] */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    int length = atoi(argv[2]), every = atoi(argv[3]);
    way *wait = named(argv[5]);
    int fd = field_connect();
    srand(3);
    for (int i = 1; i <= atoi(argv[1]); i++) {
        int hidden = i % every == 0, n = length;
        if (hidden || argc > 6) n = 1 + rand() % length;
        while (n--) say(fd, TIMED);
        if (hidden) raw_sleep(30000);
        else wait(atol(argv[4]));
    }
    return 0;
}
