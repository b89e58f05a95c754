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
use policy::socket::{CORKED, HELD, HOLDABLE, NODELAY_ON, Socket};

use crate::arch::{GAP, thread_pointer, ticks};
use crate::{kernel, table};

const SLOTS: usize = 256;

/// Slots are `thread pointer << 16 | fd + 1`; 0 is free. Only descriptors of the first table are ever held, so the number
/// fits; user space addresses have 48 bits.
static SLOT: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];
const FD: u64 = 0xffff;

/// What has been learned (policy::burst).
pub(crate) static LEARNED: burst::Table = burst::Table::new();

/// Has anything ever been held in this process? Most programs never do, and then a wait costs them one test.
#[unsafe(link_section = ".data")]
static EVER: AtomicBool = AtomicBool::new(false);

/// This thread's slot.
#[inline(always)]
fn slot() -> &'static AtomicU64 {
    // Thread control blocks lie a stack apart, most often 8 MiB: multiplicative hashing spreads any stride.
    let index = (thread_pointer() as u64).wrapping_mul(0x5bd1_e995) >> 40 & (SLOTS as u64 - 1);
    // SAFETY: avoids a bounds check on the path of every wait; the mask keeps the index below the array's length.
    unsafe { SLOT.get_unchecked(index as usize) }
}

/// What this thread's slot says when it holds `fd`.
#[inline(always)]
fn mark(fd: c_int) -> u64 {
    (thread_pointer() as u64) << 16 | u64::from(fd as u32).wrapping_add(1)
}

/// Does this thread hold anything, as far as its slot tells?
#[inline(always)]
pub(crate) fn any() -> bool {
    EVER.load(Relaxed) && slot().load(Relaxed) != 0
}

/// Is the slot this thread's for `fd` already, as it most often is?
#[inline(always)]
pub(crate) fn has(fd: c_int) -> bool {
    slot().load(Relaxed) == mark(fd)
}

/// Takes the slot for `fd` if it is free or taken for it already.
#[inline(always)]
pub(crate) fn take_quickly(fd: c_int) -> bool {
    let slot = slot();
    let now = slot.load(Relaxed);
    let mine = mark(fd);
    if now != 0 && now != mine || !EVER.load(Relaxed) {
        return false;
    }
    slot.store(mine, Relaxed);
    true
}

/// Gives up the slot, which is known to be this thread's.
#[inline(always)]
pub(crate) fn clear() {
    slot().store(0, Relaxed);
}

/// Gives up the slot if this thread has it for `fd`.
pub(crate) fn drop(fd: c_int) {
    if has(fd) {
        clear();
    }
}

/// Takes the slot for `fd`; false where it is not available, and then the call must not be held.
pub(crate) fn take(fd: c_int) -> bool {
    let slot = slot();
    let (now, mine) = (slot.load(Relaxed), mark(fd));
    if fd as u32 >= table::NEAR - 1 {
        return false;
    }
    // Taken by another socket or thread that still holds something: leave it to that one.
    if now != 0 && now != mine && table::get(held_by(now)).has(HELD) {
        return false;
    }
    slot.store(mine, Relaxed);
    EVER.store(true, Relaxed);
    true
}

fn held_by(content: u64) -> c_int {
    (content & FD).wrapping_sub(1) as c_int
}

/// Is the slot this thread's own, or that of another thread hashed alike?
pub(crate) fn owns() -> bool {
    slot().load(Relaxed) >> 16 == mark(0) >> 16
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
    if owns() {
        let slot = slot();
        let fd = held_by(slot.load(Relaxed));
        slot.store(0, Relaxed);
        let socket = table::get(fd);
        if socket.has(HELD) {
            flush(fd, socket);
        }
    }
}

/// Does this thread hold anything in the kernel? Clears a slot that only remembers.
#[cold]
#[inline(never)]
pub(crate) fn holds() -> bool {
    if !owns() {
        return false;
    }
    let slot = slot();
    if table::get(held_by(slot.load(Relaxed))).has(HELD) {
        return true;
    }
    slot.store(0, Relaxed);
    false
}

/// Releases everything that any thread holds: the process ends.
#[cold]
pub(crate) fn release_all() {
    if EVER.load(Relaxed) {
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
}

/// Sets TCP_CORK for the rest of a long burst. True if the kernel did.
#[cold]
pub(crate) fn cork(fd: c_int) -> bool {
    kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_CORK, 1) == 0
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

/// Sends what the kernel holds on `fd`. TCP_NODELAY does it in one call even where it is on already, and under the
/// application's TCP_CORK too (net/ipv4/tcp.c, `__tcp_sock_set_nodelay`). Where it is off (only what the application itself
/// holds is then released) it is turned off again. Our own cork is taken off, which sends as well.
#[cold]
pub(crate) fn push(fd: c_int, socket: Socket) {
    if socket.has(CORKED) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_CORK, 0);
        return;
    }
    kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
    if !socket.has(NODELAY_ON) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
    }
}
