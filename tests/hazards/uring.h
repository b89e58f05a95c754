// One io_uring without a library: set up, one call at a time, its result. Needs nothing but system calls.
#ifndef URING_H
#define URING_H
#include "hazard.h"
#include <linux/io_uring.h>
#include <sys/mman.h>

static int ring;
static unsigned *head, *tail, *mask, *array, *done, *come, *done_mask;
static struct io_uring_sqe *asked;
static struct io_uring_cqe *results;

// 0, or why there is none.
static int set_up(void) {
    struct io_uring_params p = {0};
    ring = (int)syscall(SYS_io_uring_setup, 16, &p);
    if (ring < 0) return errno;
    int both = PROT_READ | PROT_WRITE;
    char *in = mmap(NULL, p.sq_off.array + p.sq_entries * 4, both, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    char *out = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof *results, both, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    asked = mmap(NULL, p.sq_entries * sizeof *asked, both, MAP_SHARED, ring, IORING_OFF_SQES);
    if (in == MAP_FAILED || out == MAP_FAILED || asked == MAP_FAILED) return errno;
    head = (unsigned *)(in + p.sq_off.head), tail = (unsigned *)(in + p.sq_off.tail);
    mask = (unsigned *)(in + p.sq_off.ring_mask), array = (unsigned *)(in + p.sq_off.array);
    done = (unsigned *)(out + p.cq_off.head), come = (unsigned *)(out + p.cq_off.tail);
    done_mask = (unsigned *)(out + p.cq_off.ring_mask), results = (struct io_uring_cqe *)(out + p.cq_off.cqes);
    return 0;
}

// Puts a call into the ring.
static UNUSED void ask(struct io_uring_sqe call) {
    unsigned place = *tail & *mask;
    asked[place] = call;
    array[place] = place;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

// Waits for the next result; gives its flags and the number by which it was asked for.
static UNUSED int next_result(unsigned *flags, uint64_t *number) {
    while (*done == __atomic_load_n(come, __ATOMIC_ACQUIRE)) syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    struct io_uring_cqe *found = &results[*done & *done_mask];
    int result = found->res;
    *flags = found->flags, *number = found->user_data;
    __atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
    return result;
}

// Makes one call by the ring and waits for its result.
static UNUSED int by_ring_as(struct io_uring_sqe call) {
    unsigned flags;
    uint64_t number;
    ask(call);
    syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    return next_result(&flags, &number);
}

static UNUSED int by_ring(int call, int fd, const void *data, unsigned length) {
    return by_ring_as((struct io_uring_sqe){.opcode = (uint8_t)call, .fd = fd, .addr = (uint64_t)data, .len = length});
}
#endif
