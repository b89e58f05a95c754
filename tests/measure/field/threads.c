/* Threads that come and go: each writes its burst on the one connection and ends, or waits unseen first; or two threads take turns. What is
 * held belongs to a thread that will not come back. usage: threads COUNT LENGTH ends|waits|turns PAUSE_US */
#include "waits.h"

static int fd, length, how, turn, rounds;
static long pause_us;

static void *once(void *unused) {
    for (int n = length; n > 0; n--) say(fd, TIMED);
    if (how == 'w') raw_sleep(pause_us);
    return unused;
}

static void *in_turn(void *mine) {
    for (int i = 0; i < rounds; i++) {
        wait_word(&turn, !(long)mine);
        for (int n = length; n > 0; n--) say(fd, TIMED);
        set_word(&turn, !(long)mine);
        raw_sleep(pause_us / 2);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    pthread_t threads[2];
    length = atoi(argv[2]), how = argv[3][0], pause_us = atol(argv[4]), rounds = atoi(argv[1]);
    fd = field_connect();
    if (how == 't') {
        for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, in_turn, (void *)i);
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        return 0;
    }
    for (int i = 0; i < rounds; i++) {
        pthread_create(&threads[0], NULL, once, NULL);
        pthread_join(threads[0], NULL);
        if (how == 'e') raw_sleep(pause_us);
    }
    return 0;
}
