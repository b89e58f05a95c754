//! Which socket each thread holds data on, and letting it go.
//!
//! A thread holds at most one socket at a time: its slot, found by its thread pointer, names the descriptor. A call that
//! waits looks only at its own thread's slot, so an idle thread never splits the burst of a busy one, and what a thread holds
//! is released by that thread's own next wait. Two threads may have the same slot: while one holds something the other's
//! calls are not held, and a wait of the other releases it early, which costs a segment and delays nothing.
//!
//! Orderings: relaxed. A slot names a descriptor; whether anything is held there its word says (table.rs).

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use policy::burst;
use policy::socket::{CORKED, HELD, HOLDABLE, NODELAY_ON, Socket};

use crate::arch::{GAP, thread_pointer, ticks};
use crate::mode::{self, HAS_HELD};
use crate::{kernel, table};

const SLOTS: usize = 4096;

/// Slots are `fd + 1`; 0 is free.
static SLOT: [AtomicU32; SLOTS] = [const { AtomicU32::new(0) }; SLOTS];

/// What has been learned (policy::burst).
pub(crate) static LEARNED: burst::Table = burst::Table::new();

/// This thread's slot.
#[inline(always)]
fn slot() -> &'static AtomicU32 {
    // Thread control blocks lie a stack apart: 8 MiB most often, 1 or 2 MiB where many threads are expected.
    let index = (thread_pointer() >> 20) & SLOTS.wrapping_sub(1);
    // SAFETY: avoids a bounds check on the path of every wait; the mask keeps the index below the array's length.
    unsafe { SLOT.get_unchecked(index) }
}

/// What a slot says for `fd`.
#[inline(always)]
fn mark(fd: c_int) -> u32 {
    (fd as u32).wrapping_add(1)
}

/// Does this thread hold anything, as far as its slot tells? In most programs nothing is ever held, and one test tells.
#[inline(always)]
pub(crate) fn any() -> bool {
    mode::is(HAS_HELD) && slot().load(Relaxed) != 0
}

/// The same, or is anything held on this socket, by whatever thread?
#[inline(always)]
pub(crate) fn any_or_on(socket: Socket) -> bool {
    mode::is(HAS_HELD) && (socket.has(HELD) || slot().load(Relaxed) != 0)
}

/// Is the slot this thread's for `fd` already, as it most often is?
#[inline(always)]
pub(crate) fn has(fd: c_int) -> bool {
    slot().load(Relaxed) == mark(fd)
}

/// Takes the slot for `fd` if it is free, or taken for it already. Not the first time ever: then the waits must be told.
#[inline(always)]
pub(crate) fn take_quickly(fd: c_int) -> bool {
    let slot = slot();
    let now = slot.load(Relaxed);
    let mine = mark(fd);
    let taken = (now == 0 || now == mine) && mode::is(HAS_HELD);
    if taken {
        slot.store(mine, Relaxed);
    }
    taken
}

/// This thread's slot, if it names `fd`.
#[inline(always)]
pub(crate) fn slot_of(fd: c_int) -> Option<&'static AtomicU32> {
    let slot = slot();
    if slot.load(Relaxed) == mark(fd) { Some(slot) } else { None }
}

/// Gives up the slot if it names `fd`.
#[inline(always)]
pub(crate) fn drop(fd: c_int) {
    let slot = slot();
    if slot.load(Relaxed) == mark(fd) {
        slot.store(0, Relaxed);
    }
}

/// Takes the slot for `fd`; false where it is not available, and then the call must not be held.
pub(crate) fn take(fd: c_int) -> bool {
    let slot = slot();
    let (now, mine) = (slot.load(Relaxed), mark(fd));
    // Taken for another socket that still holds something: leave it to that one.
    if now != 0 && now != mine && table::get(held_by(now)).has(HELD) {
        return false;
    }
    slot.store(mine, Relaxed);
    if !mode::is(HAS_HELD) {
        mode::raise(HAS_HELD);
    }
    true
}

fn held_by(content: u32) -> c_int {
    content.wrapping_sub(1) as c_int
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
    release_slot(slot());
}

fn release_slot(slot: &AtomicU32) {
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

/// Does this thread hold anything in the kernel? Clears a slot that only remembers.
#[cold]
#[inline(never)]
pub(crate) fn holds() -> bool {
    let slot = slot();
    let content = slot.load(Relaxed);
    if content != 0 && table::get(held_by(content)).has(HELD) {
        return true;
    }
    slot.store(0, Relaxed);
    false
}

/// Releases everything that any thread holds: the process ends.
#[cold]
pub(crate) fn release_all() {
    if mode::is(HAS_HELD) {
        SLOT.iter().for_each(release_slot);
    }
}

/// Sets TCP_CORK for the rest of a long burst. True if the kernel did.
#[cold]
pub(crate) fn cork(fd: c_int) -> bool {
    kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_CORK) == 0
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
    kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
    if !socket.has(NODELAY_ON) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
    }
}
