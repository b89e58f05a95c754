//! The machine under the model checker: which thread this is, a clock that stands still, and the few helpers that the library
//! has in assembly. Stands in the place of src/shim/src/arch.

use std::cell::Cell;
use std::ffi::c_long;

/// The longest pause inside a burst.
pub(crate) const GAP: u32 = 1 << 16;

loom::thread_local! {
    static POINTER: Cell<usize> = Cell::new(0);
}

/// From now on the running thread has this thread pointer.
pub(crate) fn be(pointer: usize) {
    POINTER.with(|own| own.set(pointer));
}

pub(crate) fn thread_pointer() -> usize {
    let pointer = POINTER.with(Cell::get);
    assert_ne!(pointer, 0, "every thread of a model says who it is");
    pointer
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

/// The real kernel: the second table is mapped for good.
pub(crate) unsafe fn syscall6(number: i64, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    // SAFETY: the caller vouches for the arguments.
    unsafe { libc::syscall(number as c_long, a, b, c, d, e, f) as isize }
}
