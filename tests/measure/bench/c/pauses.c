/* A witness: how often does the machine leave a process waiting?
 *
 *   pauses LIMIT_MS
 *
 * Sleeps a millisecond again and again until standard input ends; prints how many times it woke more than LIMIT_MS late.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    double limit = atof(argv[1]), before = now();
    int late = 0;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    while (poll(&input, 1, 1) == 0) {
        double at = now();
        late += at - before > 1 + limit;
        before = at;
    }
    printf("%d\n", late);
    return 0;
}
