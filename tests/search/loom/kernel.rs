//! What the kernel has of each socket under the model checker: whose data is held, and is it corked? Each call is one step, as
//! under the socket's lock, but orders nothing: fewer promises than the kernel makes.

use std::ffi::c_int;

use tcptune_policy::sync::{AtomicU64, Relaxed};

use crate::machine::pointer;

const SOCKETS: usize = 4;
/// A bit for each thread of whose data something is held ...
static HELD: [AtomicU64; SOCKETS] = [const { AtomicU64::new(0) }; SOCKETS];
/// ... and one that says that all is.
const CORKED: u64 = 1 << 63;

fn bit(thread: usize) -> u64 {
    1 << (thread >> 20 & 31)
}

/// A data call, with MSG_MORE or without.
pub(crate) fn send(fd: c_int, more: bool) {
    let own = bit(pointer());
    HELD[fd as usize].update(Relaxed, |held| match held & CORKED {
        0 if !more => 0,
        _ => held | own,
    });
}

/// setsockopt(2).
pub(crate) fn set(fd: c_int, name: c_int, value: u8) {
    HELD[fd as usize].update(Relaxed, |held| match (name, value) {
        (libc::TCP_CORK, 1) => held | CORKED,
        (libc::TCP_CORK, _) => 0,
        (libc::TCP_NODELAY, 1) => held & CORKED,
        _ => panic!("option {name}, {value}: TCP_NODELAY is on here"),
    });
}

/// Asks as a call would: what is so now.
fn now(fd: c_int) -> u64 {
    HELD[fd as usize].update(Relaxed, |held| held)
}

/// Is anything held on this socket?
pub(crate) fn holds(fd: c_int) -> bool {
    now(fd) & !CORKED != 0
}

/// Is anything held of what this thread has written?
pub(crate) fn holds_of(fd: c_int, thread: usize) -> bool {
    now(fd) & bit(thread) != 0
}
