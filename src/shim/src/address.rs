//! Socket addresses from the program and the kernel. A pointer of the program's is dereferenced only after the kernel
//! has accepted it, or [`kernel::readable`] has.

use core::ffi::{c_int, c_long, c_void};

use engine::Library;
use libc::{sockaddr, socklen_t};
use policy::Peer;

use crate::kernel;
use crate::machine::Linux;

/// The address of one end of a socket, from the kernel: `call` is `SYS_getsockname` or `SYS_getpeername`.
pub(crate) fn asked(call: c_long, fd: c_int) -> Option<Peer> {
    let address = kernel::address(call, fd)?;
    // SAFETY: `parse` reads at most 28 bytes, all of them in the buffer, which the kernel has just filled in.
    unsafe { parse(address.bytes.as_ptr().cast(), address.length.min(28)) }
}

/// The address that the program passes to a call, before the kernel has seen it.
pub(crate) fn given(at: *const sockaddr, length: socklen_t) -> Option<Peer> {
    let at: *const c_void = at.cast();
    if length < 8 || !kernel::readable(at) {
        return None;
    }
    // An IPv6 address ends at byte 24. Both ends of it readable: so is what is between, which crosses one page at most.
    let readable = if length >= 24 && kernel::readable(at.wrapping_byte_add(16)) { 24 } else { 8 };
    // SAFETY: the first `readable` bytes are.
    unsafe { parse(at, readable) }
}

/// The address and port in a socket address; None if it is neither IPv4 nor IPv6.
///
/// # Safety
/// `length` bytes at `at` must be readable.
#[inline]
pub(crate) unsafe fn parse(at: *const c_void, length: socklen_t) -> Option<Peer> {
    if at.is_null() || length < 8 {
        return None;
    }
    let at = at.cast::<u8>();
    // SAFETY: the first 8 of `length` bytes, which the caller promises. Read without assuming alignment.
    let [f0, f1, p0, p1, v4 @ ..] = unsafe { at.cast::<[u8; 8]>().read_unaligned() };
    let port = u16::from_be_bytes([p0, p1]);
    match c_int::from(u16::from_ne_bytes([f0, f1])) {
        libc::AF_INET => Some(Peer::from_v4(v4, port)),
        libc::AF_INET6 if length >= 24 => {
            // SAFETY: bytes 8 to 23 of at least 24, which the caller promises. Read without assuming alignment.
            let address = unsafe { at.wrapping_add(8).cast::<[u8; 16]>().read_unaligned() };
            Some(Peer::from_v6(address, port))
        }
        _ => None,
    }
}

/// The service number of a remote end, from the address that was passed to connect(2).
///
/// # Safety
/// `length` bytes at `at` must be readable, and the kernel must have accepted the address.
#[inline]
pub(crate) unsafe fn service(at: *const c_void, length: socklen_t) -> u8 {
    if length < 8 {
        return Library::<Linux>::remote_service(0);
    }
    // Family, port and the IPv4 address (ip(7)), or the flow label (ipv6(7)).
    // SAFETY: the first 8 of `length` bytes, which the caller promises. Read without assuming alignment.
    let mut mixed = unsafe { at.cast::<u64>().read_unaligned() };
    if mixed as u16 == libc::AF_INET6 as u16 {
        // SAFETY: bytes 8 to 23, the IPv6 address. The kernel has accepted the address, which it does not if it is
        // shorter.
        let [high, low] = unsafe { at.cast::<u64>().wrapping_add(1).cast::<[u64; 2]>().read_unaligned() };
        mixed ^= high.rotate_left(32) ^ low;
    }
    Library::<Linux>::remote_service(mixed)
}
