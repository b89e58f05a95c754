//! The calls that receive. Received data ends the burst on its socket; and a receive may wait, so what the thread holds is
//! released first. A read of a file does neither: programs copy a file between header and body.

use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};
use policy::burst;
use policy::socket::{HELD, Kind, QUICKACK, QUICKACK_AUTO, Socket};

use super::*;
use crate::{hold, table, tune, watch};

/// Before a receive: a descriptor that came from elsewhere is looked at, and what the thread holds is released. For a call
/// that `only_sockets` have, one that was never met came from elsewhere; for a read it is a file.
#[inline(never)]
fn before(fd: c_int, only_sockets: bool) {
    let socket = table::get(fd);
    if matches!(socket.kind(), Kind::Unknown)
        || only_sockets && matches!(socket.kind(), Kind::Unmet) && table::enabled()
    {
        tune::meet(fd);
    }
    hold::release();
}

/// After it, where no next state is kept ready; `got` is what the call returned, and this returns, so that a hook can end
/// with it. Received data ends the burst.
#[cold]
#[inline(never)]
pub(super) extern "C" fn after(got: ssize_t, fd: c_int) -> ssize_t {
    let entry = table::entry(fd);
    let socket = entry.socket;
    if got > 0 && socket.attended() {
        // What another thread holds is in the middle of its burst.
        if socket.holdable() && !socket.has(HELD) {
            entry.set(burst::received(socket, &table::shared().learned));
        }
        if socket.has(QUICKACK | QUICKACK_AUTO) {
            watch::received(fd, socket, got as usize);
        }
    }
    got
}

/// Makes a hook for a receive. `sockets` says that only sockets have the call: then a descriptor that was never met is looked
/// at, otherwise it is a file.
macro_rules! receive_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $($arg:ident: $ty:ty),*) -> ssize_t
     sockets $sockets:tt; where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[cfg_attr(machine_code, unsafe(naked))]
            fn $name($fd: c_int, $($arg: $ty),*) -> ssize_t where signature $check, raw $raw;
            { receive_quickly!($name($fd, $($arg),*) sockets $sockets) } with {
                /// On any other descriptor, or where the thread holds something.
                #[inline(never)]
                pub(super) unsafe extern "C" fn rarely($fd: c_int, $($arg: $ty),*) -> ssize_t {
                    before($fd, $sockets);
                    // SAFETY: the caller's arguments.
                    let got = unsafe { $name::real($fd, $($arg),*) };
                    after(got, $fd)
                }
            }
        }
    };
}

receive_hook! {
    /// read(2).
    fn read(fd: c_int, data: *mut c_void, length: size_t) -> ssize_t
    sockets false; where signature (libc::read), raw raw!(libc::SYS_read, fd, data, length);
}
receive_hook! {
    /// readv(2).
    fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t
    sockets false; where signature (libc::readv), raw raw!(libc::SYS_readv, fd, parts, count);
}
receive_hook! {
    /// read(2) as _FORTIFY_SOURCE makes programs call it (glibc `debug/read_chk.c`).
    fn __read_chk(fd: c_int, data: *mut c_void, length: size_t, room: size_t) -> ssize_t
    sockets false; where signature (unchecked), raw raw!(libc::SYS_read, fd, data, length);
}
receive_hook! {
    /// recv(2).
    fn recv(fd: c_int, data: *mut c_void, length: size_t, flags: c_int) -> ssize_t
    sockets true; where signature (libc::recv), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, 0, 0);
}
receive_hook! {
    /// recv(2) as _FORTIFY_SOURCE makes programs call it (glibc `debug/recv_chk.c`).
    fn __recv_chk(fd: c_int, data: *mut c_void, length: size_t, room: size_t, flags: c_int) -> ssize_t
    sockets true; where signature (unchecked), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, 0, 0);
}
receive_hook! {
    /// recvfrom(2).
    fn recvfrom(fd: c_int, data: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, from_length: *mut socklen_t)
        -> ssize_t
    sockets true; where signature (libc::recvfrom), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, from, from_length);
}
receive_hook! {
    /// recvfrom(2) as _FORTIFY_SOURCE makes programs call it (glibc `debug/recvfrom_chk.c`).
    fn __recvfrom_chk(fd: c_int, data: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t) -> ssize_t
    sockets true; where signature (unchecked), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, from, from_length);
}

/// Makes a hook for recvmsg(2): may also receive descriptors (SCM_RIGHTS), which are then looked at when they are first used.
macro_rules! recvmsg_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t
            where signature $check, raw raw!(libc::SYS_recvmsg, fd, message, flags); {
                before(fd, true);
                // SAFETY: the caller's arguments.
                let got = unsafe { $name::real(fd, message, flags) };
                after(got, fd);
                if got >= 0 {
                    // SAFETY: the kernel has just filled it in.
                    unsafe { received_descriptors(message) };
                }
                got
            }
        }
    };
}
recvmsg_hook! {
    /// recvmsg(2).
    fn recvmsg() where signature (libc::recvmsg);
}
#[cfg(target_pointer_width = "32")]
recvmsg_hook! {
    /// recvmsg(2) as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/recvmsg.c`).
    fn __recvmsg64() where signature (unchecked);
}

/// Makes a hook for recvmmsg(2): as recvmsg, several at once.
macro_rules! recvmmsg_hook {
    ($(#[$doc:meta])* fn $name:ident($time:ty) where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut $time) -> c_int
            where signature $check, raw raw!(libc::SYS_recvmmsg, fd, messages, count, flags, timeout); {
                before(fd, true);
                // SAFETY: the caller's arguments.
                let got = unsafe { $name::real(fd, messages, count, flags, timeout) };
                after(got as ssize_t, fd);
                for index in 0..got.max(0) as usize {
                    let message = messages.wrapping_add(index);
                    // SAFETY: the kernel has just filled in `got` messages; the address of a field is taken, nothing is read.
                    let header = unsafe { &raw mut (*message).msg_hdr };
                    // SAFETY: as above.
                    unsafe { received_descriptors(header) };
                }
                got
            }
        }
    };
}
recvmmsg_hook! {
    /// recvmmsg(2).
    fn recvmmsg(timespec) where signature (libc::recvmmsg);
}
#[cfg(target_pointer_width = "32")]
recvmmsg_hook! {
    /// recvmmsg(2) as 32-bit programs with a 64-bit clock name it, in glibc.
    fn __recvmmsg64(c_void) where signature (unchecked);
}
#[cfg(target_pointer_width = "32")]
recvmmsg_hook! {
    /// The same in musl.
    fn __recvmmsg_time64(c_void) where signature (unchecked);
}

/// Notes the descriptors that came with a message (cmsg(3), unix(7)).
///
/// # Safety
/// `message` must have been filled in by the kernel.
#[inline]
unsafe fn received_descriptors(message: *const msghdr) {
    // SAFETY: the caller vouches for the message.
    let message = unsafe { &*message };
    if message.msg_controllen != 0 && table::enabled() {
        // SAFETY: as above.
        unsafe { control_messages(message) };
    }
}

/// # Safety
/// As [`received_descriptors`].
#[cold]
unsafe fn control_messages(message: &msghdr) {
    // SAFETY: the kernel has written well-formed control messages of `msg_controllen` bytes in all.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a control message inside the buffer.
    while let Some(header) = unsafe { control.as_ref() } {
        if header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: only computes the address behind the header.
            let data = unsafe { libc::CMSG_DATA(control) }.cast::<c_int>();
            // SAFETY: only computes a length.
            let empty = unsafe { libc::CMSG_LEN(0) } as usize;
            let bytes: usize = header.cmsg_len as _;
            let count = bytes.saturating_sub(empty) >> 2;
            for index in 0..count {
                // SAFETY: the kernel has written `count` descriptors there.
                let fd = unsafe { data.wrapping_add(index).read_unaligned() };
                table::add(fd, Socket::new(Kind::Unknown));
            }
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
}
