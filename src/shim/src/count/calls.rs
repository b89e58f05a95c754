//! The functions that stand between a hook that moves data and the real function: they make the call, then count it. Most
//! connections are simple ones (TCP_NODELAY is on, the program does not cork by itself, the predictor reads the clock): for
//! these the least is done that tells everything; all others are looked at closely, out of line.

use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::Ordering::Relaxed;

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t, timespec};
use policy::counters::Counter;
use policy::counters::tally::{self, CALL, HELD_CALL, SMALL, TINY, TINY_CALL};
use policy::socket::{APP_CORK, HELD, HOLDABLE, NODELAY_ON};

use super::connection::burst_ended;
use super::insert::between;
use super::record::{self, Counts, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::stalls::{self, AFTER_ALONE};
use crate::arch::{GAP, ticks};
use crate::table;

/// Makes the function that counts a call that sends. `bytes` says how many of the result `sent` went out.
macro_rules! sends {
    ($($family:ident::$name:ident($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty,
       flags $flags:expr, bytes |$sent:ident| $bytes:expr;)*) => { $(
        between! {
            fn $family::$name($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret {
                let Some(record) = record::of($fd) else {
                    // SAFETY: the caller's arguments.
                    return unsafe { next($($before,)* $fd, $($arg),*) };
                };
                if record.simple.get().is_some() && $flags & libc::MSG_MORE == 0 {
                    // SAFETY: the caller's arguments.
                    let $sent = unsafe { next($($before,)* $fd, $($arg),*) };
                    sent_simply($fd, record, $bytes);
                    return $sent;
                }
                if record.counts().is_none() {
                    // SAFETY: the caller's arguments.
                    return unsafe { next($($before,)* $fd, $($arg),*) };
                }
                // SAFETY: the caller's arguments.
                let $sent = unsafe { next($($before,)* $fd, $($arg),*) };
                sent_otherwise($fd, record, $bytes, $flags);
                return $sent;
            }
        }
    )* };
}

sends! {
    data::write([fd], data: *const c_void, length: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
    data::writev([fd], parts: *const iovec, count: c_int) -> ssize_t, flags 0, bytes |sent| sent as usize;
    data::send([fd], data: *const c_void, length: size_t, flags: c_int) -> ssize_t, flags flags, bytes |sent| sent as usize;
    data::sendto([fd], data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t) -> ssize_t,
        flags flags, bytes |sent| sent as usize;
    data::sendmsg([fd], message: *const msghdr, flags: c_int) -> ssize_t, flags flags, bytes |sent| sent as usize;
    data::sendmmsg([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int,
        flags flags, bytes |sent| lengths(messages, sent);
    data::sendfile([fd], file: c_int, offset: *mut off_t, count: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
    data::sendfile64([fd], file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
    data::splice(from: c_int, from_offset: *mut loff_t, [fd], offset: *mut loff_t, length: size_t, flags: c_uint) -> ssize_t,
        flags if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 }, bytes |sent| sent as usize;
}

/// What several messages had together, of which the kernel has taken `count`.
#[cold]
fn lengths(messages: *const mmsghdr, count: c_int) -> usize {
    let mut sum = 0usize;
    for index in 0..count.max(0) as usize {
        // SAFETY: the kernel has just filled in the lengths of `count` messages.
        let length = unsafe { (*messages.wrapping_add(index)).msg_len };
        sum = sum.wrapping_add(length as usize);
    }
    sum
}

/// A call on a simple connection has sent so much. A failed one is as large as none can be.
#[inline(always)]
fn sent_simply(fd: c_int, record: &'static Record, bytes: usize) {
    if bytes >= TINY {
        return sent_more(fd, record, bytes);
    }
    simply(fd, record, bytes, TINY_CALL, AFTER_ALONE);
}

#[inline(never)]
fn sent_more(fd: c_int, record: &'static Record, bytes: usize) {
    if bytes > isize::MAX as usize {
        return;
    }
    simply(fd, record, bytes, 0, if bytes < SMALL { AFTER_ALONE } else { CALL });
}

#[inline(always)]
fn simply(fd: c_int, record: &'static Record, bytes: usize, more: u64, next: u64) {
    let Some(counts) = record.simple.get() else { return };
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    let now = ticks();
    if now.wrapping_sub(record.sent.load(Relaxed)) >= GAP {
        // The first of its burst.
        first(fd, record, counts);
    }
    record.sent.store(now, Relaxed);
    let tally = record.tally.load(Relaxed).wrapping_add(record.next.load(Relaxed)).wrapping_add(more);
    record.next.store(next, Relaxed);
    record.tally.store(tally, Relaxed);
    if tally::is_full(tally) {
        burst_ended(fd, record, counts, None);
    }
}

/// The burst before is over, and nobody has answered it.
#[cold]
#[inline(never)]
fn first(fd: c_int, record: &'static Record, counts: Counts) {
    if record.tally.load(Relaxed) != 0 {
        burst_ended(fd, record, counts, None);
    }
}

/// A call on any other connection, or one that is held.
#[cold]
#[inline(never)]
fn sent_otherwise(fd: c_int, record: &'static Record, bytes: usize, flags: c_int) {
    let Some(counts) = record.counts() else { return };
    if bytes > isize::MAX as usize {
        return;
    }
    let now = ticks();
    let socket = table::get(fd);
    if record.is(STALLING) {
        stalls::over(fd, record, counts);
    }
    if now.wrapping_sub(record.sent.load(Relaxed)) >= GAP {
        first(fd, record, counts);
    }
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    record.sent.store(now, Relaxed);
    let ours = socket.has(HELD) && socket.has(HOLDABLE);
    let its_own = socket.has(APP_CORK) || flags & libc::MSG_MORE != 0 && !ours;
    let alone = bytes < SMALL && socket.has(NODELAY_ON) && !ours && !its_own;
    let mut more = record.next.load(Relaxed);
    if ours {
        more = more.wrapping_add(HELD_CALL);
        counts.add(Counter::Held, 1);
    } else if alone && bytes < TINY {
        more = more.wrapping_add(TINY_CALL);
    }
    let tally = record.tally.load(Relaxed).wrapping_add(more);
    record.tally.store(tally, Relaxed);
    record.next.store(if alone { AFTER_ALONE } else { CALL }, Relaxed);
    if record.simple.get().is_none() {
        record.sizes.store(record.sizes.load(Relaxed) << 16 | bytes.min(0xffff) as u64, Relaxed);
    }
    if its_own {
        counts.add(Counter::AppHeld, 1);
        stalls::suspect(fd, record, SUSPECT_CORK);
    } else if !socket.has(NODELAY_ON) && tally::burst(tally).calls > 1 {
        stalls::suspect(fd, record, SUSPECT);
    } else {
        record.without(SUSPECT | SUSPECT_CORK);
    }
    if tally::is_full(tally) {
        burst_ended(fd, record, counts, None);
    }
}

/// Makes the function that counts a call that receives.
macro_rules! receives {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, bytes |$got:ident| $bytes:expr;)*) => { $(
        between! {
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> $ret {
                let Some(record) = record::of($fd) else {
                    // SAFETY: the caller's arguments.
                    return unsafe { next($fd, $($arg),*) };
                };
                if record.simple.get().is_some() {
                    // SAFETY: the caller's arguments.
                    let $got = unsafe { next($fd, $($arg),*) };
                    if $got > 0 && let Some(counts) = record.simple.get() {
                        received($fd, record, counts, $bytes);
                    }
                    return $got;
                }
                if record.arm.get().is_none() {
                    if stalls::any() {
                        stalls::waiting();
                    }
                    // SAFETY: the caller's arguments.
                    return unsafe { next($fd, $($arg),*) };
                }
                if record.is(SUSPECT | SUSPECT_CORK) && !record.is(STALLING) {
                    stalls::ask($fd);
                }
                // SAFETY: the caller's arguments.
                let $got = unsafe { next($fd, $($arg),*) };
                if $got > 0 && let Some(counts) = record.arm.get() {
                    if record.is(STALLING) {
                        stalls::over($fd, record, counts);
                    }
                    received($fd, record, counts, $bytes);
                }
                return $got;
            }
        }
    )* };
}

receives! {
    receive::read([fd], data: *mut c_void, length: size_t) -> ssize_t, bytes |got| got as usize;
    receive::readv([fd], parts: *const iovec, count: c_int) -> ssize_t, bytes |got| got as usize;
    receive::__read_chk([fd], data: *mut c_void, length: size_t, room: size_t) -> ssize_t, bytes |got| got as usize;
    receive::recv([fd], data: *mut c_void, length: size_t, flags: c_int) -> ssize_t, bytes |got| got as usize;
    receive::__recv_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int) -> ssize_t, bytes |got| got as usize;
    receive::recvfrom([fd], data: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, from_length: *mut socklen_t)
        -> ssize_t, bytes |got| got as usize;
    receive::__recvfrom_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t) -> ssize_t, bytes |got| got as usize;
    receive::recvmsg([fd], message: *mut msghdr, flags: c_int) -> ssize_t, bytes |got| got as usize;
    receive::recvmmsg([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int,
        bytes |got| lengths(messages, got);
}

/// A call has received so much.
#[inline(always)]
fn received(fd: c_int, record: &'static Record, counts: Counts, bytes: usize) {
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, bytes as u64);
    let now = ticks();
    if record.tally.load(Relaxed) != 0 {
        answered(fd, record, counts, now);
    } else {
        let pause = now.wrapping_sub(record.received.load(Relaxed));
        if pause >= stalls::PAUSE {
            stalls::paused(counts, pause, bytes);
        }
    }
    record.received.store(now, Relaxed);
}

#[inline(never)]
fn answered(fd: c_int, record: &'static Record, counts: Counts, now: u32) {
    burst_ended(fd, record, counts, Some(now.wrapping_sub(record.sent.load(Relaxed))));
}
