//! The functions that stand between a hook that moves data and the real function: they make the call, then count it.
//! Most connections are simple: TCP_NODELAY is on, and the program does not cork by itself. For these, the least is
//! done that gives all the counts. All others take a slower path, out of line.

use core::ffi::{c_int, c_uint, c_void};
use core::sync::atomic::Ordering::Relaxed;

use libc::{iovec, loff_t, mmsghdr, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t, timespec};
use policy::counters::Counter;
use policy::counters::tally::{self, ALONE, CALL, SMALL, TINY, TINY_ALONE};
use policy::socket::{APP_CORK, CORKED, NO_HOLD, NODELAY_ON, Socket};

use super::GAP;
use super::connection::{WATCHED, burst_ended, burst_goes_on, changed, is_simple};
use super::insert::between;
use super::record::{self, Counts, HOLDS_ITSELF, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::{stalls, trace};
use crate::arch::{coarse_ticks, in_one_register};
use crate::hooks::lengths;
use crate::hooks::receive::of_own;
use crate::machine::LIBRARY;

/// Makes the functions that count a call that sends, and returns how many bytes went out. On a simple connection a call
/// with MSG_MORE is one that the library holds, or the first that the program holds itself.
macro_rules! sends {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*) -> ssize_t, flags $flags:expr;)*) => { $(
        between! {
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> ssize_t {
                if $flags & libc::MSG_MORE != 0 {
                    // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in
                    // count/mod.rs).
                    return unsafe { held($fd, $($arg),*) };
                }
                if let Some(record) = record::simple($fd) {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
                    let sent = unsafe { next($fd, $($arg),*) };
                    return if sent > 0 { sent_simply(sent, record) } else { sent };
                }
                // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in
                // count/mod.rs).
                unsafe { otherwise($fd, $($arg),*) }
            } with {
                /// A call with MSG_MORE: counted as held, if the connection is simple.
                #[inline(never)]
                unsafe extern "C" fn held($fd: c_int, $($arg: $ty),*) -> ssize_t {
                    if let Some(record) = record::simple($fd) && may_be_held($fd) {
                        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
                        let sent = unsafe { next($fd, $($arg),*) };
                        return if sent > 0 { held_simply(sent, record) } else { sent };
                    }
                    // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in
                    // count/mod.rs).
                    unsafe { otherwise($fd, $($arg),*) }
                }
                sent_by_any! { ([$fd], $($arg: $ty),*) -> ssize_t, flags $flags, bytes |sent| sent; }
            }
        }
    )* };
}

/// Makes the function that counts a call on any connection. `bytes` computes from the result `sent` how many bytes went
/// out.
macro_rules! sent_by_any {
    (($($before:ident: $before_ty:ty,)* [$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, flags $flags:expr,
     bytes |$sent:ident| $bytes:expr;) => {
        #[inline(never)]
        unsafe extern "C" fn otherwise($($before: $before_ty,)* $fd: c_int, $($arg: $ty),*) -> $ret {
            // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
            let $sent = unsafe { next($($before,)* $fd, $($arg),*) };
            if $sent > 0 && let Some(record) = record::counted($fd) {
                sent_by_any($bytes, record, $flags & libc::MSG_MORE != 0);
            }
            $sent
        }
    };
}

sends! {
    data::write([fd], data: *const c_void, length: size_t) -> ssize_t, flags 0;
    data::writev([fd], parts: *const iovec, count: c_int) -> ssize_t, flags 0;
    data::send([fd], data: *const c_void, length: size_t, flags: c_int) -> ssize_t, flags flags;
    data::sendto([fd], data: *const c_void, length: size_t, flags: c_int, to: *const sockaddr, to_length: socklen_t) -> ssize_t,
        flags flags;
    data::sendmsg([fd], message: *const msghdr, flags: c_int) -> ssize_t, flags flags;
    data::sendfile([fd], file: c_int, offset: *mut off_t, count: size_t) -> ssize_t, flags 0;
    data::sendfile64([fd], file: c_int, offset: *mut off64_t, count: size_t) -> ssize_t, flags 0;
}

between! {
    fn data::sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
        // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in count/mod.rs).
        unsafe { otherwise(fd, messages, count, flags) }
    } with {
        sent_by_any! { ([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int, flags flags,
            bytes |sent| lengths(messages, sent) as isize; }
    }
}
between! {
    fn data::splice(from: c_int, from_offset: *mut loff_t, fd: c_int, offset: *mut loff_t, length: size_t, flags: c_uint)
        -> ssize_t {
        // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in count/mod.rs).
        unsafe { otherwise(from, from_offset, fd, offset, length, flags) }
    } with {
        sent_by_any! { (from: c_int, from_offset: *mut loff_t, [fd], offset: *mut loff_t, length: size_t, flags: c_uint)
            -> ssize_t, flags if flags & libc::SPLICE_F_MORE != 0 { libc::MSG_MORE } else { 0 }, bytes |sent| sent; }
    }
}

/// Counts a call on a simple connection, which has sent `sent` bytes; returns `sent`. The rarer cases return it too,
/// through functions that the compiler cannot see into. So a counting function ends with a jump to them, and has
/// nothing to keep until they return.
#[inline(always)]
fn sent_simply(sent: isize, record: &'static Record) -> isize {
    if comes_late(sent, record) {
        return first(sent, record);
    }
    if sent >= TINY as isize {
        return larger(sent, record);
    }
    tallied(sent, record, if leaves_alone(record) { TINY_ALONE } else { 0 })
}

/// Adds the call to the counters. Returns true if it comes too late to belong to the open burst.
#[inline(always)]
fn comes_late(sent: isize, record: &'static Record) -> bool {
    let counts = record.its_counts();
    counts.add(Counter::CallsSent, 1);
    counts.add(Counter::BytesSent, sent as u64);
    let now = coarse_ticks();
    let before = record.sent.load(Relaxed);
    record.sent.store(now, Relaxed);
    now.wrapping_sub(before) >= GAP
}

#[cold]
#[inline(never)]
extern "C" fn first(sent: isize, record: &'static Record) -> isize {
    unanswered(record);
    if sent >= TINY as isize {
        return larger(sent, record);
    }
    tallied(unforeseen(sent), record, if leaves_alone(record) { TINY_ALONE } else { 0 })
}

/// A call with more than a tiny piece of data.
#[inline(never)]
extern "C" fn larger(sent: isize, record: &'static Record) -> isize {
    tallied(unforeseen(sent), record, if sent < SMALL as isize && leaves_alone(record) { ALONE } else { 0 })
}

/// Returns its argument, in a way that the compiler cannot foresee.
#[inline(always)]
fn unforeseen(sent: isize) -> isize {
    in_one_register(sent as *const u8) as isize
}

/// On a simple connection, is a call with MSG_MORE one that the library holds? If it is the program's own, its hook has
/// set NO_HOLD by now.
#[inline(always)]
fn may_be_held(fd: c_int) -> bool {
    !LIBRARY.get(fd).has(NO_HOLD)
}

/// Will the kernel send this data at once? Not if the library has corked the socket, or has given it Nagle's algorithm back.
#[inline(always)]
fn leaves_alone(record: &'static Record) -> bool {
    record.nagle.load(Relaxed) == 0 && LIBRARY.get(record.fd()).0 & (NODELAY_ON | CORKED) == NODELAY_ON
}

#[inline(always)]
fn tallied(sent: isize, record: &'static Record, more: u32) -> isize {
    record.last.store(more, Relaxed);
    let tally = record.tally.load(Relaxed).wrapping_add(CALL | more);
    record.tally.store(tally, Relaxed);
    if tally::is_full(tally) { full(sent, record) } else { sent }
}

#[cold]
#[inline(never)]
extern "C" fn full(sent: isize, record: &'static Record) -> isize {
    burst_goes_on(record, record.its_counts());
    unforeseen(sent)
}

/// Like [`sent_simply`], for a call that the library holds.
#[inline(always)]
fn held_simply(sent: isize, record: &'static Record) -> isize {
    if comes_late(sent, record) { first_held(sent, record) } else { kept(sent, record) }
}

#[cold]
#[inline(never)]
extern "C" fn first_held(sent: isize, record: &'static Record) -> isize {
    unanswered(record);
    unforeseen(kept(sent, record))
}

#[inline(always)]
fn kept(sent: isize, record: &'static Record) -> isize {
    // Longer than any segment, so it has taken along what was held before.
    const SURELY_FULL: isize = 0xffff;
    record.its_counts().add(Counter::Held, 1);
    if record.held() == 0 || sent > SURELY_FULL {
        record.since.store(record.sent.load(Relaxed), Relaxed);
    }
    record.hold();
    tallied(sent, record, 0)
}

/// Counts the burst that is over, if there was one.
fn unanswered(record: &'static Record) {
    if record.tally.load(Relaxed) != 0
        && let Some(counts) = record.counts()
    {
        burst_ended(record, counts, None);
    }
}

/// Counts a call on any connection.
#[inline(never)]
extern "C" fn sent_by_any(sent: isize, record: &'static Record, more: bool) {
    let Some(counts) = record.counts() else { return };
    let socket = LIBRARY.get(record.fd());
    let its_own = more && socket.has(NO_HOLD);
    if its_own {
        record.with(HOLDS_ITSELF);
    }
    let simple = is_simple(record, socket);
    if simple != record.is_simple() {
        changed(record.fd());
    }
    if !simple {
        sent_otherwise(record, counts, socket, sent as usize, more);
    } else if more {
        held_simply(sent, record);
    } else {
        sent_simply(sent, record);
    }
}

/// Counts a call on a connection that is not simple.
#[cold]
#[inline(never)]
fn sent_otherwise(record: &'static Record, counts: Counts, socket: Socket, bytes: usize, more: bool) {
    if record.is(STALLING) {
        stalls::over(record, counts);
    }
    if comes_late(bytes as isize, record) {
        unanswered(record);
    }
    let its_own = more || socket.has(APP_CORK);
    let alone = bytes < SMALL && socket.has(NODELAY_ON) && !its_own;
    record.sizes.store(record.sizes.load(Relaxed) << 16 | bytes.min(0xffff) as u64, Relaxed);
    let calls = tally::burst(record.tally.load(Relaxed)).calls.wrapping_add(1);
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
    let more = match (alone, bytes < TINY) {
        (false, _) => 0,
        (true, false) => ALONE,
        (true, true) => TINY_ALONE,
    };
    tallied(bytes as isize, record, more);
}

/// Makes the functions that count a call that receives, with these `flags`.
macro_rules! receives {
    ($($family:ident::$name:ident([$fd:ident], $($arg:ident: $ty:ty),*) flags $flags:expr;)*) => { $(
        between! {
            fn $family::$name($fd: c_int, $($arg: $ty),*) -> ssize_t {
                if of_own($flags) {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
                    return unsafe { next($fd, $($arg),*) };
                }
                if let Some(record) = record::simple($fd) {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
                    let got = unsafe { next($fd, $($arg),*) };
                    return if got > 0 { received_simply(got, record) } else { got };
                }
                // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in
                // count/mod.rs).
                unsafe { otherwise($fd, $($arg),*) }
            } with {
                received_by_any! { ([$fd], $($arg: $ty),*) -> ssize_t, bytes |got| got as usize; }
            }
        }
    )* };
}

/// Makes the function that counts a receive on any connection.
macro_rules! received_by_any {
    (([$fd:ident], $($arg:ident: $ty:ty),*) -> $ret:ty, bytes |$got:ident| $bytes:expr;) => {
        #[cold]
        #[inline(never)]
        unsafe extern "C" fn otherwise($fd: c_int, $($arg: $ty),*) -> $ret {
            // The call may block, whatever the descriptor.
            if stalls::any() {
                stalls::waiting();
            }
            // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
            let $got = unsafe { next($fd, $($arg),*) };
            if $got >= 0 && let Some(record) = record::counted($fd) {
                received_otherwise(record, $bytes);
            }
            $got
        }
    };
}

receives! {
    receive::read([fd], data: *mut c_void, length: size_t) flags 0;
    receive::readv([fd], parts: *const iovec, count: c_int) flags 0;
    receive::__read_chk([fd], data: *mut c_void, length: size_t, room: size_t) flags 0;
    receive::recv([fd], data: *mut c_void, length: size_t, flags: c_int) flags flags;
    receive::__recv_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int) flags flags;
    receive::recvfrom([fd], data: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t) flags flags;
    receive::__recvfrom_chk([fd], data: *mut c_void, length: size_t, room: size_t, flags: c_int, from: *mut sockaddr,
        from_length: *mut socklen_t) flags flags;
    receive::recvmsg([fd], message: *mut msghdr, flags: c_int) flags flags;
}

between! {
    fn receive::recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int {
        if of_own(flags) {
            // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
            return unsafe { next(fd, messages, count, flags, timeout) };
        }
        // SAFETY: an out-of-line part of this function, with its contract and arguments (the rule in count/mod.rs).
        unsafe { otherwise(fd, messages, count, flags, timeout) }
    } with {
        received_by_any! { ([fd], messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int,
            bytes |got| lengths(messages, got); }
    }
}

/// Counts a receive of `got` bytes on a simple connection; returns `got`.
#[inline(always)]
fn received_simply(got: isize, record: &'static Record) -> isize {
    let counts = record.its_counts();
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, got as u64);
    if record.tally.load(Relaxed) | record.watch.load(Relaxed) != 0 { received_first(got, record) } else { got }
}

/// Counts a receive on a simple connection that ends a burst, or whose pause is to be looked at.
#[inline(never)]
extern "C" fn received_first(got: isize, record: &'static Record) -> isize {
    came(record, record.its_counts(), got as usize);
    unforeseen(got)
}

fn came(record: &'static Record, counts: Counts, bytes: usize) {
    let now = coarse_ticks();
    let watch = record.watch.load(Relaxed);
    if record.tally.load(Relaxed) != 0 {
        burst_ended(record, counts, Some(record.since_sent(now)));
        record.watch.store(WATCHED, Relaxed);
    } else if watch != 0 {
        record.watch.store(watch.wrapping_sub(1), Relaxed);
        let pause = now.wrapping_sub(record.received.load(Relaxed));
        if pause >= stalls::PAUSE {
            stalls::paused(record, counts, pause, bytes);
        }
    }
    record.received.store(now, Relaxed);
}

/// Counts a receive on a connection that is not simple.
#[inline(never)]
fn received_otherwise(record: &'static Record, bytes: usize) {
    let Some(counts) = record.counts() else { return };
    if record.is(STALLING) {
        stalls::over(record, counts);
    }
    if bytes == 0 {
        // The peer has closed its side.
        return;
    }
    counts.add(Counter::CallsReceived, 1);
    counts.add(Counter::BytesReceived, bytes as u64);
    record.watch.store(record.watch.load(Relaxed).max(1), Relaxed);
    came(record, counts, bytes);
}
