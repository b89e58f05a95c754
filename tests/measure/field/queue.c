/* A thread writes what it takes from a queue, in bursts whose length varies. It always comes back for the next message, and nothing says
 * whether one is there already; what it waits by (a condition variable, a semaphore, an eventfd, a word that it looks at) decides
 * what a library can see. usage: queue COUNT MEAN PAUSE_US condition|semaphore|eventfd|look [fixed] */
#include "waits.h"

static int count, fd, event = -1, filled, how;
static long long *begun;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static sem_t there;

static void *writer(void *unused) {
    for (int i = 0; i < count; i++) {
        unsigned long one;
        switch (how) {
        case 'c':
            pthread_mutex_lock(&lock);
            while (filled <= i) pthread_cond_wait(&more, &lock);
            pthread_mutex_unlock(&lock);
            break;
        case 's': sem_wait(&there); break;
        case 'e':
            if (syscall(SYS_read, event, &one, sizeof one) != sizeof one) failed("eventfd");
            break;
        default:
            while (__atomic_load_n(&filled, __ATOMIC_ACQUIRE) <= i) sched_yield();
        }
        say_since(fd, TIMED, begun[i]);
    }
    return unused;
}

static void put(int i) {
    unsigned long one = 1;
    begun[i] = now_ns();
    switch (how) {
    case 'c':
        pthread_mutex_lock(&lock);
        filled = i + 1;
        pthread_cond_signal(&more);
        pthread_mutex_unlock(&lock);
        break;
    case 's': sem_post(&there); break;
    case 'e': syscall(SYS_write, event, &one, sizeof one); break;
    default: __atomic_store_n(&filled, i + 1, __ATOMIC_RELEASE);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    int mean = atoi(argv[2]), fixed = argc > 5;
    pthread_t writes;
    count = atoi(argv[1]), how = argv[4][0];
    begun = calloc(count, sizeof *begun);
    event = eventfd(0, EFD_SEMAPHORE);
    fd = field_connect();
    pthread_create(&writes, NULL, writer, NULL);
    srand(1);
    for (int i = 0; i < count;) {
        int burst = fixed ? mean : 1;
        while (!fixed && rand() % mean) burst++;
        for (; burst-- && i < count; i++) {
            put(i);
            way_spin(30);
        }
        raw_sleep(atol(argv[3]));
    }
    pthread_join(writes, NULL);
    return 0;
}
