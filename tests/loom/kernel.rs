//! What the kernel has of each socket under the model checker: is anything held, and of whose? Stands in the place of
//! src/shim/src/kernel.rs. Each call is one step, as under the socket's lock, but orders nothing: fewer promises than the
//! kernel makes.

use std::ffi::c_int;

use crate::arch::thread_pointer;
use crate::sync::{AtomicU64, Relaxed};

const SOCKETS: usize = 8;
/// A bit for each thread of whose data something is held.
static HELD: [AtomicU64; SOCKETS] = [const { AtomicU64::new(0) }; SOCKETS];

fn bit(thread: usize) -> u64 {
    1 << (thread >> 20 & 63)
}

fn push(fd: c_int) {
    HELD[fd as usize].store(0, Relaxed);
}

/// A data call, with MSG_MORE or without.
pub(crate) fn send(fd: c_int, more: bool) {
    if more {
        HELD[fd as usize].fetch_or(bit(thread_pointer()), Relaxed);
    } else {
        push(fd);
    }
}

/// Is anything held on this socket?
pub(crate) fn holds(fd: c_int) -> bool {
    HELD[fd as usize].load(Relaxed) != 0
}

/// Is anything held of what this thread has written?
pub(crate) fn holds_of(fd: c_int, thread: usize) -> bool {
    HELD[fd as usize].load(Relaxed) & bit(thread) != 0
}

pub(crate) fn set_on(fd: c_int, _level: c_int, name: c_int) -> isize {
    assert_eq!(name, libc::TCP_NODELAY, "no burst here is long");
    push(fd);
    0
}

pub(crate) fn set_int(_fd: c_int, _level: c_int, name: c_int, _value: c_int) -> isize {
    panic!("option {name}: nothing here is corked, and TCP_NODELAY is on")
}
