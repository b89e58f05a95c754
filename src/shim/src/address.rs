//! Socket addresses of the program's and the kernel's. A pointer of the program's is followed only after the kernel has
//! accepted it, or [`kernel::readable`] has vouched for it.

use core::ffi::{c_int, c_long, c_void};

use engine::Library;
use libc::{sockaddr, socklen_t};
use policy::Peer;

use crate::kernel;
use crate::machine::Linux;

/// One end of a socket, as the kernel tells it: `SYS_getsockname` or `SYS_getpeername`.
pub(crate) fn asked(call: c_long, fd: c_int) -> Option<Peer> {
    let address = kernel::address(call, fd)?;
    // SAFETY: the kernel has just filled it in; addresses of these families fit the buffer.
    unsafe { parse(address.bytes.as_ptr().cast(), address.length.min(28)) }
}

/// An address that the program has given to a call, before the kernel has looked at it.
pub(crate) fn given(at: *const sockaddr, length: socklen_t) -> Option<Peer> {
    if length < 8 || !kernel::readable(at.cast()) {
        return None;
    }
    // SAFETY: the first 8 bytes are readable; the rest of the `length` bytes lies in the same object if the call is to work,
    // and for IPv4 only the first 8 are looked at.
    unsafe { parse(at.cast(), length) }
}

/// An address that accept(2) has told the program, if it has asked.
pub(crate) fn told(at: *const sockaddr, length: *const socklen_t) -> Option<Peer> {
    if at.is_null() || length.is_null() {
        return None;
    }
    // SAFETY: the kernel has just written the length there.
    let length = unsafe { *length };
    // SAFETY: the kernel has just written the address there, of that length.
    unsafe { parse(at.cast(), length.min(28)) }
}

/// An address and port. Nothing where they are of no family of the Internet.
///
/// # Safety
/// `length` bytes at `at` must be readable.
#[inline]
pub(crate) unsafe fn parse(at: *const c_void, length: socklen_t) -> Option<Peer> {
    if at.is_null() || length < 8 {
        return None;
    }
    let at = at.cast::<u8>();
    // SAFETY: within the `length` bytes that the caller vouches for; no alignment is assumed.
    let [f0, f1, p0, p1, v4 @ ..] = unsafe { at.cast::<[u8; 8]>().read_unaligned() };
    let port = u16::from_be_bytes([p0, p1]);
    match c_int::from(u16::from_ne_bytes([f0, f1])) {
        libc::AF_INET => Some(Peer::from_v4(v4, port)),
        libc::AF_INET6 if length >= 24 => {
            // SAFETY: as above: 24 bytes are there.
            let address = unsafe { at.wrapping_add(8).cast::<[u8; 16]>().read_unaligned() };
            Some(Peer::from_v6(address, port))
        }
        _ => None,
    }
}

/// The number of the service at a remote end, by its address as connect(2) was given it.
///
/// # Safety
/// `length` bytes at `at` must be readable: the kernel has just read them.
#[inline]
pub(crate) unsafe fn service(at: *const c_void, length: socklen_t) -> u8 {
    if length < 8 {
        return Library::<Linux>::remote_service(0);
    }
    // Family, port and the IPv4 address (ip(7)), or the flow label (ipv6(7)).
    // SAFETY: within the `length` bytes that the caller vouches for; no alignment is assumed.
    let mut mixed = unsafe { at.cast::<u64>().read_unaligned() };
    if mixed as u16 == libc::AF_INET6 as u16 {
        // SAFETY: as above: the 16 bytes of the IPv6 address, without which the kernel refuses this family.
        let [high, low] = unsafe { at.cast::<u64>().wrapping_add(1).cast::<[u64; 2]>().read_unaligned() };
        mixed ^= high.rotate_left(32) ^ low;
    }
    Library::<Linux>::remote_service(mixed)
}
