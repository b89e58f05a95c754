//! The functions that stand between a hook that moves data and the real function: they make the call, then count it. Most
//! connections are simple ones (TCP_NODELAY is on, the program does not cork by itself, the predictor reads the clock): for
//! these the least is done that tells everything; all others are looked at closely, out of line.

use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::Ordering::Relaxed;

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t, timespec};
use policy::burst;
use policy::counters::Counter;
#[cfg(machine_code)]
use policy::counters::counter_at;
use policy::counters::tally::{self, ALONE, CALL, SMALL, TINY, TINY_ALONE};
use policy::socket::{APP_CORK, CORKED, HELD, NODELAY_ON};

use super::GAP;
use super::connection::{WATCHED, burst_ended, burst_goes_on, changed};
use super::insert::between;
use super::record::{self, Counts, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::{stalls, trace};
use crate::arch::{self, coarse_ticks};
use crate::table;

/// Makes the functions that count a call that sends. `bytes` says how many of the result `sent` went out; `in machine code` are
/// lines that go to 60 if the flags say that the call is held; `in cork`: the hook has a path for corked sockets.
macro_rules! sends {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty,
       flags $flags:expr, bytes |$sent:ident| $bytes:expr; in machine code $lines:expr $(, in $cork:ident)?;)*) => { $(
        between! {
            #[cfg_attr(machine_code, unsafe(naked))]
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> $ret {
                count_sent!($name([$fd], $($arg),*) flags $flags, bytes |$sent| $bytes; in machine code $lines)
            } with {
                sent_by_any!{ ([$fd], $($arg: $ty),*) -> $ret, flags $flags, bytes |$sent| $bytes; }
                $( sends!(@in $cork); )?
            }
        }
    )* };
    (@in cork) => { count_in_cork!(); };
}

/// What counts a call on any connection.
macro_rules! sent_by_any {
    (($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, flags $flags:expr,
     bytes |$sent:ident| $bytes:expr;) => {
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
    };
}

sends! {
    data::write([fd], data: *const c_void, length: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
        in machine code "/* {more} */", in cork;
    data::writev([fd], parts: *const iovec, count: c_int) -> ssize_t, flags 0, bytes |sent| sent as usize;
        in machine code "/* {more} */", in cork;
    data::send([fd], data: *const c_void, length: size_t, flags: c_int) -> ssize_t, flags flags, bytes |sent| sent as usize;
        in machine code "test ecx, {more}\njne 60f", in cork;
    data::sendto([fd], data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t) -> ssize_t,
        flags flags, bytes |sent| sent as usize; in machine code "test ecx, {more}\njne 60f";
    data::sendmsg([fd], message: *const msghdr, flags: c_int) -> ssize_t, flags flags, bytes |sent| sent as usize;
        in machine code "test edx, {more}\njne 60f", in cork;
    data::sendfile([fd], file: c_int, offset: *mut off_t, count: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
        in machine code "/* {more} */", in cork;
    data::sendfile64([fd], file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t, flags 0, bytes |sent| sent as usize;
        in machine code "/* {more} */", in cork;
}

between! {
    fn data::sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
        // SAFETY: the caller's arguments.
        unsafe { otherwise(fd, messages, count, flags) }
    } with {
        sent_by_any! { ([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int, flags flags,
            bytes |sent| lengths(messages, sent); }
    }
}
between! {
    fn data::splice(from: c_int, from_offset: *mut loff_t, fd: c_int, offset: *mut loff_t, length: size_t, flags: c_uint)
        -> ssize_t {
        // SAFETY: the caller's arguments.
        unsafe { otherwise(from, from_offset, fd, offset, length, flags) }
    } with {
        sent_by_any! { (from: c_int, from_offset: *mut loff_t, [fd], offset: *mut loff_t, length: size_t, flags: c_uint)
            -> ssize_t, flags if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 }, bytes |sent| sent as usize; }
    }
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
#[cfg(not(machine_code))]
#[inline(always)]
fn sent_simply(result: isize, record: &'static Record, bytes: usize) -> isize {
    if bytes >= TINY {
        return sent_more(result, record);
    }
    simply(result, record, bytes, TINY_ALONE)
}

#[inline(never)]
extern "C" fn sent_more(result: isize, record: &'static Record) -> isize {
    let bytes = result as usize;
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
    let Some(counts) = record.counts() else { return result };
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    let now = record.time();
    if !burst::in_time(record.sent.load(Relaxed), now, arch::GAP) {
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
    if record.is_simple() {
        if !socket.holdable() {
            changed(fd);
        } else {
            record.count_corked(socket.has(CORKED));
        }
    }
    let Some(counts) = record.counts() else { return };
    if record.is(STALLING) {
        stalls::over(record, counts);
    }
    let sent = record.sent.load(Relaxed);
    let (now, in_time) = if record.is_simple() {
        // A socket that has just been corked has no true time in its word (policy::burst).
        let now = if socket.has(CORKED) { arch::ticks() } else { record.time() };
        (now, burst::in_time(sent, now, arch::GAP))
    } else {
        let now = coarse_ticks();
        (now, now.wrapping_sub(sent) < GAP)
    };
    if !in_time {
        unanswered(record);
        record.began.store(coarse_ticks(), Relaxed);
    }
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, bytes as u64);
    record.sent.store(now, Relaxed);
    let kept = socket.has(HELD) && socket.holdable();
    let its_own = socket.has(APP_CORK) || flags & libc::MSG_MORE != 0 && !kept;
    let alone = bytes < SMALL && socket.has(NODELAY_ON) && !kept && !its_own;
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
    if kept && !socket.has(CORKED) {
        record.held.store(record.held.load(Relaxed).wrapping_add(1), Relaxed);
        counts.add(Counter::Held, 1);
    }
    if !record.is_simple() {
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
    if alone && calls > 1 && trace::on() {
        trace::sent_small(record);
    }
    if tally::is_full(tally) {
        burst_goes_on(record, counts);
    }
}

/// Makes the functions that count a call that receives.
macro_rules! receives {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*);)*) => { $(
        between! {
            #[cfg_attr(machine_code, unsafe(naked))]
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> ssize_t {
                count_received!($name([$fd], $($arg),*))
            } with {
                received_by_any! { ([$fd], $($arg: $ty),*) -> ssize_t, bytes |got| got as usize; }
            }
        }
    )* };
}

/// What counts a receive on any connection.
macro_rules! received_by_any {
    (([$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, bytes |$got:ident| $bytes:expr;) => {
        #[cold]
        #[inline(never)]
        unsafe extern "C" fn otherwise($fd: c_int, $($arg: $ty),*) -> $ret {
            // It may wait, on whatever descriptor.
            if stalls::any() {
                stalls::waiting();
            }
            // SAFETY: the caller's arguments.
            let $got = unsafe { next($fd, $($arg),*) };
            if $got >= 0 && let Some(record) = record::counted($fd) {
                received_otherwise(record, $bytes);
            }
            $got
        }
    };
}

receives! {
    receive::read([fd], data: *mut c_void, length: size_t);
    receive::readv([fd], parts: *const iovec, count: c_int);
    receive::__read_chk([fd], data: *mut c_void, length: size_t, room: size_t);
    receive::recv([fd], data: *mut c_void, length: size_t, flags: c_int);
    receive::__recv_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int);
    receive::recvfrom([fd], data: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr, from_length: *mut socklen_t);
    receive::__recvfrom_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t);
    receive::recvmsg([fd], message: *mut msghdr, flags: c_int);
}

between! {
    fn receive::recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int {
        // SAFETY: the caller's arguments.
        unsafe { otherwise(fd, messages, count, flags, timeout) }
    } with {
        received_by_any! { ([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int,
            bytes |got| lengths(messages, got); }
    }
}

/// A receive on a simple connection has returned `result`, which this returns.
#[cfg(not(machine_code))]
#[inline(always)]
fn received_simply(result: isize, record: &'static Record) -> isize {
    let Some(counts) = record.counts().filter(|_| result > 0) else { return result };
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, result as u64);
    if record.tally.load(Relaxed) != 0 || record.watch.load(Relaxed) != 0 {
        return received_first(result, record);
    }
    result
}

/// The same where it ends a burst, or pauses are looked for.
#[inline(never)]
extern "C" fn received_first(result: isize, record: &'static Record) -> isize {
    if let Some(counts) = record.counts() {
        came(record, counts, result as usize);
    }
    result
}

fn came(record: &'static Record, counts: Counts, bytes: usize) {
    let now = coarse_ticks();
    let watch = record.watch.load(Relaxed);
    if record.tally.load(Relaxed) != 0 {
        burst_ended(record, counts, Some(record.since_sent(now)));
        record.began.store(now, Relaxed);
        record.watch.store(WATCHED, Relaxed);
    } else if watch != 0 {
        record.watch.store(watch.wrapping_sub(1), Relaxed);
        let pause = now.wrapping_sub(record.received.load(Relaxed));
        if pause >= stalls::PAUSE {
            stalls::paused(counts, pause, bytes);
        }
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
    if bytes == 0 {
        // The other end has sent all.
        return;
    }
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, bytes as u64);
    record.watch.store(record.watch.load(Relaxed).max(1), Relaxed);
    came(record, counts, bytes);
}
