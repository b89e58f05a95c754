/* A message every GAP us, and nothing else. Each follows the one before at about the same distance, so a library that counts how often
 * another call followed will hold each, and wait for the next with it. usage: paced COUNT GAP_US WAY */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    way *wait = named(argv[3]);
    int fd = field_connect();
    for (int i = atoi(argv[1]); i > 0; i--) {
        say(fd, TIMED);
        wait(atol(argv[2]));
    }
    return 0;
}
