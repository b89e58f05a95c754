//! The calls that send. Each hook asks the engine whether another call will follow at once; if so, it holds this one
//! (MSG_MORE).
//!
//! In the steady state no call costs a further system call: a held write(2) becomes a send(2), a held writev(2) a
//! sendmsg(2). No byte of the program's data is looked at, and no pointer of the program's is dereferenced.

use engine::{Call, First, Look, Place};
use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t};

use super::*;
use crate::kernel;

/// The length of a vectored call, which the library does not add up: any result but a failure counts as complete.
const UNKNOWN: Option<size_t> = None;

/// Generates the ways to make a call that sends. Each is a function of its own, to which the previous one jumps with
/// the arguments in place. So a call on a file, or one that is simply sent, needs no stack frame for the sake of the
/// others. `call` is what the engine needs to know; `held` is the held form of the call, `whole` the length of its
/// data; `keeps` tells from its result whether it left data behind.
macro_rules! ways {
    ($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty; fd $fd:ident, call $call:expr, whole $whole:expr, held $held:expr,
     keeps $keeps:expr) => {
        way! { fn usual($($arg: $ty),*) -> $ret = asked($($arg,)* LIBRARY.usual($fd, $call)) }
        way! { fn follows($($arg: $ty),*; place) -> $ret = asked($($arg,)* LIBRARY.follows($fd, place, $call)) }
        way! { fn closer($($arg: $ty),*) -> $ret = decided($($arg,)* LIBRARY.sending($fd, $call)) }

        /// Goes on as a question that may lead to another says.
        ///
        /// # Safety
        /// The contract of the libc function: the arguments are passed on to it.
        #[inline(always)]
        unsafe fn asked($($arg: $ty,)* look: Look<'_>) -> $ret {
            // SAFETY: each way has the contract of this function and gets its arguments unchanged (the rule in
            // hooks/mod.rs).
            unsafe {
                match look {
                    Look::Follow(place) => follows($($arg,)* place),
                    Look::Closer => closer($($arg),*),
                    look => decided($($arg,)* look),
                }
            }
        }

        /// Goes on as the last question says, which leads to no other.
        ///
        /// # Safety
        /// The contract of the libc function: the arguments are passed on to it.
        #[inline(always)]
        unsafe fn decided($($arg: $ty,)* look: Look<'_>) -> $ret {
            // SAFETY: as above.
            unsafe {
                match look {
                    Look::Send(place) => sent($($arg,)* place),
                    Look::Hold(place) => held($($arg,)* place),
                    Look::Pass(place) => passed($($arg,)* place),
                    Look::Uncork => uncorked($($arg),*),
                    Look::Forward | Look::Follow(_) | Look::Closer => $name::real($($arg),*),
                }
            }
        }

        way! { fn sent($($arg: $ty),*; place) -> $ret = LIBRARY.sent(place, || $name::real($($arg),*)) }
        way! { fn held($($arg: $ty),*; place) -> $ret =
            LIBRARY.held($fd, place, $whole, || $held as isize, || $name::real($($arg),*) as isize) as $ret }
        way! { fn passed($($arg: $ty),*; place) -> $ret =
            LIBRARY.passed($fd, place, || $name::real($($arg),*) as isize, $keeps) as $ret }
        way! { fn uncorked($($arg: $ty),*) -> $ret = LIBRARY.uncorked($fd, || $name::real($($arg),*)) }
    };
}

/// Generates one way to make the call.
macro_rules! way {
    (fn $way:ident($($arg:ident: $ty:ty),* $(; $place:ident)?) -> $ret:ty = $made:expr) => {
        /// # Safety
        /// The contract of the libc function: the arguments are passed on to it.
        #[unsafe(link_section = ".text.tcp")]
        #[inline(never)]
        #[allow(dead_code, reason = "rare calls are always looked at closely")]
        pub(super) unsafe extern "C" fn $way($($arg: $ty,)* $($place: &Place)?) -> $ret {
            // SAFETY: the call made gets this function's arguments unchanged (the rule in hooks/mod.rs). The held form
            // adds MSG_MORE, or passes the same vector inside a message; it accesses the same memory.
            unsafe { $made }
        }
    };
}

/// Makes a hook for a call that can be held. `whole` is the length of the data, if the arguments tell; `when` says
/// whether the held form behaves like the call itself; `sockets` says whether the call exists for sockets only.
/// `usual` names the way for usual descriptors: a rare call (sendto on TCP) is not worth an inlined path of its own.
macro_rules! send_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $($arg:ident: $ty:ty),*) flags $flags:expr, whole $whole:expr,
     when $when:expr, sockets $sockets:expr, held $held:expr, $usual:ident; where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($fd: c_int, $($arg: $ty),*) -> ssize_t where signature $check, raw $raw; {
                // SAFETY: the real call and both parts of this hook get its arguments unchanged (the rule in
                // hooks/mod.rs).
                unsafe {
                    match LIBRARY.first($fd, $flags, $sockets) {
                        First::Forward => $name::real($fd, $($arg),*),
                        First::Usual => $name::$usual($fd, $($arg),*),
                        First::Closer => $name::closer($fd, $($arg),*),
                    }
                }
            } with {
                ways! {
                    $name($fd: c_int, $($arg: $ty),*) -> ssize_t; fd $fd,
                    call Call { flags: $flags, more: true, may: $when && $whole != Some(0), only_sockets: $sockets },
                    whole $whole, held $held, keeps |sent| sent <= 0
                }
            }
        }
    };
}

send_hook! {
    /// write(2). Held, it becomes a send(2); on a socket the two do the same.
    fn write(fd: c_int, data: *const c_void, length: size_t)
    flags 0, whole Some(length), when true, sockets false, held send::real(fd, data, length, libc::MSG_MORE), usual;
    where signature (libc::write), raw raw!(libc::SYS_write, fd, data, length);
}

send_hook! {
    /// writev(2). Held, it becomes a sendmsg(2), except where the two fail differently (UIO_MAXIOV is 1024).
    fn writev(fd: c_int, parts: *const iovec, count: c_int)
    flags 0, whole UNKNOWN, when (1..=1024).contains(&count), sockets false,
    held sendmsg::real(fd, &message_of(parts, count), libc::MSG_MORE), usual;
    where signature (libc::writev), raw raw!(libc::SYS_writev, fd, parts, count);
}

send_hook! {
    /// send(2).
    fn send(fd: c_int, data: *const c_void, length: size_t, flags: c_int)
    flags flags, whole Some(length), when true, sockets true, held send::real(fd, data, length, flags | libc::MSG_MORE), usual;
    where signature (libc::send), raw raw!(libc::SYS_sendto, fd, data, length, flags, 0, 0);
}

send_hook! {
    /// sendto(2).
    fn sendto(fd: c_int, data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t)
    flags flags, whole Some(length), when true, sockets true, held sendto::real(fd, data, length, flags | libc::MSG_MORE, to, to_length),
    closer;
    where signature (libc::sendto), raw raw!(libc::SYS_sendto, fd, data, length, flags, to, to_length);
}

send_hook! {
    /// sendmsg(2).
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int)
    flags flags, whole UNKNOWN, when true, sockets true, held sendmsg::real(fd, message, flags | libc::MSG_MORE), usual;
    where signature (libc::sendmsg), raw raw!(libc::SYS_sendmsg, fd, message, flags);
}

#[cfg(target_pointer_width = "32")]
send_hook! {
    /// The name of sendmsg(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/sendmsg.c`).
    fn __sendmsg64(fd: c_int, message: *const msghdr, flags: c_int)
    flags flags, whole UNKNOWN, when true, sockets true, held __sendmsg64::real(fd, message, flags | libc::MSG_MORE),
    usual;
    where signature (unchecked), raw raw!(libc::SYS_sendmsg, fd, message, flags);
}

/// The message with which sendmsg(2) sends this vector and nothing else.
fn message_of(parts: *const iovec, count: c_int) -> msghdr {
    // SAFETY: msghdr is plain data; all zeros is a message without address and control data.
    let mut message: msghdr = unsafe { core::mem::zeroed() };
    message.msg_iov = parts.cast_mut();
    message.msg_iovlen = count as size_t as _;
    message
}

/// Makes a hook for a call that sends but cannot carry MSG_MORE. It takes along what was held, unless it fails or sends
/// nothing. If the evidence says that more such calls follow, the socket is corked for them. `usual` as above.
macro_rules! pass_hook {
    ($(#[$doc:meta])* fn $name:ident($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty;
     $usual:ident, flags $flags:expr, $count:ident, keeps $keeps:expr $(, first $first:expr)?; where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret where signature $check, raw $raw; {
                $( $first; )?
                // SAFETY: the real call and both parts of this hook get its arguments unchanged (the rule in
                // hooks/mod.rs).
                unsafe {
                    match LIBRARY.first($fd, $flags, false) {
                        First::Forward => $name::real($($before,)* $fd, $($arg),*),
                        First::Usual => $name::$usual($($before,)* $fd, $($arg),*),
                        First::Closer => $name::closer($($before,)* $fd, $($arg),*),
                    }
                }
            } with {
                ways! {
                    $name($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret; fd $fd,
                    call Call { flags: $flags, more: false, may: $count != 0, only_sockets: false },
                    whole UNKNOWN, held $name::real($($before,)* $fd, $($arg),*),
                    keeps $keeps
                }
            }
        }
    };
}

/// Is data left in the kernel after this call, its own or what was held before it? If it sent nothing, all of what was
/// held. And kernels before 6.5 keep the tail of a file that ended before `count`, waiting for the rest.
#[inline(always)]
fn keeps_back(sent: isize, count: size_t) -> bool {
    sent <= 0 || sent != count.cast_signed() && kernel::keeps_tail_of_short_sendfile()
}

pass_hook! {
    /// sendmmsg(2): the kernel itself holds all messages but the last, and the library does not hold the last one. Empty
    /// messages push nothing.
    fn sendmmsg([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    closer, flags flags, count, keeps |sent| lengths(messages, sent as c_int) == 0;
    where signature (libc::sendmmsg), raw raw!(libc::SYS_sendmmsg, fd, messages, count, flags);
}

#[cfg(target_pointer_width = "32")]
pass_hook! {
    /// The name of sendmmsg(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/sendmmsg.c`).
    fn __sendmmsg64([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    closer, flags flags, count, keeps |sent| lengths(messages, sent as c_int) == 0;
    where signature (unchecked), raw raw!(libc::SYS_sendmmsg, fd, messages, count, flags);
}

pass_hook! {
    /// sendfile(2).
    fn sendfile([fd], file: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    usual, flags 0, count, keeps |sent| keeps_back(sent, count);
    where signature (libc::sendfile), raw raw!(libc::SYS_sendfile, fd, file, offset, count);
}

/// The number of the system call with a 64-bit offset.
#[cfg(target_pointer_width = "64")]
const SENDFILE64: c_long = libc::SYS_sendfile;
#[cfg(target_pointer_width = "32")]
const SENDFILE64: c_long = libc::SYS_sendfile64;

pass_hook! {
    /// The name of sendfile(2) in programs built with 64-bit file offsets.
    fn sendfile64([fd], file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t;
    usual, flags 0, count, keeps |sent| keeps_back(sent, count);
    where signature (libc::sendfile64), raw raw!(SENDFILE64, fd, file, offset, count);
}

pass_hook! {
    /// splice(2), into a socket or out of one. SPLICE_F_MORE is the program's own statement that more follows.
    fn splice(from: c_int, from_offset: *mut loff_t, [fd], offset: *mut loff_t, length: size_t, flags: c_uint) -> ssize_t;
    closer, flags if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 }, length,
    keeps |sent| keeps_back(sent, length),
    first {
        LIBRARY.sending_from_elsewhere(fd);
        LIBRARY.receiving(from, false);
    };
    where signature (libc::splice), raw raw!(libc::SYS_splice, from, from_offset, fd, offset, length, flags);
}
