/* The messages are written by a signal's handler while the program computes: what follows them is neither a call nor a wait.
 * usage: alarm COUNT PERIOD_US */
#include "waits.h"
#include <sys/time.h>

static int fd, left;

static void handler(int number) {
    (void)number;
    if (left > 0) say(fd, TIMED), left--;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct itimerval period = {{0, atoi(argv[2])}, {0, atoi(argv[2])}};
    fd = field_connect(), left = atoi(argv[1]);
    for (int i = 0; i < 50; i++) say(fd, TIMED);
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &period, NULL);
    while (*(volatile int *)&left > 0) way_compute(200);
    return 0;
}
