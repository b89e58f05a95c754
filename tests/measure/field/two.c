/* Two connections to one service: on the first every burst ends in a wait that a library sees, on the second in one that it does not. The
 * first one's good conduct proves nothing for the second. usage: two COUNT LENGTH PAUSE_US WAY */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    way *wait = named(argv[4]);
    int good = field_connect(), bad = field_connect(), length = atoi(argv[2]);
    srand(5);
    for (int i = 0; i < atoi(argv[1]); i++) {
        for (int n = 1; n < length; n++) say(good, UNTIMED);
        say(good, ASKS), answers(good, 1);
        if (i < 50 || i % 5) continue;
        for (int n = 1 + rand() % length; n > 0; n--) say(bad, TIMED);
        wait(atol(argv[3]));
    }
    return 0;
}
