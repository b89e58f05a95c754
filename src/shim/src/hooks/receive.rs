//! The calls that receive: each is a place to let go, and ends the burst of its thread. A read of a file does neither: programs
//! copy a file between header and body.

use engine::{LookAtReceive, Place, Receive};
use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};

use super::*;

/// Makes a hook for a receive. `sockets` says that only sockets have the call: then a descriptor that was never met is looked
/// at, otherwise it is a file.
macro_rules! receive_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $($arg:ident: $ty:ty),*) -> ssize_t
     sockets $sockets:literal; where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($fd: c_int, $($arg: $ty),*) -> ssize_t where signature $check, raw $raw; {
                match LIBRARY.look_at_receive($fd, $sockets) {
                    // SAFETY: the caller's arguments.
                    LookAtReceive::Forward => unsafe { $name::real($fd, $($arg),*) },
                    // SAFETY: the caller's arguments.
                    LookAtReceive::End(place) => unsafe { $name::ending($fd, $($arg,)* place) },
                    // SAFETY: the caller's arguments.
                    LookAtReceive::Closer => unsafe { $name::closer($fd, $($arg),*) },
                }
            } with {
                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn ending($fd: c_int, $($arg: $ty,)* place: &Place) -> ssize_t {
                    if LIBRARY.ends_quickly(place) {
                        // SAFETY: the caller's arguments.
                        return unsafe { $name::real($fd, $($arg),*) };
                    }
                    // SAFETY: the caller's arguments.
                    unsafe { at_end($fd, $($arg,)* place) }
                }

                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                unsafe extern "C" fn at_end($fd: c_int, $($arg: $ty,)* place: &Place) -> ssize_t {
                    // SAFETY: the caller's arguments.
                    LIBRARY.receive_at_end(place, || unsafe { $name::real($fd, $($arg),*) })
                }

                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn closer($fd: c_int, $($arg: $ty),*) -> ssize_t {
                    let watch = LIBRARY.receiving($fd, $sockets);
                    // SAFETY: the caller's arguments.
                    let got = unsafe { $name::real($fd, $($arg),*) };
                    if watch == Receive::Watch { watched($fd, got) } else { got }
                }
            }
        }
    };
}

/// A receive that is looked at has returned `got`, which this returns.
#[cold]
#[inline(never)]
fn watched(fd: c_int, got: ssize_t) -> ssize_t {
    if got > 0 {
        LIBRARY.received(fd, got as usize);
    }
    got
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
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t
            where signature $check, raw raw!(libc::SYS_recvmsg, fd, message, flags); {
                let watch = LIBRARY.receiving(fd, true);
                // SAFETY: the caller's arguments.
                let got = unsafe { $name::real(fd, message, flags) };
                if watch == Receive::Watch {
                    watched(fd, got);
                }
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
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut $time) -> c_int
            where signature $check, raw raw!(libc::SYS_recvmmsg, fd, messages, count, flags, timeout); {
                let watch = LIBRARY.receiving(fd, true);
                // SAFETY: the caller's arguments.
                let got = unsafe { $name::real(fd, messages, count, flags, timeout) };
                if watch == Receive::Watch {
                    watched(fd, got as ssize_t);
                }
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
    if message.msg_controllen != 0 && LIBRARY.is_enabled() {
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
                LIBRARY.given(fd);
            }
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
}
