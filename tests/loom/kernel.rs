//! What the kernel has of each socket under the model checker: is anything held? Stands in the place of
//! src/shim/src/kernel.rs. Each call is one step, as under the socket's lock, but orders nothing: fewer promises than the
//! kernel makes.

use std::ffi::c_int;

use crate::sync::{AtomicU64, Relaxed};

const SOCKETS: usize = 8;
static HELD: [AtomicU64; SOCKETS] = [const { AtomicU64::new(0) }; SOCKETS];

fn become_held(fd: c_int, held: bool) {
    HELD[fd as usize].store(u64::from(held), Relaxed);
}

/// A data call, with MSG_MORE or without.
pub(crate) fn send(fd: c_int, more: bool) {
    become_held(fd, more);
}

/// Is anything held on this socket?
pub(crate) fn holds(fd: c_int) -> bool {
    HELD[fd as usize].load(Relaxed) != 0
}

pub(crate) fn set_on(fd: c_int, _level: c_int, name: c_int) -> isize {
    assert_eq!(name, libc::TCP_NODELAY, "no burst here is long");
    become_held(fd, false);
    0
}

pub(crate) fn set_int(_fd: c_int, _level: c_int, name: c_int, _value: c_int) -> isize {
    panic!("option {name}: nothing here is corked, and TCP_NODELAY is on")
}
