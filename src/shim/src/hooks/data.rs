//! The calls that send. Each asks the predictor whether another will follow at once, and if so holds this one (MSG_MORE).
//!
//! In the steady state a call costs no system call more than without us: a held write(2) becomes a send(2), a held writev(2)
//! a sendmsg(2). No byte is looked at, and no pointer of the application's is followed.

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t};
use policy::burst;
use policy::socket::{HELD, HOLDABLE, Kind, Socket};

use super::*;
use crate::arch::{GAP, ticks};
use crate::hold::LEARNED;
use crate::table::Entry;
use crate::{hold, kernel, table, tune, watch};

/// Flags with which a call is never held: MSG_EOR makes MSG_MORE an error, urgent data is urgent, and a zero-copy call's
/// completion would wait with it.
const NEVER: c_int = libc::MSG_EOR | libc::MSG_OOB | libc::MSG_ZEROCOPY;

/// What a data call is to do.
enum Verdict {
    /// Forward it as it is.
    Forward,
    /// Hold it, and note this state if it was accepted whole.
    Hold(Socket),
}

/// Decides about a data call on a descriptor that is to be attended to. `flags` are the application's.
#[inline(always)]
fn decide(fd: c_int, entry: Entry, flags: c_int) -> Verdict {
    let socket = entry.socket;
    if !socket.has(HOLDABLE) || flags & (NEVER | libc::MSG_MORE) != 0 {
        return unusual(fd, entry, flags);
    }
    let next = burst::sent(socket, ticks(), GAP, &LEARNED);
    if next.has(HELD) {
        return Verdict::Hold(next);
    }
    if socket.has(HELD) {
        hold::drop(fd);
    }
    entry.set(next);
    Verdict::Forward
}

/// A descriptor that is met for the first time, a connection that is only watched, or a call with special flags.
#[cold]
#[inline(never)]
fn unusual(fd: c_int, entry: Entry, flags: c_int) -> Verdict {
    let mut socket = entry.socket;
    if matches!(socket.kind(), Kind::Unknown) {
        socket = tune::meet(fd);
    }
    if matches!(socket.kind(), Kind::Fresh) && flags & libc::MSG_FASTOPEN != 0 {
        connection::opened_by_send(fd, socket);
    }
    if socket.is_connection() {
        watch::application_sent(fd, socket, flags);
    }
    Verdict::Forward
}

/// Makes a call with MSG_MORE, through `held`, and notes what became of it. `plain` is the call as the application made it.
#[inline]
fn held(
    fd: c_int,
    entry: Entry,
    next: Socket,
    whole: size_t,
    held: impl FnOnce() -> ssize_t,
    plain: impl FnOnce() -> ssize_t,
) -> ssize_t {
    if whole == 0 || !hold::take(fd) {
        entry.set(if entry.socket.has(HELD) { next } else { burst::not_held(next) });
        return plain();
    }
    entry.set(next);
    let sent = held();
    if sent as size_t != whole {
        return cut_short(fd, entry, next, whole, sent, plain);
    }
    sent
}

/// The call failed or the buffer is full: what was taken is on its way, nothing waits for more.
#[cold]
fn cut_short(
    fd: c_int,
    entry: Entry,
    next: Socket,
    whole: size_t,
    sent: ssize_t,
    plain: impl FnOnce() -> ssize_t,
) -> ssize_t {
    if whole == UNKNOWN && sent >= 0 {
        return sent;
    }
    if sent < 0 && bind::last_error() == libc::ENOTSOCK {
        // The number was closed behind our back and now names something else.
        table::set(fd, Socket(0));
        hold::drop(fd);
        return plain();
    }
    if !entry.socket.has(HELD) {
        entry.set(burst::not_held(next));
        hold::drop(fd);
    }
    sent
}

/// The length of a vectored call, which we do not add up: any result but a failure counts as whole.
const UNKNOWN: size_t = size_t::MAX;

hook! {
    /// write(2).
    fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t
    where signature (libc::write), raw raw!(libc::SYS_write, fd, data, length); {
        let entry = table::entry(fd);
        if entry.socket.attended()
            && let Verdict::Hold(next) = decide(fd, entry, 0)
        {
            // SAFETY: the caller's arguments; send(2) with a flag more is what write(2) does on a socket.
            let more = || unsafe { send::real(fd, data, length, libc::MSG_MORE) };
            // SAFETY: the caller's arguments.
            return held(fd, entry, next, length, more, || unsafe { write::real(fd, data, length) });
        }
        // SAFETY: the caller's arguments.
        unsafe { write::real(fd, data, length) }
    }
}

hook! {
    /// writev(2).
    fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t
    where signature (libc::writev), raw raw!(libc::SYS_writev, fd, parts, count); {
        let entry = table::entry(fd);
        // Outside these bounds writev and sendmsg fail in different ways.
        if entry.socket.attended() && (1..=1024).contains(&count)
            && let Verdict::Hold(next) = decide(fd, entry, 0)
        {
            // SAFETY: a msghdr of zeros is one without address and control data.
            let mut message: msghdr = unsafe { core::mem::zeroed() };
            message.msg_iov = parts.cast_mut();
            message.msg_iovlen = count as size_t as _;
            // SAFETY: the caller's vector, which sendmsg(2) only reads; with a flag more that is what writev(2) does.
            let more = || unsafe { sendmsg::real(fd, &raw const message, libc::MSG_MORE) };
            // SAFETY: the caller's arguments.
            return held(fd, entry, next, UNKNOWN, more, || unsafe { writev::real(fd, parts, count) });
        }
        // SAFETY: the caller's arguments.
        unsafe { writev::real(fd, parts, count) }
    }
}

hook! {
    /// send(2).
    fn send(fd: c_int, data: *const c_void, length: size_t, flags: c_int) -> ssize_t
    where signature (libc::send), raw raw!(libc::SYS_sendto, fd, data, length, flags, 0, 0); {
        let entry = table::entry(fd);
        if entry.socket.attended()
            && let Verdict::Hold(next) = decide(fd, entry, flags)
        {
            // SAFETY: the caller's arguments, with a flag more.
            let more = || unsafe { send::real(fd, data, length, flags | libc::MSG_MORE) };
            // SAFETY: the caller's arguments.
            return held(fd, entry, next, length, more, || unsafe { send::real(fd, data, length, flags) });
        }
        // SAFETY: the caller's arguments.
        unsafe { send::real(fd, data, length, flags) }
    }
}

hook! {
    /// sendto(2).
    fn sendto(fd: c_int, data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t)
        -> ssize_t
    where signature (libc::sendto), raw raw!(libc::SYS_sendto, fd, data, length, flags, to, to_length); {
        let entry = table::entry(fd);
        if entry.socket.attended()
            && let Verdict::Hold(next) = decide(fd, entry, flags)
        {
            // SAFETY: the caller's arguments, with a flag more.
            let more = || unsafe { sendto::real(fd, data, length, flags | libc::MSG_MORE, to, to_length) };
            // SAFETY: the caller's arguments.
            let plain = || unsafe { sendto::real(fd, data, length, flags, to, to_length) };
            return held(fd, entry, next, length, more, plain);
        }
        // SAFETY: the caller's arguments.
        unsafe { sendto::real(fd, data, length, flags, to, to_length) }
    }
}

hook! {
    /// sendmsg(2).
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t
    where signature (libc::sendmsg), raw raw!(libc::SYS_sendmsg, fd, message, flags); {
        let entry = table::entry(fd);
        if entry.socket.attended()
            && let Verdict::Hold(next) = decide(fd, entry, flags)
        {
            // SAFETY: the caller's arguments, with a flag more.
            let more = || unsafe { sendmsg::real(fd, message, flags | libc::MSG_MORE) };
            // SAFETY: the caller's arguments.
            return held(fd, entry, next, UNKNOWN, more, || unsafe { sendmsg::real(fd, message, flags) });
        }
        // SAFETY: the caller's arguments.
        unsafe { sendmsg::real(fd, message, flags) }
    }
}

hook! {
    /// sendmmsg(2): the kernel holds all but the last message by itself; the last is not held.
    fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int
    where signature (libc::sendmmsg), raw raw!(libc::SYS_sendmmsg, fd, messages, count, flags); {
        let entry = table::entry(fd);
        if entry.socket.attended() {
            passes(fd, entry, flags);
        }
        // SAFETY: the caller's arguments.
        unsafe { sendmmsg::real(fd, messages, count, flags) }
    }
}

hook! {
    /// sendfile(2): cannot be held; what was held before it goes out with it.
    fn sendfile(fd: c_int, file: c_int, offset: *mut off_t, count: size_t) -> ssize_t
    where signature (libc::sendfile), raw raw!(libc::SYS_sendfile, fd, file, offset, count); {
        let entry = table::entry(fd);
        if entry.socket.attended() {
            passes(fd, entry, 0);
        }
        // SAFETY: the caller's arguments.
        let sent = unsafe { sendfile::real(fd, file, offset, count) };
        if entry.socket.has(HELD) && sent != count as ssize_t { ran_out(fd, entry, sent) } else { sent }
    }
}

hook! {
    /// sendfile as programs built with 64-bit file offsets name it.
    fn sendfile64(fd: c_int, file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t
    where signature (libc::sendfile64), raw raw!(libc::SYS_sendfile, fd, file, offset, count); {
        let entry = table::entry(fd);
        if entry.socket.attended() {
            passes(fd, entry, 0);
        }
        // SAFETY: the caller's arguments.
        let sent = unsafe { sendfile64::real(fd, file, offset, count) };
        if entry.socket.has(HELD) && sent != count as ssize_t { ran_out(fd, entry, sent) } else { sent }
    }
}

hook! {
    /// splice(2) into a socket; the application's SPLICE_F_MORE is its own word.
    fn splice(from: c_int, from_offset: *mut loff_t, fd: c_int, offset: *mut loff_t, length: size_t, flags: c_uint)
        -> ssize_t
    where signature (libc::splice), raw raw!(libc::SYS_splice, from, from_offset, fd, offset, length, flags); {
        let entry = table::entry(fd);
        if entry.socket.attended() {
            passes(fd, entry, if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 });
        }
        // SAFETY: the caller's arguments.
        let sent = unsafe { splice::real(from, from_offset, fd, offset, length, flags) };
        if entry.socket.has(HELD) && sent <= 0 { ran_out(fd, entry, sent) } else { sent }
    }
}

/// A data call that cannot be held itself, but counts.
#[inline]
fn passes(fd: c_int, entry: Entry, flags: c_int) {
    if let Verdict::Hold(next) = decide(fd, entry, flags) {
        if entry.socket.has(HELD) {
            hold::drop(fd);
        }
        entry.set(burst::not_held(next));
    }
}

/// Held data met the end of the file, or an error: nothing has pushed it. Where some of the file was sent, kernels before
/// 6.5 keep its tail (they expect the rest that the application asked for).
#[cold]
fn ran_out(fd: c_int, entry: Entry, sent: ssize_t) -> ssize_t {
    if sent <= 0 || kernel::keeps_tail_of_short_sendfile() {
        hold::drop(fd);
        hold::push(fd, entry.socket);
    }
    sent
}
