/* Connections that come and go, so that their numbers are used again: by the next connection, by a file, after dup2. What was learned or
 * held under a number is not the next one's. Half of the connections only ever send one message and wait unseen.
 * usage: reused CONNECTIONS BURSTS PAUSE_US */
#include "waits.h"

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    long pause_us = atol(argv[3]);
    for (int i = 0; i < atoi(argv[1]); i++) {
        int fd = field_connect(), other = -1, hidden = i % 2;
        if (i % 3 == 1) {
            other = open("/dev/null", O_WRONLY);
            if (other < 0 || dup2(fd, other) != other) failed("dup2");
            close(fd);
            fd = open("/dev/null", O_WRONLY); /* has the connection's number */
            int file = fd;
            fd = other, other = file;
        }
        for (int k = 0; k < atoi(argv[2]); k++) {
            say(fd, TIMED);
            if (!hidden) say(fd, TIMED), say(fd, ASKS), answers(fd, 1);
            else raw_sleep(pause_us);
            if (other >= 0 && write(other, "file", 4) != 4) failed("write");
        }
        if (other >= 0) close(other);
        close(fd);
    }
    return 0;
}
