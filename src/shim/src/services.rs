//! Gives out the numbers by which policy::burst tells services apart.
//!
//! A listener gets the next number; a remote end gets one by a hash of its port and address, so that a fresh connection to a
//! known service starts with what was learned there. Both without asking the kernel anything.

use crate::sync::{AtomicU8, Relaxed};
use core::ffi::c_void;

use libc::socklen_t;

/// Listeners use the lower half of the numbers, remote ends the upper one.
const REMOTE: u8 = 32;

/// The next listener's number; wraps, and listeners then share what they learn.
static NEXT: AtomicU8 = AtomicU8::new(0);

/// A number for a new listener. Relaxed: any number serves.
pub(crate) fn listener() -> u8 {
    NEXT.fetch_add(1, Relaxed) & REMOTE.wrapping_sub(1)
}

/// The number for connections that were accepted elsewhere and passed to this process: they have no listener here, and all
/// that a process serves this way is most often one service.
pub(crate) const INHERITED: u8 = REMOTE - 1;

/// The number of a remote end, by its address as connect(2) was given it.
///
/// # Safety
/// `length` bytes at `at` must be readable: the kernel has just read them.
#[inline]
pub(crate) unsafe fn remote(at: *const c_void, length: socklen_t) -> u8 {
    if length < 8 {
        return REMOTE;
    }
    // Family, port and the IPv4 address (ip(7)), or the flow label (ipv6(7)).
    // SAFETY: within the `length` bytes that the caller vouches for; no alignment is assumed.
    let mut mixed = unsafe { at.cast::<u64>().read_unaligned() };
    if mixed as u16 == libc::AF_INET6 as u16 {
        // SAFETY: as above: the 16 bytes of the IPv6 address, without which the kernel refuses this family.
        let [high, low] = unsafe { at.cast::<u64>().wrapping_add(1).cast::<[u64; 2]>().read_unaligned() };
        mixed ^= high.rotate_left(32) ^ low;
    }
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as u8 | REMOTE
}
