//! The functions that stand between a hook that moves data and the real function: they make the call, then count it. Most
//! connections are simple ones (TCP_NODELAY is on, the program does not cork by itself, the predictor reads the clock): for
//! these the least is done that tells everything; all others are looked at closely, out of line.

use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::Ordering::Relaxed;

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t, timespec};
use policy::counters::Counter;
use policy::counters::tally::{self, ALONE, CALL, SMALL, TINY, TINY_ALONE};
use policy::socket::{APP_CORK, HELD, NODELAY_ON};

use super::GAP;
use super::connection::{burst_ended, burst_goes_on, changed};
use super::insert::between;
use super::record::{self, Counts, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::stalls;
use crate::arch::{self, coarse_ticks};
use crate::table;

/// Makes the function that counts a call that sends. `bytes` says how many of the result `sent` went out.
macro_rules! sends {
    ($($family:ident::$name:ident($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty,
       flags $flags:expr, bytes |$sent:ident| $bytes:expr;)*) => { $(
        between! {
            fn $family::$name($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret {
                if let Some(record) = record::simple($fd) && $flags & libc::MSG_MORE == 0 {
                    // SAFETY: the caller's arguments.
                    let $sent = unsafe { next($($before,)* $fd, $($arg),*) };
                    return sent_simply($sent as isize, record, $bytes) as $ret;
                }
                // SAFETY: the caller's arguments.
                return unsafe { otherwise($($before,)* $fd, $($arg),*) };

                #[cold]
                #[inline(never)]
                unsafe extern "C" fn otherwise($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret {
                    // SAFETY: the caller's arguments.
                    let $sent = unsafe { next($($before,)* $fd, $($arg),*) };
                    if $sent > 0 && let Some(record) = record::counted($fd) {
                        sent_otherwise(record, $bytes, $flags);
                    }
                    $sent
                }
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

/// A call on a simple connection has returned `result`, which this returns, and sent so many bytes; a failed one more than any
/// call can.
#[inline(always)]
fn sent_simply(result: isize, record: &'static Record, bytes: usize) -> isize {
    if bytes >= TINY {
        return sent_more(result, record, bytes);
    }
    simply(result, record, bytes, TINY_ALONE)
}

#[inline(never)]
extern "C" fn sent_more(result: isize, record: &'static Record, bytes: usize) -> isize {
    if bytes < SMALL {
        return simply(result, record, bytes, ALONE);
    }
    if result < 0 {
        return result;
    }
    let calls = tally::burst(record.tally.load(Relaxed)).calls.wrapping_add(1);
    simply(result, record, bytes, 0);
    record.other.store(calls as u16, Relaxed);
    result
}

#[inline(always)]
fn simply(result: isize, record: &'static Record, bytes: usize, more: u32) -> isize {
    let Some(counts) = record.simple.get() else { return result };
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    let now = record.time();
    if now.wrapping_sub(record.sent.load(Relaxed)) >= arch::GAP {
        return first(result, record, now, more);
    }
    record.sent.store(now, Relaxed);
    record.tally.store(record.tally.load(Relaxed).wrapping_add(CALL | more), Relaxed);
    if tally::is_full(record.tally.load(Relaxed)) {
        return full(result, record);
    }
    result
}

/// The same for the first call of a burst: the one before is over, and nobody has answered it.
#[cold]
#[inline(never)]
extern "C" fn first(result: isize, record: &'static Record, now: u32, more: u32) -> isize {
    unanswered(record);
    record.began.store(coarse_ticks(), Relaxed);
    record.sent.store(now, Relaxed);
    record.tally.store(CALL | more, Relaxed);
    result
}

#[cold]
#[inline(never)]
extern "C" fn full(result: isize, record: &'static Record) -> isize {
    if let Some(counts) = record.counts() {
        burst_goes_on(record, counts);
    }
    result
}

/// A burst is over, if there was one.
fn unanswered(record: &'static Record) {
    if record.tally.load(Relaxed) != 0
        && let Some(counts) = record.counts()
    {
        burst_ended(record, counts, None);
    }
}

/// A call on any other connection, or one that is held.
#[cold]
#[inline(never)]
fn sent_otherwise(record: &'static Record, bytes: usize, flags: c_int) {
    let fd = record.fd();
    let socket = table::get(fd);
    if record.simple.get().is_some() && !socket.holdable() {
        changed(fd);
    }
    let Some(counts) = record.counts() else { return };
    if record.is(STALLING) {
        stalls::over(record, counts);
    }
    let (now, gap) = if record.simple.get().is_some() { (record.time(), arch::GAP) } else { (coarse_ticks(), GAP) };
    if now.wrapping_sub(record.sent.load(Relaxed)) >= gap {
        unanswered(record);
        record.began.store(coarse_ticks(), Relaxed);
    }
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    record.sent.store(now, Relaxed);
    let ours = socket.has(HELD) && socket.holdable();
    let its_own = socket.has(APP_CORK) || flags & libc::MSG_MORE != 0 && !ours;
    let alone = bytes < SMALL && socket.has(NODELAY_ON) && !ours && !its_own;
    let more = match (alone, bytes < TINY) {
        (false, _) => 0,
        (true, false) => ALONE,
        (true, true) => TINY_ALONE,
    };
    let tally = record.tally.load(Relaxed).wrapping_add(CALL | more);
    let calls = tally::burst(tally).calls;
    record.tally.store(tally, Relaxed);
    if !alone {
        record.other.store(calls as u16, Relaxed);
    }
    if ours {
        record.held.store(record.held.load(Relaxed).wrapping_add(1), Relaxed);
        counts.add(Counter::Held, 1);
    }
    if record.simple.get().is_none() {
        record.sizes.store(record.sizes.load(Relaxed) << 16 | bytes.min(0xffff) as u64, Relaxed);
    }
    if its_own {
        counts.add(Counter::AppHeld, 1);
        stalls::suspect(record, SUSPECT_CORK);
    } else if !socket.has(NODELAY_ON) && calls > 1 {
        stalls::suspect(record, SUSPECT);
    } else {
        record.without(SUSPECT | SUSPECT_CORK);
    }
    if tally::is_full(tally) {
        burst_goes_on(record, counts);
    }
}

/// Makes the function that counts a call that receives.
macro_rules! receives {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, bytes |$got:ident| $bytes:expr;)*) => { $(
        between! {
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> $ret {
                if let Some(record) = record::simple($fd) {
                    // SAFETY: the caller's arguments.
                    let $got = unsafe { next($fd, $($arg),*) };
                    if $got > 0 {
                        return received($got as isize, record, $bytes) as $ret;
                    }
                    return $got;
                }
                // SAFETY: the caller's arguments.
                return unsafe { otherwise($fd, $($arg),*) };

                #[cold]
                #[inline(never)]
                unsafe extern "C" fn otherwise($fd: c_int, $($arg: $ty),*) -> $ret {
                    stalls::before_receive($fd);
                    // SAFETY: the caller's arguments.
                    let $got = unsafe { next($fd, $($arg),*) };
                    if $got > 0 && let Some(record) = record::counted($fd) {
                        received_otherwise(record, $bytes);
                    }
                    $got
                }
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

/// A call on a simple connection has returned `result`, which this returns, and received so much.
#[inline(always)]
fn received(result: isize, record: &'static Record, bytes: usize) -> isize {
    let Some(counts) = record.simple.get() else { return result };
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, bytes as u64);
    let now = coarse_ticks();
    if record.tally.load(Relaxed) != 0 || now.wrapping_sub(record.received.load(Relaxed)) >= stalls::PAUSE {
        return received_first(result, record, bytes, now);
    }
    record.received.store(now, Relaxed);
    result
}

/// The same where it ends a burst, or comes after a pause.
#[inline(never)]
extern "C" fn received_first(result: isize, record: &'static Record, bytes: usize, now: u32) -> isize {
    if let Some(counts) = record.counts() {
        came(record, counts, bytes, now);
    }
    result
}

fn came(record: &'static Record, counts: Counts, bytes: usize, now: u32) {
    if record.tally.load(Relaxed) != 0 {
        burst_ended(record, counts, Some(record.since_sent(now)));
        record.began.store(now, Relaxed);
    } else {
        stalls::paused(counts, now.wrapping_sub(record.received.load(Relaxed)), bytes);
    }
    record.received.store(now, Relaxed);
}

/// A call on any other connection.
#[inline(never)]
fn received_otherwise(record: &'static Record, bytes: usize) {
    let Some(counts) = record.counts() else { return };
    if record.is(STALLING) {
        stalls::over(record, counts);
    }
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, bytes as u64);
    came(record, counts, bytes, coarse_ticks());
}
