//! Which socket each thread holds data on, and letting it go.
//!
//! A thread holds at most one socket at a time: its slot, found by a hash of its thread pointer, names the descriptor. A call
//! that waits looks only at its own thread's slot, so an idle thread never splits the burst of a busy one, and what a thread
//! holds is released by that thread's own next wait. A slot that another thread uses (two hashed alike, or its owner ended
//! with data held) is simply not available: then the call is not held.
//!
//! Orderings: relaxed. Only the owning thread acts on its slot; for all others its content is a number to compare.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use policy::burst;
use policy::socket::{HELD, HOLDABLE, NODELAY_ON, Socket};

use crate::arch::{GAP, thread_pointer, ticks};
use crate::{kernel, table};

const SLOTS: usize = 256;

/// Slots are `tag << 32 | fd + 1`; 0 is free.
static SLOT: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];

/// What has been learned (policy::burst).
pub(crate) static LEARNED: burst::Table = burst::Table::EMPTY;

/// Has anything ever been held in this process? Most programs never do, and then a wait costs them one test.
static EVER: AtomicBool = AtomicBool::new(false);

/// This thread's slot.
#[inline]
fn slot() -> &'static AtomicU64 {
    // Thread control blocks lie a stack apart, most often 8 MiB: multiplicative hashing spreads any stride.
    let index = (thread_pointer() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SLOTS.ilog2());
    // SAFETY: avoids a bounds check on the path of every wait; the shift keeps the index below the array's length.
    unsafe { SLOT.get_unchecked(index as usize) }
}

/// What this thread's slot says when it holds `fd`.
#[inline(always)]
fn mark(fd: c_int) -> u64 {
    ((thread_pointer() >> 6) as u64) << 32 | (fd as u32 as u64).wrapping_add(1)
}

/// Does this thread hold anything, as far as its slot tells?
#[inline(always)]
pub(crate) fn any() -> bool {
    EVER.load(Relaxed) && slot().load(Relaxed) != 0
}

/// Takes the slot for `fd`; false where it is not available, and then the call must not be held.
#[inline]
pub(crate) fn take(fd: c_int) -> bool {
    let slot = slot();
    let (now, mine) = (slot.load(Relaxed), mark(fd));
    if now == mine {
        return true;
    }
    if now != 0 && !stale(now) {
        return false;
    }
    slot.store(mine, Relaxed);
    EVER.store(true, Relaxed);
    true
}

/// Nothing is held on `fd` by this thread any more.
#[inline]
pub(crate) fn drop(fd: c_int) {
    let slot = slot();
    if slot.load(Relaxed) == mark(fd) {
        slot.store(0, Relaxed);
    }
}

/// A slot whose socket is no longer held.
#[cold]
fn stale(content: u64) -> bool {
    !table::get(held_by(content)).has(HELD)
}

fn held_by(content: u64) -> c_int {
    (content as u32).wrapping_sub(1) as c_int
}

/// Is the slot this thread's own, or that of another thread hashed alike?
pub(crate) fn owns() -> bool {
    slot().load(Relaxed) >> 32 == mark(0) >> 32
}

/// Releases what this thread holds, if anything.
#[inline(always)]
pub(crate) fn release() {
    if any() {
        release_own();
    }
}

/// Releases what this thread holds.
#[cold]
#[inline(never)]
pub(crate) fn release_own() {
    let slot = slot();
    let content = slot.load(Relaxed);
    if !owns() {
        return;
    }
    slot.store(0, Relaxed);
    let fd = held_by(content);
    let socket = table::get(fd);
    if socket.has(HELD) {
        flush(fd, socket);
    }
}

/// Releases everything that any thread holds: the process ends.
#[cold]
pub(crate) fn release_all() {
    for slot in &SLOT {
        let content = slot.load(Relaxed);
        if content != 0 {
            slot.store(0, Relaxed);
            let fd = held_by(content);
            let socket = table::get(fd);
            if socket.has(HELD) {
                flush(fd, socket);
            }
        }
    }
}

/// Sends what the kernel holds on `fd`, and notes that the burst is over.
#[cold]
pub(crate) fn flush(fd: c_int, socket: Socket) {
    if socket.has(HOLDABLE) {
        let (next, _miss) = burst::released(socket, ticks(), GAP, &LEARNED);
        table::set(fd, next);
    } else {
        table::set(fd, socket.without(HELD));
    }
    push(fd, socket);
}

/// Sends what the kernel holds on `fd`. TCP_NODELAY does it in one call even where it is on already, and under TCP_CORK too
/// (net/ipv4/tcp.c, `__tcp_sock_set_nodelay`). Where it is off (only what the application itself holds is then released)
/// it is turned off again.
#[cold]
pub(crate) fn push(fd: c_int, socket: Socket) {
    kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
    if !socket.has(NODELAY_ON) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
    }
}
