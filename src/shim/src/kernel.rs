//! The few system calls that the library makes by itself, straight to the kernel: errno stays as it is, no hook of ours or of
//! another library is entered, and nothing depends on the libc in use. Results are the kernel's (`-errno` on failure).

use core::ffi::{c_int, c_long, c_void};
use core::mem::size_of;

use once_cell::race::OnceBool;

use crate::arch::syscall6;

/// Sets an option. Failure is reported and otherwise of no consequence.
pub(crate) fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize {
    let at = value.as_ptr() as usize;
    // SAFETY: setsockopt(2) reads `value.len()` bytes at `at`, which the slice guarantees; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_setsockopt, fd as usize, level as usize, name as usize, at, value.len(), 0) }
}

/// Sets an option whose value is an `int`.
pub(crate) fn set_int(fd: c_int, level: c_int, name: c_int, value: c_int) -> isize {
    set_option(fd, level, name, &value.to_ne_bytes())
}

/// Turns an option on.
#[inline]
pub(crate) fn set_on(fd: c_int, level: c_int, name: c_int) -> isize {
    static ON: [u8; 4] = 1i32.to_ne_bytes();
    set_option(fd, level, name, &ON)
}

/// Reads an option whose value is an `int`; None where it cannot be read.
pub(crate) fn get_int(fd: c_int, level: c_int, name: c_int) -> Option<c_int> {
    let mut value = [0u8; size_of::<c_int>()];
    (get_option(fd, level, name, &mut value) == value.len()).then(|| c_int::from_ne_bytes(value))
}

/// Reads an option whose value has 64 bits; None where it cannot be read.
pub(crate) fn get_long(fd: c_int, level: c_int, name: c_int) -> Option<u64> {
    let mut value = [0u8; size_of::<u64>()];
    (get_option(fd, level, name, &mut value) == value.len()).then(|| u64::from_ne_bytes(value))
}

/// Reads an option into `value`; how many bytes the kernel had for it, 0 where it cannot be read.
pub(crate) fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize {
    let mut length = value.len() as libc::socklen_t;
    let (at, len_at) = (value.as_mut_ptr() as usize, &raw mut length as usize);
    // SAFETY: getsockopt(2) writes at most `length` bytes to `value` and updates `length`; both live here.
    let result = unsafe { syscall6(libc::SYS_getsockopt, fd as usize, level as usize, name as usize, at, len_at, 0) };
    if result == 0 { length as usize } else { 0 }
}

/// Room for an IPv4 or IPv6 socket address, as the kernel writes it.
#[repr(C, align(8))]
pub(crate) struct Address {
    pub(crate) bytes: [u8; 28],
    pub(crate) length: libc::socklen_t,
}

/// `SYS_getsockname` or `SYS_getpeername`; None where there is no address.
pub(crate) fn address(call: c_long, fd: c_int) -> Option<Address> {
    let mut out = Address { bytes: [0; 28], length: 28 };
    let (at, len_at) = (&raw mut out.bytes as usize, &raw mut out.length as usize);
    // SAFETY: both calls write at most `length` bytes to `bytes` and the full length to `length`; both live here.
    let result = unsafe { syscall6(call, fd as usize, at, len_at, 0, 0, 0) };
    if result == 0 { Some(out) } else { None }
}

/// Can the 8 bytes at `at` be read? rt_sigprocmask(2) with an impossible `how` copies the set first, so it says EFAULT or
/// EINVAL and changes nothing. Needed because an application may pass any pointer and must get its EFAULT from the kernel.
pub(crate) fn readable(at: *const c_void) -> bool {
    // SAFETY: the call only reads 8 bytes at `at`, through the kernel, which checks them.
    let result = unsafe { syscall6(libc::SYS_rt_sigprocmask, usize::MAX, at as usize, 0, 8, 0, 0) };
    result != (libc::EFAULT as isize).wrapping_neg()
}

/// Writes to a descriptor once; used for the one line about an invalid setting.
pub(crate) fn write(fd: c_int, text: &[u8]) {
    // SAFETY: write(2) reads the slice; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_write, fd as usize, text.as_ptr() as usize, text.len(), 0, 0, 0) };
}

/// Does this kernel keep the tail of a sendfile that met the end of the file before its count, until more comes or its timer
/// runs out? Up to 6.4 (net/ipv4/tcp.c before "tcp: make sendpage honour the end of the file"); asked once.
#[cold]
pub(crate) fn keeps_tail_of_short_sendfile() -> bool {
    static ANSWER: OnceBool = OnceBool::new();
    ANSWER.get_or_init(|| {
        const FIELD: usize = 65;
        let mut names = [0u8; 6 * FIELD];
        // SAFETY: uname(2) writes six fields of 65 bytes (struct new_utsname).
        unsafe { syscall6(libc::SYS_uname, names.as_mut_ptr() as usize, 0, 0, 0, 0, 0) };
        let release = names.get(2 * FIELD..3 * FIELD).unwrap_or(&[]);
        // "6.1.0-18-amd64": the first two numbers.
        let mut version = [0u32; 2];
        let mut numbers = version.iter_mut();
        let mut number = numbers.next();
        for &byte in release {
            let Some(digits) = number.as_deref_mut() else { break };
            if byte.is_ascii_digit() {
                *digits = digits.wrapping_mul(10).wrapping_add(u32::from(byte & 15));
            } else {
                number = numbers.next();
            }
        }
        version < [6, 5]
    })
}
