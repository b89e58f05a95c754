/* Bursts of LOW to HIGH messages, each burst followed by a wait. Where the length varies, no message can be known to be the last but by
 * what the thread does next. usage: bursts COUNT LOW HIGH PAUSE_US WAY [GAP_US between the messages] */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    int low = atoi(argv[2]), high = atoi(argv[3]);
    way *wait = named(argv[5]);
    int fd = field_connect();
    srand(2);
    for (int i = atoi(argv[1]); i > 0; i--) {
        for (int n = low + rand() % (high - low + 1); n > 0; n--) {
            say(fd, TIMED);
            if (argc > 6 && n > 1) way_spin(atol(argv[6]));
        }
        wait(atol(argv[4]));
    }
    return 0;
}
