//! Which socket each thread holds data on, and letting it go.
//!
//! A thread holds at most one socket at a time: its slot, found by its thread pointer, names the thread and the descriptor. A
//! call that waits looks only at its own thread's slot, so an idle thread never splits the burst of a busy one, and what a
//! thread holds is released by that thread's own next wait. A slot goes on naming the descriptor when the burst is over, which
//! spares the burst's last call from clearing it: whether anything is held there, and by whom, the descriptor's words say
//! (the lowest byte of the time of a held call is a mark of its thread).
//!
//! A slot belongs to the first thread that needs it, and only that thread writes to it from then on, so that no release can
//! be lost. Where two threads would have the same slot the later one's calls are not held. (A thread that ends leaves its slot
//! behind; the next thread on the same stack has the same thread pointer, and with it the slot.)
//!
//! Orderings: relaxed. A slot is written and read by its own thread; for every other reader it is a hint.

use crate::sync::{AtomicU64, Relaxed};
use core::ffi::c_int;

use policy::burst;
use policy::socket::{CORKED, HELD, NODELAY_ON, Socket};

use crate::arch::{GAP, thread_pointer, ticks, with_lowest_byte};
use crate::count::{self, Cause, Kept};
use crate::mode::{self, HAS_HELD};
use crate::table::{Shared, shared};
use crate::{kernel, table};

pub(crate) const SLOTS: usize = 4096;

/// The first descriptor on which nothing can be held: its number + 1 does not fit a slot.
const HOLDABLE: u32 = u16::MAX as u32;

/// The place of a thread among the slots.
#[inline(always)]
fn place(thread: usize) -> usize {
    // Thread control blocks lie a stack apart: 8 MiB most often, 1 or 2 MiB where many threads are expected.
    (thread >> 20) & SLOTS.wrapping_sub(1)
}

/// The slot of a thread.
#[inline(always)]
fn slot(shared: &Shared, thread: usize) -> &AtomicU64 {
    // SAFETY: avoids a bounds check on the path of every wait; a place is below the array's length.
    unsafe { shared.slots.get_unchecked(place(thread)) }
}

/// What a thread's slot says of the thread: all but the lowest 16 bits.
#[inline(always)]
fn owner(thread: usize) -> u64 {
    (thread as u64) << 16
}

/// A slot that names this thread and `fd`.
#[inline(always)]
fn mark(thread: usize, fd: c_int) -> u64 {
    // The lowest 16 bits of `owner` are 0, and the sum has no more where something can be held on `fd`.
    owner(thread).wrapping_add(u64::from(fd as u32)).wrapping_add(1)
}

/// The time of a call that this thread holds.
#[inline(always)]
fn time(thread: usize, now: u32) -> u32 {
    with_lowest_byte(now, place(thread) as u32)
}

/// Has this thread held the last call on this socket, as far as its time tells?
fn is_mine(socket: Socket) -> bool {
    socket.high() as u8 == place(thread_pointer()) as u8
}

/// Is what is held on this socket held by another thread? Then a data call of this one is not held as well, whatever is expected:
/// it pushes everything, and neither thread has to wait for the other's next call.
#[inline]
pub(crate) fn anothers(fd: c_int, socket: Socket) -> bool {
    socket.has(HELD) && !(is_mine(socket) && names(shared(), fd))
}

/// Does this thread hold anything, as far as its slot tells? In most programs nothing is ever held, and one test tells.
#[inline(always)]
pub(crate) fn any() -> bool {
    mode::is(HAS_HELD) && any_in(shared())
}

/// The same where that test would seldom save anything.
#[inline(always)]
pub(crate) fn any_in(shared: &Shared) -> bool {
    shared.holds_before(slot(shared, thread_pointer()).load(Relaxed) as u16)
}

/// The same, or is anything held on this socket, by whatever thread?
#[inline(always)]
pub(crate) fn any_or_on(socket: Socket) -> bool {
    mode::is(HAS_HELD) && (socket.has(HELD) || any_in(shared()))
}

/// Does this thread's slot name `fd`, as it most often does where something was held before?
#[inline(always)]
pub(crate) fn names(shared: &Shared, fd: c_int) -> bool {
    let thread = thread_pointer();
    slot(shared, thread).load(Relaxed) == mark(thread, fd)
}

/// Makes this thread's slot name `fd`, if it is this thread's already; then the time to be noted for a call that is held now.
#[inline(always)]
pub(crate) fn take_quickly(shared: &Shared, fd: c_int, now: u32) -> Option<u32> {
    let thread = thread_pointer();
    let (slot, mine) = (slot(shared, thread), mark(thread, fd));
    let content = slot.load(Relaxed);
    if content != mine {
        // Another thread's, or taken for another socket that still holds something: leave it to that one.
        if content ^ mine > 0xffff || shared.holds_before(content as u16) {
            return None;
        }
        slot.store(mine, Relaxed);
    }
    Some(time(thread, now))
}

/// The state of a socket whose call is held by this thread.
pub(crate) fn held(socket: Socket) -> Socket {
    Socket::of(socket.low(), time(thread_pointer(), socket.high())).with(HELD)
}

/// Makes this thread's slot name `fd`; false where it is not available, and then the call must not be held.
#[inline(never)]
pub(crate) fn take(fd: c_int) -> bool {
    if fd as u32 >= HOLDABLE {
        return false;
    }
    let thread = thread_pointer();
    let slot = slot(shared(), thread);
    if slot.load(Relaxed) == 0 {
        // Where two threads come at once the first has it.
        let _ = slot.compare_exchange(0, mark(thread, fd), Relaxed, Relaxed);
    }
    let taken = take_quickly(shared(), fd, 0).is_some();
    if taken && !mode::is(HAS_HELD) {
        mode::raise(HAS_HELD);
    }
    taken
}

/// The descriptor that a slot names; one that is in no table if it names none.
fn named(content: u64) -> c_int {
    c_int::from(content as u16).wrapping_sub(1)
}

/// Releases what this thread holds, if anything.
#[inline(always)]
pub(crate) fn release() {
    if any() {
        release_own();
    }
}

/// The same where the thread is not about to wait: something ends, or is to be shared.
#[inline(always)]
pub(crate) fn release_at_end() {
    if any() {
        release_own_at_end();
    }
}

/// Releases what this thread holds, where [`any`] says that there may be something.
#[cold]
#[inline(never)]
pub(crate) fn release_own() {
    if let Some((fd, socket)) = own() {
        flush(fd, socket, Cause::Wait);
    }
}

#[cold]
#[inline(never)]
fn release_own_at_end() {
    if let Some((fd, socket)) = own() {
        flush(fd, socket, Cause::End);
    }
}

/// What this thread holds: not what another one holds now on a socket that this thread's slot still names.
fn own() -> Option<(c_int, Socket)> {
    let thread = thread_pointer();
    let content = slot(shared(), thread).load(Relaxed);
    if content & !0xffff != owner(thread) {
        return None;
    }
    let fd = named(content);
    let socket = table::get(fd);
    if socket.has(HELD) && is_mine(socket) { Some((fd, socket)) } else { None }
}

/// Does this thread hold anything in the kernel?
#[cold]
#[inline(never)]
pub(crate) fn holds() -> bool {
    own().is_some()
}

/// Releases everything that any thread holds: the process ends.
#[cold]
pub(crate) fn release_all() {
    if mode::is(HAS_HELD) {
        for slot in &shared().slots {
            let content = slot.load(Relaxed);
            if content as u16 != 0 {
                let fd = named(content);
                let socket = table::get(fd);
                if socket.has(HELD) {
                    flush(fd, socket, Cause::End);
                }
            }
        }
    }
}

/// Sets TCP_CORK for the rest of a long burst. True if the kernel did.
#[cold]
pub(crate) fn cork(fd: c_int) -> bool {
    let done = kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_CORK) == 0;
    if done && count::on() {
        count::corked(fd);
    }
    done
}

/// Sends what the kernel holds on `fd`, and notes that the burst is over, unless another thread has gone on with it: what that
/// one holds now is its own to release.
#[cold]
pub(crate) fn flush(fd: c_int, socket: Socket, cause: Cause) {
    let next = if socket.holdable() {
        let now = ticks();
        let (next, _) = burst::released(socket, now, GAP, &shared().learned);
        if count::on() {
            let kept = if socket.has(CORKED) { Kept::Corked } else { Kept::Held };
            count::let_go(fd, cause, burst::since(socket, now), kept);
        }
        next
    } else {
        socket.without(HELD)
    };
    table::replace(fd, socket, next);
    push(fd, socket);
}

/// What was held on `fd` goes out now, or has just gone out, if nobody has said so yet.
#[cold]
pub(crate) fn gone(fd: c_int, socket: Socket) {
    if count::on() {
        count::let_go(fd, Cause::Call, burst::since(socket, ticks()), Kept::Held);
    }
}

/// Sends what the kernel holds on `fd`. TCP_NODELAY does it in one call even where it is on already, and under the
/// application's TCP_CORK too (net/ipv4/tcp.c, `__tcp_sock_set_nodelay`). Where it is off (only what the application itself
/// holds is then released) it is turned off again. Our own cork is taken off, which sends as well.
#[cold]
pub(crate) fn push(fd: c_int, socket: Socket) {
    gone(fd, socket);
    if socket.has(CORKED) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_CORK, 0);
        return;
    }
    kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
    if !socket.has(NODELAY_ON) {
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
    }
}
