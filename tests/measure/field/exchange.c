/* K pieces, then the answer: what Nagle's algorithm delays by 40 ms in a plain run, and a library is there to cure. The answer is read in
 * different ways: recv, a wait by poll first, a system call made directly, or by another thread that sets a condition variable.
 * usage: exchange COUNT K recv|poll|raw|thread|window [COMPUTE_US before the last piece] */
#include "waits.h"

static int fd, answered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;

static void *reader(void *unused) {
    for (;;) {
        char data[sizeof ANSWER - 1];
        if (recv(fd, data, sizeof data, MSG_WAITALL) <= 0) return unused;
        pthread_mutex_lock(&lock);
        answered++;
        pthread_cond_signal(&more);
        pthread_mutex_unlock(&lock);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int pieces = atoi(argv[2]), how = argv[3][0], outstanding = 0;
    long compute = argc > 4 ? atol(argv[4]) : 0;
    struct pollfd ready;
    pthread_t reads;
    char data[16];
    fd = field_connect();
    ready = (struct pollfd){fd, POLLIN, 0};
    if (how == 't') pthread_create(&reads, NULL, reader, NULL);
    for (int i = 0; i < atoi(argv[1]); i++) {
        long long begin = now_ns();
        for (int k = 1; k < pieces; k++) say_since(fd, UNTIMED, begin);
        if (compute) way_compute(compute), begin = now_ns();
        say_since(fd, ASKS, begin);
        switch (how) {
        case 'p': poll(&ready, 1, -1); answers(fd, 1); break;
        case 'r':
            if (argv[3][1] == 'e') answers(fd, 1);
            else syscall(SYS_recvfrom, fd, data, sizeof ANSWER - 1, MSG_WAITALL, NULL, NULL);
            break;
        case 't':
            pthread_mutex_lock(&lock);
            while (answered <= i) pthread_cond_wait(&more, &lock);
            pthread_mutex_unlock(&lock);
            break;
        default: /* up to 16 questions on their way, then answers as they come */
            if (++outstanding == 16) answers(fd, 8), outstanding -= 8;
        }
    }
    if (outstanding) answers(fd, outstanding);
    shutdown(fd, SHUT_RDWR);
    return 0;
}
