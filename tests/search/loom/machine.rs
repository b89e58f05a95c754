//! The machine under the model checker: which thread this is, a clock that stands still, and the kernel of kernel.rs.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::AtomicI32;

use tcptune_engine::{Machine, NoMap, Told};
use tcptune_policy::evidence::Usage;
use tcptune_policy::{Peer, Settings};

use crate::kernel;

#[derive(Debug)]
pub(crate) struct Model;

loom::thread_local! {
    static POINTER: Cell<usize> = Cell::new(0);
}

/// From now on the running thread has this thread pointer.
pub(crate) fn be(pointer: usize) {
    POINTER.with(|own| own.set(pointer));
}

pub(crate) fn pointer() -> usize {
    let pointer = POINTER.with(Cell::get);
    assert_ne!(pointer, 0, "every thread of a model says who it is");
    pointer
}

fn pages(length: usize) -> Layout {
    Layout::from_size_align(length, 64).expect("a size that there is")
}

impl Machine for Model {
    const MILLISECOND: u32 = 1000;

    fn ticks() -> u32 {
        1 << 20
    }

    fn milliseconds() -> u32 {
        1
    }

    fn thread() -> usize {
        pointer()
    }

    fn errno() -> *mut c_int {
        // No call fails here.
        static ERRNO: AtomicI32 = AtomicI32::new(0);
        ERRNO.as_ptr()
    }

    fn chance() -> u64 {
        0
    }

    fn usage() -> Usage {
        Usage::default()
    }

    fn set_option(fd: c_int, _level: c_int, name: c_int, value: &[u8]) -> isize {
        kernel::set(fd, name, value[0]);
        0
    }

    fn get_option(_fd: c_int, _level: c_int, name: c_int, value: &mut [u8]) -> usize {
        assert_eq!(name, libc::TCP_INFO);
        value.len()
    }

    fn unread(_fd: c_int) -> u32 {
        0
    }

    fn own_address(_fd: c_int) -> Option<Peer> {
        None
    }

    fn peer_address(_fd: c_int) -> Option<Peer> {
        None
    }

    fn is_confined() -> bool {
        false
    }

    fn map(length: usize) -> Result<*mut u8, NoMap> {
        // SAFETY: the length is not 0.
        let at = unsafe { alloc_zeroed(pages(length)) };
        if at.is_null() { Err(NoMap) } else { Ok(at) }
    }

    unsafe fn unmap(at: *mut u8, length: usize) {
        // SAFETY: the caller vouches for the mapping, which was made with this layout.
        unsafe { dealloc(at, pages(length)) };
    }

    fn settings() -> &'static Settings {
        static DEFAULT: Settings = Settings::DEFAULT;
        &DEFAULT
    }

    fn tell(_told: Told) {
        panic!("nothing is counted");
    }

    fn is_told_to_stop() -> bool {
        panic!("nothing is counted");
    }
}
