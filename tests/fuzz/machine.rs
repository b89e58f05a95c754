//! The little of the machine that the library's files need which are compiled into a test: in the place of src/shim/src/arch.

#![allow(dead_code, reason = "as the library has it")]

use std::ffi::c_long;

pub(crate) const GAP: u32 = 1 << 16;

pub(crate) fn thread_pointer() -> usize {
    1 << 20
}

pub(crate) fn ticks() -> u32 {
    1 << 20
}

pub(crate) fn in_one_register<T>(at: *const T) -> *const T {
    at
}

pub(crate) fn with_lowest_byte(word: u32, byte: u32) -> u32 {
    word & !0xff | byte & 0xff
}

/// The real kernel.
pub(crate) unsafe fn syscall6(number: i64, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    // SAFETY: the caller vouches for the arguments.
    unsafe { libc::syscall(number as c_long, a, b, c, d, e, f) as isize }
}
