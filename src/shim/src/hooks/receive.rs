//! The calls that receive. Each is a release point and ends the burst of its thread. A read from a file is neither:
//! programs copy files between header and body.

use engine::{LookAtReceive, Place, Receive};
use libc::{iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec};

use super::*;

/// Makes a hook for a receive. `sockets` says that the call exists for sockets only; then an unmet descriptor is
/// classified, otherwise it is taken for a file.
macro_rules! receive_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $($arg:ident: $ty:ty),*) -> ssize_t
     sockets $sockets:literal; where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($fd: c_int, $($arg: $ty),*) -> ssize_t where signature $check, raw $raw; {
                match LIBRARY.look_at_receive($fd, $sockets) {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    LookAtReceive::Forward => unsafe { $name::real($fd, $($arg),*) },
                    // SAFETY: an out-of-line part of this hook, with the hook's contract and arguments (the rule in
                    // hooks/mod.rs).
                    LookAtReceive::End(place) => unsafe { $name::ending($fd, $($arg,)* place) },
                    // SAFETY: an out-of-line part of this hook, with the hook's contract and arguments (the rule in
                    // hooks/mod.rs).
                    LookAtReceive::Closer => unsafe { $name::closer($fd, $($arg),*) },
                }
            } with {
                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn ending($fd: c_int, $($arg: $ty,)* place: &Place) -> ssize_t {
                    if LIBRARY.ends_quickly(place) {
                        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                        return unsafe { $name::real($fd, $($arg),*) };
                    }
                    // SAFETY: an out-of-line part of this hook, with the hook's contract and arguments (the rule in
                    // hooks/mod.rs).
                    unsafe { at_end($fd, $($arg,)* place) }
                }

                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                unsafe extern "C" fn at_end($fd: c_int, $($arg: $ty,)* place: &Place) -> ssize_t {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    LIBRARY.receive_at_end(place, || unsafe { $name::real($fd, $($arg),*) })
                }

                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn closer($fd: c_int, $($arg: $ty),*) -> ssize_t {
                    let watch = LIBRARY.receiving($fd, $sockets);
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    let got = unsafe { $name::real($fd, $($arg),*) };
                    if watch == Receive::Watch { watched($fd, got) } else { got }
                }
            }
        }
    };
}

/// Does this receive ask for what the kernel has to say of data that was sent? A time stamp brings that data with it, and is
/// no answer to it.
pub(crate) const fn of_own(flags: c_int) -> bool {
    flags & libc::MSG_ERRQUEUE != 0
}

/// Reports the result `got` of a receive to be watched, and returns it.
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
    /// The name of read(2) in programs built with _FORTIFY_SOURCE (glibc `debug/read_chk.c`).
    fn __read_chk(fd: c_int, data: *mut c_void, length: size_t, room: size_t) -> ssize_t
    sockets false; where signature (unchecked), raw raw!(libc::SYS_read, fd, data, length);
}
receive_hook! {
    /// recv(2).
    fn recv(fd: c_int, data: *mut c_void, length: size_t, flags: c_int) -> ssize_t
    sockets true; where signature (libc::recv), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, 0, 0);
}
receive_hook! {
    /// The name of recv(2) in programs built with _FORTIFY_SOURCE (glibc `debug/recv_chk.c`).
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
    /// The name of recvfrom(2) in programs built with _FORTIFY_SOURCE (glibc `debug/recvfrom_chk.c`).
    fn __recvfrom_chk(fd: c_int, data: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t) -> ssize_t
    sockets true; where signature (unchecked), raw raw!(libc::SYS_recvfrom, fd, data, length, flags, from, from_length);
}

/// Makes a hook for recvmsg(2), which can also receive descriptors (SCM_RIGHTS): they are classified when first used.
macro_rules! recvmsg_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t
            where signature $check, raw raw!(libc::SYS_recvmsg, fd, message, flags); {
                let watch = LIBRARY.receiving(fd, true);
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                let got = unsafe { $name::real(fd, message, flags) };
                if watch == Receive::Watch && !of_own(flags) {
                    watched(fd, got);
                }
                if got >= 0 {
                    // SAFETY: the call succeeded, so the kernel has filled in the message.
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
    /// The name of recvmsg(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/recvmsg.c`).
    fn __recvmsg64() where signature (unchecked);
}

/// Makes a hook for recvmmsg(2), which receives several messages, each perhaps with descriptors.
macro_rules! recvmmsg_hook {
    ($(#[$doc:meta])* fn $name:ident($time:ty) where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut $time) -> c_int
            where signature $check, raw raw!(libc::SYS_recvmmsg, fd, messages, count, flags, timeout); {
                let watch = LIBRARY.receiving(fd, true);
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                let got = unsafe { $name::real(fd, messages, count, flags, timeout) };
                for index in 0..got.max(0) as usize {
                    let message = messages.wrapping_add(index);
                    // SAFETY: `index` is below `got`, the number of messages that the kernel has filled in. Only the
                    // address of a field is computed.
                    let header = unsafe { &raw mut (*message).msg_hdr };
                    // SAFETY: the kernel has filled in this message, one of `got`.
                    unsafe { received_descriptors(header) };
                }
                if watch == Receive::Watch && !of_own(flags) {
                    watched(fd, lengths(messages, got) as ssize_t);
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
    /// The name of recvmmsg(2) in 32-bit programs with 64-bit time_t, in glibc.
    fn __recvmmsg64(c_void) where signature (unchecked);
}
#[cfg(target_pointer_width = "32")]
recvmmsg_hook! {
    /// The name of recvmmsg(2) in 32-bit programs with 64-bit time_t, in musl.
    fn __recvmmsg_time64(c_void) where signature (unchecked);
}

/// Records the descriptors that came with a message (cmsg(3), unix(7)).
///
/// # Safety
/// `message` must have been filled in by the kernel, in a call that succeeded.
#[inline]
unsafe fn received_descriptors(message: *const msghdr) {
    // SAFETY: the caller promises a message that the kernel has just written, so it can be read.
    let message = unsafe { &*message };
    if message.msg_controllen != 0 && LIBRARY.is_enabled() {
        // SAFETY: the kernel has filled in this message, as the caller promises.
        unsafe { control_messages(message) };
    }
}

/// # Safety
/// `message` must have been filled in by the kernel, in a call that succeeded.
#[cold]
unsafe fn control_messages(message: &msghdr) {
    // SAFETY: the kernel has written well-formed control messages, `msg_controllen` bytes in all.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a whole control message inside the buffer, which is what the CMSG macros return.
    while let Some(header) = unsafe { control.as_ref() } {
        if header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: only computes the address after the header of a message that was found in the buffer.
            let data = unsafe { libc::CMSG_DATA(control) }.cast::<c_int>();
            // SAFETY: only computes a length.
            let empty = unsafe { libc::CMSG_LEN(0) } as usize;
            let bytes: usize = header.cmsg_len as _;
            let count = bytes.saturating_sub(empty) >> 2;
            for index in 0..count {
                // SAFETY: `index` is below `count`, the number of descriptors that the kernel has written here. Read
                // without assuming alignment.
                let fd = unsafe { data.wrapping_add(index).read_unaligned() };
                LIBRARY.given(fd);
            }
        }
        // SAFETY: `control` was found in this message, whose control messages are well-formed.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
}
