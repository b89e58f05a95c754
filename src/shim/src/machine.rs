//! Linux as the engine's machine, and this process's one instance of the engine.

use core::ffi::{c_int, c_long};

use engine::{Library, Machine, NoMap, Told};
use policy::evidence::Usage;
use policy::{Peer, Settings};

use crate::arch::{self, syscall6};
use crate::{address, bind, count, kernel, start};

/// The library's state. All zeros initially, so only the pages in use take memory (layout.ld places it).
#[unsafe(link_section = ".bss.library")]
pub(crate) static LIBRARY: Library<Linux> = Library::new();

/// The machine that the hooks run on.
#[derive(Debug)]
pub(crate) struct Linux;

/// The variant of mmap that takes its arguments in registers. mmap2 counts the offset in pages, but it is always 0
/// here.
#[cfg(target_pointer_width = "64")]
const MMAP: c_long = libc::SYS_mmap;
#[cfg(target_pointer_width = "32")]
const MMAP: c_long = libc::SYS_mmap2;

/// The ioctl(2) for the number of bytes not read yet (linux/sockios.h).
const SIOCINQ: usize = 0x541b;

impl Machine for Linux {
    const MILLISECOND: u32 = arch::MILLISECOND;

    #[inline(always)]
    fn ticks() -> u32 {
        arch::ticks()
    }

    fn milliseconds() -> u32 {
        (kernel::clock(libc::CLOCK_MONOTONIC) / 1_000_000) as u32
    }

    #[inline(always)]
    fn thread() -> usize {
        arch::thread_pointer()
    }

    fn errno() -> *mut c_int {
        bind::errno()
    }

    fn chance() -> u64 {
        arch::chance()
    }

    fn usage() -> Usage {
        kernel::thread_usage()
    }

    fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize {
        kernel::set_option(fd, level, name, value)
    }

    fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize {
        kernel::get_option(fd, level, name, value)
    }

    fn unread(fd: c_int) -> u32 {
        kernel::ask_int(fd, SIOCINQ).unwrap_or(0)
    }

    fn own_address(fd: c_int) -> Option<Peer> {
        address::asked(libc::SYS_getsockname, fd)
    }

    fn peer_address(fd: c_int) -> Option<Peer> {
        address::asked(libc::SYS_getpeername, fd)
    }

    fn is_confined() -> bool {
        kernel::is_confined()
    }

    fn map(length: usize) -> Result<*mut u8, NoMap> {
        let (protection, flags) = (
            (libc::PROT_READ | libc::PROT_WRITE) as usize,
            (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize,
        );
        // SAFETY: maps fresh anonymous memory where the kernel chooses, so no existing memory changes.
        // Async-signal-safe, unlike an allocator.
        let at = unsafe { syscall6(MMAP, 0, length, protection, flags, usize::MAX, 0) };
        if (-4095..0).contains(&at) { Err(NoMap) } else { Ok(at as *mut u8) }
    }

    unsafe fn unmap(at: *mut u8, length: usize) {
        // SAFETY: `at` is a mapping of this length that nothing uses any more, as the caller promises.
        unsafe { syscall6(libc::SYS_munmap, at as usize, length, 0, 0, 0, 0) };
    }

    fn settings() -> &'static Settings {
        start::settings()
    }

    fn tell(told: Told) {
        count::told(told);
    }

    fn is_told_to_stop() -> bool {
        count::is_told_to_stop()
    }
}
