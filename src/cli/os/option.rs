//! Options of sockets: getsockopt(2) and setsockopt(2) for those that the standard library has no function for.

use std::io;
use std::os::fd::AsRawFd;

/// The value of an option, at most `LONGEST` bytes of it.
pub fn read<const LONGEST: usize>(socket: &impl AsRawFd, level: i32, name: i32) -> io::Result<Vec<u8>> {
    let mut value = [0_u8; LONGEST];
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: needed because the standard library reads only a few options. Sound because `value` and `length` are ours,
    // outlive the call and `length` is the size of `value`: the kernel writes no more than that.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut length) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value.get(..length as usize).unwrap_or_default().to_vec())
}

pub fn write(socket: &impl AsRawFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: needed because the standard library sets only a few options. Sound because the kernel only reads, and no more
    // than the length of `value`; a descriptor that is none it refuses.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A value that is an `int`.
pub fn integer(bytes: &[u8]) -> Option<i32> {
    bytes.get(..4)?.try_into().ok().map(i32::from_ne_bytes)
}
