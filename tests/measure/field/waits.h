/* Ways for a thread to spend time. A preloaded library sees few of them: the others are system calls made directly, calls within the C
 * library, and waits that are no call at all. */
#pragma once
#include "sender.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

static struct timespec span(long us) { return (struct timespec){us / 1000000, us % 1000000 * 1000}; }

static struct timespec from_now(clockid_t clock, long us) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += us % 1000000 * 1000;
    t.tv_sec += us / 1000000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void raw_sleep(long us) {
    struct timespec t = span(us);
    syscall(SYS_nanosleep, &t, NULL);
}

static void not_here(const char *what) {
    perror(what);
    exit(NOT_HERE);
}

/* A second thread that ends a wait of the first: after so long it does what the wait is for. */
static struct { int order, asked, done, fd, pipe[2]; void (*act)(void); } partner = {.pipe = {-1, -1}};

static void wait_word(int *word, int while_) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == while_) syscall(SYS_futex, word, FUTEX_WAIT, while_, NULL, NULL, 0);
}

static void set_word(int *word, int to) {
    __atomic_store_n(word, to, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *partner_thread(void *unused) {
    for (;;) {
        wait_word(&partner.order, 0);
        __atomic_store_n(&partner.order, 0, __ATOMIC_RELAXED);
        raw_sleep(partner.asked);
        partner.act();
    }
    return unused;
}

static void ask_partner(long us, void (*act)(void)) {
    static pthread_t thread;
    if (!thread) pthread_create(&thread, NULL, partner_thread, NULL);
    partner.asked = us, partner.act = act;
    set_word(&partner.order, 1);
}

static void post_eventfd(void) {
    unsigned long one = 1;
    syscall(SYS_write, partner.fd, &one, sizeof one);
}
static void post_pipe(void) { syscall(SYS_write, partner.pipe[1], "", 1); }
static void let_go_of_lock(void) { flock(partner.fd, LOCK_UN); }
static void post_word(void) { set_word(&partner.done, 1); }

static void way_spin(long us) {
    for (long long end = now_ns() + us * 1000; now_ns() < end;);
}

/* Work without any call, as long as it takes on this machine. */
static void way_compute(long us) {
    static double rounds_a_us;
    unsigned x = 1;
    if (!rounds_a_us) {
        long long begin = now_ns();
        for (long i = 0; i < 1000000; i++) x = x * 1664525 + 1013904223;
        __asm__ volatile("" ::"r"(x));
        rounds_a_us = 1000000 / ((now_ns() - begin) / 1e3);
    }
    for (long i = us * rounds_a_us; i > 0; i--) x = x * 1664525 + 1013904223;
    __asm__ volatile("" ::"r"(x));
}

static void way_yield(long us) {
    for (long long end = now_ns() + us * 1000; now_ns() < end;) sched_yield();
}

static void way_raw(long us) { raw_sleep(us); }

static void way_libc(long us) {
    struct timespec t = span(us);
    nanosleep(&t, NULL);
}

static void way_futex(long us) {
    static int word;
    struct timespec t = span(us);
    syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0);
}

static void way_semaphore(long us) {
    static sem_t never;
    struct timespec t = from_now(CLOCK_REALTIME, us);
    sem_timedwait(&never, &t);
}

static void way_condition(long us) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    struct timespec t = from_now(CLOCK_REALTIME, us);
    pthread_mutex_lock(&lock);
    pthread_cond_timedwait(&never, &lock, &t);
    pthread_mutex_unlock(&lock);
}

static void way_rwlock(long us) {
    static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    static int taken;
    struct timespec t = from_now(CLOCK_REALTIME, us);
    if (!taken++) pthread_rwlock_rdlock(&lock);
    pthread_rwlock_timedwrlock(&lock, &t);
}

static void way_signal(long us) {
    struct timespec t = span(us);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigtimedwait(&set, NULL, &t);
}

static void way_raw_poll(long us) {
    struct timespec t = span(us);
    syscall(SYS_ppoll, NULL, 0, &t, NULL, 0);
}

static void way_raw_epoll(long us) {
    static int epoll = -1;
    struct epoll_event event;
    if (epoll < 0) epoll = epoll_create1(0);
    syscall(SYS_epoll_pwait, epoll, &event, 1, us < 1000 ? 1 : us / 1000, NULL, 8);
}

static void timer(long us, int direct) {
    static int fd = -1;
    unsigned long expired;
    struct itimerspec t = {.it_value = span(us)};
    if (fd < 0) fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(fd, 0, &t, NULL);
    long got = direct ? syscall(SYS_read, fd, &expired, sizeof expired) : read(fd, &expired, sizeof expired);
    if (got != sizeof expired) failed("timerfd");
}
static void way_timer(long us) { timer(us, 0); }
static void way_raw_timer(long us) { timer(us, 1); }

static void way_raw_eventfd(long us) {
    unsigned long value;
    if (!partner.fd) partner.fd = eventfd(0, 0);
    ask_partner(us, post_eventfd);
    syscall(SYS_read, partner.fd, &value, sizeof value);
}

static void way_raw_pipe(long us) {
    char byte;
    if (partner.pipe[0] < 0 && pipe(partner.pipe)) failed("pipe");
    ask_partner(us, post_pipe);
    syscall(SYS_read, partner.pipe[0], &byte, 1);
}

static void way_word(long us) {
    partner.done = 0;
    ask_partner(us, post_word);
    wait_word(&partner.done, 0);
}

/* A file lock, which another opening of the file holds meanwhile. */
static void way_lock(long us) {
    static int mine = -1;
    if (mine < 0) {
        char name[] = "/tmp/field-lock-XXXXXX", again[40];
        mine = mkstemp(name);
        unlink(name);
        snprintf(again, sizeof again, "/proc/self/fd/%d", mine);
        partner.fd = open(again, O_RDWR);
    }
    if (flock(partner.fd, LOCK_EX | LOCK_NB)) failed("flock");
    ask_partner(us, let_go_of_lock);
    flock(mine, LOCK_EX);
    flock(mine, LOCK_UN);
}

static void *sleeper(void *us) {
    raw_sleep((long)us);
    return NULL;
}

static void way_join(long us) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleeper, (void *)us)) failed("pthread_create");
    pthread_join(thread, NULL);
}

/* A page that another thread brings in, as a slow disk or a network file system would. */
static struct { int fd; char *page; long us; } faults = {.fd = -1};

static void *pager(void *unused) {
    struct uffd_msg message;
    while (syscall(SYS_read, faults.fd, &message, sizeof message) == sizeof message) {
        raw_sleep(faults.us);
        struct uffdio_zeropage zero = {.range = {(unsigned long)faults.page, 4096}};
        ioctl(faults.fd, UFFDIO_ZEROPAGE, &zero);
    }
    return unused;
}

static void way_fault(long us) {
    if (faults.fd < 0) {
        struct uffdio_api api = {.api = UFFD_API};
        pthread_t thread;
        faults.fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
        if (faults.fd < 0 || ioctl(faults.fd, UFFDIO_API, &api)) not_here("userfaultfd");
        faults.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct uffdio_register range = {.range = {(unsigned long)faults.page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
        if (ioctl(faults.fd, UFFDIO_REGISTER, &range)) not_here("userfaultfd");
        pthread_create(&thread, NULL, pager, NULL);
    }
    faults.us = us;
    madvise(faults.page, 4096, MADV_DONTNEED);
    (void)*(volatile char *)faults.page;
}

/* A time limit that io_uring waits for. */
static void way_uring(long us) {
    static struct { int fd; unsigned *tail, *head, *array, mask, *cq_head, *cq_tail; struct io_uring_sqe *entries; } ring = {.fd = -1};
    if (ring.fd < 0) {
        struct io_uring_params p = {0};
        ring.fd = syscall(SYS_io_uring_setup, 4, &p);
        if (ring.fd < 0) not_here("io_uring");
        char *sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
        char *cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
                        IORING_OFF_CQ_RING);
        ring.entries = mmap(NULL, p.sq_entries * sizeof *ring.entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
        if (sq == MAP_FAILED || cq == MAP_FAILED || ring.entries == MAP_FAILED) not_here("io_uring");
        ring.tail = (unsigned *)(sq + p.sq_off.tail), ring.array = (unsigned *)(sq + p.sq_off.array);
        ring.mask = *(unsigned *)(sq + p.sq_off.ring_mask);
        ring.cq_head = (unsigned *)(cq + p.cq_off.head), ring.cq_tail = (unsigned *)(cq + p.cq_off.tail);
    }
    struct __kernel_timespec t = {us / 1000000, us % 1000000 * 1000};
    unsigned at = *ring.tail & ring.mask;
    ring.entries[at] = (struct io_uring_sqe){.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (unsigned long)&t, .len = 1};
    ring.array[at] = at;
    __atomic_store_n(ring.tail, *ring.tail + 1, __ATOMIC_RELEASE);
    syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    __atomic_store_n(ring.cq_head, __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

/* Nothing at all. */
static void way_none(long us) { (void)us; }

typedef void way(long us);
static const struct { const char *name; way *way; } ways[] = {
    {"none", way_none}, {"spin", way_spin}, {"compute", way_compute}, {"yield", way_yield}, {"raw", way_raw}, {"libc", way_libc},
    {"futex", way_futex}, {"semaphore", way_semaphore}, {"condition", way_condition}, {"rwlock", way_rwlock}, {"signal", way_signal},
    {"raw-poll", way_raw_poll}, {"raw-epoll", way_raw_epoll}, {"timer", way_timer}, {"raw-timer", way_raw_timer},
    {"raw-eventfd", way_raw_eventfd}, {"raw-pipe", way_raw_pipe}, {"word", way_word}, {"lock", way_lock}, {"join", way_join},
    {"fault", way_fault}, {"uring", way_uring},
};

/* The way of this name. */
static way *named(const char *name) {
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(ways[i].name, name)) return ways[i].way;
    fprintf(stderr, "no way to wait is called %s\n", name);
    exit(2);
}
