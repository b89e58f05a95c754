//! The calls that send. Each asks the predictor whether another will follow at once, and if so holds this one (MSG_MORE).
//!
//! In the steady state a call costs no system call more than without us: a held write(2) becomes a send(2), a held writev(2)
//! a sendmsg(2). No byte is looked at, and no pointer of the application's is followed.

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t};
use policy::burst::{self, Advice};
use policy::socket::{CORKED, HELD, Kind, NO_HOLD, SHARED, Socket};

use super::*;
use crate::arch::{GAP, ticks, with_lowest_byte};
use crate::{hold, kernel, table, tune, watch};

/// Flags with which a call is never held: MSG_EOR makes MSG_MORE an error, urgent data is urgent, a zero-copy call's
/// completion would wait with it, and MSG_MORE is the application's own word.
const SPECIAL: c_int = libc::MSG_EOR | libc::MSG_OOB | libc::MSG_ZEROCOPY | libc::MSG_MORE;

/// May these flags say for the first time that the application holds by itself? `low` is the lower word of a descriptor to
/// which no attention is paid.
#[inline(always)]
fn says_more(flags: c_int, low: u32) -> bool {
    flags & SPECIAL != 0 && !Socket::of(low, 0).has(NO_HOLD)
}

/// Makes a hook for a call that can be held. What is commonest is decided in its first instructions (quick/), by the next state
/// that policy::burst keeps ready; the rarer cases are functions beside it, to which it jumps. `whole` is the length, if
/// the call says it; `when` says whether the held form of the call may stand for it.
macro_rules! send_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $($arg:ident: $ty:ty),*) flags $flags:expr, whole $whole:expr,
     when $when:expr, sockets $sockets:expr, held $held:expr; where signature $check:tt, raw $raw:expr; by $way:ident;) => {
        hook! {
            $(#[$doc])*
            fn $name($fd: c_int, $($arg: $ty),*) -> ssize_t where signature $check, raw $raw;
            { $way!($name($fd, $($arg),*) flags $flags, whole $whole, when $when, sockets $sockets) } with {
                /// Everything else, and what another call follows.
                #[inline(never)]
                pub(super) unsafe extern "C" fn rarely($fd: c_int, $($arg: $ty),*) -> ssize_t {
                    let before = table::get($fd);
                    if decide($fd, $flags, $when && $whole != 0, $sockets) {
                        // SAFETY: the caller's arguments, with a flag more.
                        let sent = unsafe { $held };
                        if accepted(sent, $whole) {
                            return sent;
                        }
                        // SAFETY: the caller's arguments.
                        return unsafe { again(sent, $fd, $($arg),*) };
                    }
                    // SAFETY: the caller's arguments.
                    let sent = unsafe { $name::real($fd, $($arg),*) };
                    let alone = $whole == UNKNOWN && sent <= 0 && before.has(HELD) && !table::get($fd).has(HELD);
                    if alone { ran_out(sent, $fd) } else { sent }
                }

                /// A held call was not accepted whole.
                #[cold]
                #[inline(never)]
                pub(super) unsafe extern "C" fn again(sent: ssize_t, $fd: c_int, $($arg: $ty),*) -> ssize_t {
                    if cut_short($fd, sent) {
                        // SAFETY: the caller's arguments.
                        return unsafe { $name::real($fd, $($arg),*) };
                    }
                    sent
                }

                in_cork!($way $name);
            }
        }
    };
}

/// Not where another number stands for the same socket: a call on that one does not know that this one's cork keeps it back,
/// where a held call's data leaves with any other.
fn may_cork(socket: Socket) -> bool {
    !socket.has(SHARED)
}

/// Sets TCP_CORK for the rest of a long burst. True if the kernel did.
#[cold]
fn cork(fd: c_int) -> bool {
    #[cfg(machine_code)]
    {
        write::ready_to_cork();
        writev::ready_to_cork();
        send::ready_to_cork();
        sendmsg::ready_to_cork();
        sendfile::ready_to_cork();
        sendfile64::ready_to_cork();
    }
    hold::cork(fd)
}

/// The length of a vectored call, which we do not add up: any result but a failure counts as whole.
const UNKNOWN: size_t = size_t::MAX;

/// Was a held call accepted whole?
#[inline(always)]
fn accepted(sent: ssize_t, whole: size_t) -> bool {
    if whole == UNKNOWN { sent > 0 } else { sent == whole as ssize_t }
}

/// Decides about a data call, whatever it is made on, and notes the outcome. True where it is to be held; `may` says whether
/// it can be, `only_sockets` whether other descriptors have such a call.
#[cold]
#[inline(never)]
fn decide(fd: c_int, flags: c_int, may: bool, only_sockets: bool) -> bool {
    let entry = table::entry(fd);
    let mut socket = entry.socket;
    if matches!(socket.kind(), Kind::Unknown) || only_sockets && !socket.is_met() && table::enabled() {
        socket = tune::meet(fd);
    }
    if matches!(socket.kind(), Kind::Fresh) && flags & libc::MSG_FASTOPEN != 0 {
        connection::opened_by_send(fd, socket);
    }
    if !socket.is_connection() {
        return false;
    }
    if !may {
        // A call without data says nothing and pushes nothing: what is held stays held.
        return false;
    }
    if !socket.holdable() || flags & SPECIAL != 0 {
        watch::application_sent(fd, socket, flags);
        return false;
    }
    if stays_corked(fd, socket) {
        return false;
    }
    if hold_quickly(fd, socket) {
        return true;
    }
    let (next, advice) = burst::sent(socket, ticks(), GAP, &table::shared().learned);
    let more = more(fd, socket, advice);
    let long = more && matches!(advice, Advice::Cork) && may_cork(socket);
    if socket.has(CORKED) && !long {
        // Also where the cork is another thread's.
        hold::push(fd, socket);
    }
    if long && (socket.has(CORKED) || cork(fd)) {
        entry.set(corked(next));
    } else if more && !long {
        entry.set(hold::held(next));
        return true;
    } else {
        entry.set(next);
    }
    false
}

/// Does this thread go on with a burst: is another call expected, and nothing held by another thread, here or in its slot?
fn more(fd: c_int, socket: Socket, advice: Advice) -> bool {
    !matches!(advice, Advice::Send) && !hold::anothers(fd, socket) && hold::take(fd)
}

/// The state of a socket that this thread has corked.
fn corked(socket: Socket) -> Socket {
    hold::held(burst::corked(socket, ticks(), &table::shared().learned))
}

/// Does a corked socket stay so, because this call came in time? Then that is noted.
#[inline(never)]
fn stays_corked(fd: c_int, socket: Socket) -> bool {
    if !socket.has(CORKED) || hold::anothers(fd, socket) {
        return false;
    }
    let now = ticks();
    let next = if burst::in_time(socket.high(), now, GAP) {
        Some(Socket::of(socket.low(), now))
    } else {
        burst::sent_newly_corked(socket, now, GAP)
    };
    if let Some(next) = next {
        table::set(fd, hold::held(next));
    }
    next.is_some()
}

/// Is this call to be held, as is known without asking [`burst::sent`]? Then that is noted.
#[inline]
fn hold_quickly(fd: c_int, socket: Socket) -> bool {
    let (shared, now) = (table::shared(), ticks());
    let next = shared.learned.next_sent(socket.low());
    if next & HELD as u8 == 0 || socket.has(CORKED) {
        return false;
    }
    if socket.has(HELD) && (!burst::in_time(socket.high(), now, GAP) || hold::anothers(fd, socket)) {
        return false;
    }
    let Some(time) = hold::take_quickly(shared, fd, now) else { return false };
    table::set(fd, Socket::of(with_lowest_byte(socket.low(), u32::from(next)), time));
    true
}

/// A held call failed, or the buffer is full. True where the descriptor is no socket any more: the call is made again as it
/// was. Otherwise what was taken is on its way (a full buffer pushes), and nothing waits for more.
#[cold]
#[inline(never)]
fn cut_short(fd: c_int, sent: ssize_t) -> bool {
    let entry = table::entry(fd);
    if sent < 0 && bind::last_error() == libc::ENOTSOCK {
        // The number was closed behind our back and now names something else.
        entry.set(Socket(0));
        return true;
    }
    entry.set(burst::not_held(entry.socket));
    if sent == 0 || sent < 0 && bind::last_error() != libc::EAGAIN {
        // What was held before it is still there.
        hold::push(fd, entry.socket);
    } else {
        // The kernel has pushed it, to make room.
        hold::gone(fd, entry.socket);
    }
    false
}

send_hook! {
    /// write(2). Held, it becomes a send(2), which is what it does on a socket.
    #[cfg_attr(machine_code, unsafe(naked))]
    fn write(fd: c_int, data: *const c_void, length: size_t)
    flags 0, whole length, when true, sockets false, held send::real(fd, data, length, libc::MSG_MORE);
    where signature (libc::write), raw raw!(libc::SYS_write, fd, data, length);
    by send_quickly;
}

send_hook! {
    /// writev(2). Held, it becomes a sendmsg(2); not outside the bounds where the two fail in different ways.
    #[cfg_attr(machine_code, unsafe(naked))]
    fn writev(fd: c_int, parts: *const iovec, count: c_int)
    flags 0, whole UNKNOWN, when (1..=1024).contains(&count), sockets false,
    held sendmsg::real(fd, &message_of(parts, count), libc::MSG_MORE);
    where signature (libc::writev), raw raw!(libc::SYS_writev, fd, parts, count);
    by send_quickly;
}

send_hook! {
    /// send(2).
    #[cfg_attr(machine_code, unsafe(naked))]
    fn send(fd: c_int, data: *const c_void, length: size_t, flags: c_int)
    flags flags, whole length, when true, sockets true, held send::real(fd, data, length, flags | libc::MSG_MORE);
    where signature (libc::send), raw raw!(libc::SYS_sendto, fd, data, length, flags, 0, 0);
    by send_quickly;
}

send_hook! {
    /// sendto(2).
    fn sendto(fd: c_int, data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t)
    flags flags, whole length, when true, sockets true, held sendto::real(fd, data, length, flags | libc::MSG_MORE, to, to_length);
    where signature (libc::sendto), raw raw!(libc::SYS_sendto, fd, data, length, flags, to, to_length);
    by send_portably;
}

send_hook! {
    /// sendmsg(2).
    #[cfg_attr(machine_code, unsafe(naked))]
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int)
    flags flags, whole UNKNOWN, when true, sockets true, held sendmsg::real(fd, message, flags | libc::MSG_MORE);
    where signature (libc::sendmsg), raw raw!(libc::SYS_sendmsg, fd, message, flags);
    by send_quickly;
}

#[cfg(target_pointer_width = "32")]
send_hook! {
    /// sendmsg(2) as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/sendmsg.c`).
    fn __sendmsg64(fd: c_int, message: *const msghdr, flags: c_int)
    flags flags, whole UNKNOWN, when true, sockets true, held __sendmsg64::real(fd, message, flags | libc::MSG_MORE);
    where signature (unchecked), raw raw!(libc::SYS_sendmsg, fd, message, flags);
    by send_portably;
}

/// What sendmsg(2) needs to send a vector and nothing else.
fn message_of(parts: *const iovec, count: c_int) -> msghdr {
    // SAFETY: a msghdr of zeros is one without address and control data.
    let mut message: msghdr = unsafe { core::mem::zeroed() };
    message.msg_iov = parts.cast_mut();
    message.msg_iovlen = count as size_t as _;
    message
}

/// Makes a hook for a call that sends, cannot be held itself, but counts. What was held before goes out with it, unless it
/// fails or finds nothing to send. Where history says that more such calls follow, the socket is corked for them.
macro_rules! pass_hook {
    ($(#[$doc:meta])* fn $name:ident($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty;
     flags $flags:expr, $count:ident; where signature $check:tt, raw $raw:expr; by $way:ident;) => {
        hook! {
            $(#[$doc])*
            fn $name($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret where signature $check, raw $raw;
            { $way!($name($($before,)* [$fd], $($arg),*) -> $ret; flags $flags, $count) } with {
                /// Everything else.
                #[cold]
                #[inline(never)]
                pub(super) unsafe extern "C" fn rarely($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret {
                    let held = pass($fd, $flags);
                    // SAFETY: the caller's arguments.
                    let sent = unsafe { $name::real($($before,)* $fd, $($arg),*) };
                    if held && !sent_all(sent as ssize_t, $count as ssize_t) {
                        ran_out(sent as ssize_t, $fd);
                    }
                    sent
                }

                in_cork!($way $name);
            }
        }
    };
}

/// Decides about a data call that cannot be held itself. True where something is held that it may fail to push.
#[cold]
#[inline(never)]
fn pass(fd: c_int, flags: c_int) -> bool {
    let entry = table::entry(fd);
    let socket = entry.socket;
    if !socket.holdable() || flags & SPECIAL != 0 {
        decide(fd, flags, true, false);
        return false;
    }
    if stays_corked(fd, socket) {
        return false;
    }
    let (next, advice) = burst::sent(socket, ticks(), GAP, &table::shared().learned);
    if more(fd, socket, advice) && may_cork(socket) && (socket.has(CORKED) || cork(fd)) {
        entry.set(corked(next));
        return false;
    }
    if socket.has(CORKED) {
        hold::push(fd, socket);
    }
    entry.set(next);
    socket.has(HELD) && !socket.has(CORKED)
}

pass_hook! {
    /// sendmmsg(2): the kernel holds all but the last message by itself; the last is not held.
    fn sendmmsg([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    flags flags, count;
    where signature (libc::sendmmsg), raw raw!(libc::SYS_sendmmsg, fd, messages, count, flags);
    by pass_portably;
}

#[cfg(target_pointer_width = "32")]
pass_hook! {
    /// sendmmsg(2) as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/sendmmsg.c`).
    fn __sendmmsg64([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    flags flags, count;
    where signature (unchecked), raw raw!(libc::SYS_sendmmsg, fd, messages, count, flags);
    by pass_portably;
}

pass_hook! {
    /// sendfile(2).
    #[cfg_attr(machine_code, unsafe(naked))]
    fn sendfile([fd], file: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    flags 0, count;
    where signature (libc::sendfile), raw raw!(libc::SYS_sendfile, fd, file, offset, count);
    by pass_quickly;
}

/// The call whose offset has 64 bits.
#[cfg(target_pointer_width = "64")]
const SENDFILE64: c_long = libc::SYS_sendfile;
#[cfg(target_pointer_width = "32")]
const SENDFILE64: c_long = libc::SYS_sendfile64;

pass_hook! {
    /// sendfile as programs built with 64-bit file offsets name it.
    #[cfg_attr(machine_code, unsafe(naked))]
    fn sendfile64([fd], file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t;
    flags 0, count;
    where signature (libc::sendfile64), raw raw!(SENDFILE64, fd, file, offset, count);
    by pass_quickly;
}

pass_hook! {
    /// splice(2) into a socket; the application's SPLICE_F_MORE is its own word.
    fn splice(from: c_int, from_offset: *mut loff_t, [fd], offset: *mut loff_t, length: size_t, flags: c_uint) -> ssize_t;
    flags if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 }, length;
    where signature (libc::splice), raw raw!(libc::SYS_splice, from, from_offset, fd, offset, length, flags);
    by pass_portably;
}

/// Has a call that cannot be held sent all that it was to send? Where that was nothing, what was held before is still there.
#[inline(always)]
fn sent_all(sent: ssize_t, count: ssize_t) -> bool {
    sent == count && sent > 0
}

/// Held data met the end of the file, or an error: nothing has pushed it. Where some of the file was sent, kernels before
/// 6.5 keep its tail (they expect the rest that the application asked for).
#[cold]
#[inline(never)]
pub(super) extern "C" fn ran_out(sent: ssize_t, fd: c_int) -> ssize_t {
    if sent <= 0 || kernel::keeps_tail_of_short_sendfile() {
        hold::push(fd, table::get(fd));
    }
    sent
}
