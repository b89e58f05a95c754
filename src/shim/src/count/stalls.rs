//! Does a thread wait because of Nagle's algorithm, or because of data that its own program holds? A call that can lead to
//! such a wait makes its socket suspect. When the thread is about to wait, the kernel is asked whether data is unsent
//! (SIOCOUTQNSD), and after the wait how long that lasted. Also counts the other end's stalls: pauses between two
//! receives that are as long as a delayed acknowledgement and a round trip (policy::stall).
//!
//! With TCP_NODELAY on, and a program that does not cork by itself, no socket becomes suspect; so where the cure is at
//! work this costs nothing.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use policy::counters::samples::Kind;
use policy::counters::tally;
use policy::counters::{Counter, Head, stall_bucket, stalls_at};
use policy::stall;

use super::record::{self, Counts, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::{GAP, file, trace};
use crate::arch::{CYCLES_PER_TICK, coarse_ticks, cycles, thread_pointer};
use crate::kernel;
use crate::machine::{LIBRARY, Linux};

/// The ioctl(2) for the number of bytes not sent yet (linux/sockios.h).
const SIOCOUTQNSD: usize = 0x894b;

const THREADS: usize = 1024;
const EACH: usize = 4;
/// The last suspect sockets of each thread, as `fd + 1`, found by the thread pointer like the engine's slots
/// (threads.rs). A hint: threads may share an entry.
static SUSPECTS: [[AtomicU32; EACH]; THREADS] = [const { [const { AtomicU32::new(0) }; EACH] }; THREADS];
/// Has any socket ever been suspect? In a program with TCP_NODELAY everywhere, and no corks of its own, none is.
static ANY: AtomicU32 = AtomicU32::new(0);

/// In milliseconds: a longer wait than any delayed acknowledgement had another reason too.
const LONGEST: u32 = 250;

fn own() -> &'static [AtomicU32; EACH] {
    let index = (thread_pointer() >> 20) & THREADS.wrapping_sub(1);
    #[expect(clippy::indexing_slicing, reason = "masked to the length")]
    &SUSPECTS[index]
}

/// This thread has sent data that may be kept back.
#[cold]
pub(super) fn suspect(record: &'static Record, why: u32) {
    record.without(SUSPECT | SUSPECT_CORK);
    record.with(why);
    if trace::on() {
        trace::suspect(record);
    }
    ANY.store(1, Relaxed);
    let slots = own();
    let mine = (record.fd() as u32).wrapping_add(1);
    if slots.iter().any(|slot| slot.load(Relaxed) == mine) {
        return;
    }
    let free = slots.iter().find(|slot| slot.load(Relaxed) == 0);
    if let Some(slot) = free.or(slots.get(mine as usize & EACH.wrapping_sub(1))) {
        slot.store(mine, Relaxed);
    }
}

/// May any socket be suspect? A single quick test, for all threads together.
#[inline(always)]
pub(super) fn any() -> bool {
    ANY.load(Relaxed) != 0
}

/// The thread is about to wait, for anything: asks about its suspect sockets.
#[cold]
#[inline(never)]
pub(super) fn waiting() {
    for slot in own() {
        let content = slot.load(Relaxed);
        if content != 0 {
            slot.store(0, Relaxed);
            ask(content.wrapping_sub(1) as c_int);
        }
    }
}

/// The thread is about to wait: does the kernel keep data back on this socket?
#[cold]
#[inline(never)]
fn ask(fd: c_int) {
    let Some(record) = record::of(fd).filter(|record| record.is(SUSPECT | SUSPECT_CORK)) else { return };
    let Some(counts) = record.counts().filter(|_| LIBRARY.is_enabled()) else { return };
    counts.add(Counter::Asked, 1);
    let unsent = kernel::ask_int(fd, SIOCOUTQNSD).unwrap_or(0);
    // More than a segment is not kept back by Nagle's algorithm, but by the network or the other end.
    let kept =
        unsent > 0 && (record.is(SUSPECT_CORK) || kernel::tcp_info(fd).is_some_and(|info| unsent < info.segment()));
    if kept {
        record.with(STALLING);
    } else {
        record.without(SUSPECT | SUSPECT_CORK);
    }
}

/// The wait is over, because data came or more is being sent.
#[cold]
#[inline(never)]
pub(super) fn over(record: &'static Record, counts: Counts) {
    let corked = record.is(SUSPECT_CORK);
    record.without(STALLING | SUSPECT | SUSPECT_CORK);
    let waited = record.since_sent(coarse_ticks());
    // When the kernel last sent data, by its own account. Until then the wait was a stall.
    let since = kernel::tcp_info(record.fd()).map_or(0, |info| info.since_sent());
    let millisecond = millisecond();
    // The thread did not really wait: what it waited for was there.
    if waited < millisecond {
        return;
    }
    let stalled = waited.saturating_sub(since.saturating_mul(millisecond)).min(LONGEST.saturating_mul(millisecond));
    let (times, delay) =
        if corked { (Counter::CorkStalls, Counter::CorkStallDelay) } else { (Counter::Stalls, Counter::StallDelay) };
    counts.add(times, 1);
    counts.add(delay, u64::from(stalled));
    counts.bucket(stalls_at(stall_bucket(stalled)));
    counts.set(Counter::StallSizes, record.sizes.load(Relaxed));
    let calls = tally::burst(record.tally.load(Relaxed)).calls;
    counts.set(Counter::StallCalls, u64::from(calls));
    if trace::on()
        && let Some(file) = file::known()
    {
        trace::stalled(record, file, if corked { Kind::Cork } else { Kind::Nagle }, stalled);
    }
}

/// Data was received after a long pause in which nothing was sent: was that a stall of the other end?
#[cold]
#[inline(never)]
pub(super) fn paused(record: &'static Record, counts: Counts, pause: u32, got: usize) {
    let millisecond = millisecond();
    let pause_us = stall::microseconds(pause, millisecond);
    if got >= tally::SMALL || pause_us < PAUSE_US {
        return;
    }
    let Some(path) = engine::path::<Linux>(record.fd()) else { return };
    if path.is_delayed_acknowledgement(pause_us) {
        // The round trip would be there without it.
        let delay = u64::from(pause_us.saturating_sub(path.shortest()));
        counts.add(Counter::PeerStalls, 1);
        counts.add(Counter::PeerStallDelay, delay.saturating_mul(millisecond.into()) / 1000);
    }
}

/// No shorter pause is a delayed acknowledgement, in microseconds: then the kernel is not asked.
const PAUSE_US: u32 = 30_000;

/// The shortest pause that is passed to [`paused`]; it is short enough whatever the counter's rate.
pub(super) const PAUSE: u32 = GAP.wrapping_mul(10);

/// A millisecond in coarse ticks, measured against the kernel's clock.
#[cold]
pub(super) fn millisecond() -> u32 {
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    // In nanoseconds, like the two constants below.
    const MILLISECOND: u64 = 1_000_000;
    const LEAST: u64 = 10 * MILLISECOND;
    const SECOND: u64 = 1000 * MILLISECOND;
    let known = KNOWN.load(Relaxed);
    let Some(file) = file::known().filter(|_| known == 0) else { return known };
    let ticks = cycles().wrapping_sub(file::head(file, Head::FirstCycles).load(Relaxed)) / CYCLES_PER_TICK;
    let nanos = kernel::clock(libc::CLOCK_MONOTONIC).wrapping_sub(file::head(file, Head::FirstClock).load(Relaxed));
    // If the two readings are close together, or were interrupted in between, they say nothing yet.
    let measured = if nanos < LEAST { None } else { ticks.saturating_mul(MILLISECOND).checked_div(nanos) };
    let measured = measured.and_then(|ticks| u32::try_from(ticks).ok()).unwrap_or(GAP);
    // The two readings may be up to a millisecond apart, which after a second makes little difference.
    if nanos >= SECOND {
        KNOWN.store(measured, Relaxed);
    }
    measured
}
