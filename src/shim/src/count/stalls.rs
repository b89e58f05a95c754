//! Does a thread wait for Nagle's rule, or for what its own program holds? A call that can lead there makes its socket suspect;
//! when the thread is about to wait, the kernel is asked whether data is unsent (SIOCOUTQNSD); when the wait is over, how long.
//! Also the other end's stalls: pauses as long as a delayed acknowledgement between two receives.
//!
//! On a socket with TCP_NODELAY nothing becomes suspect, so none of this costs anything where the cure is at work.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use policy::counters::samples::Kind;
use policy::counters::tally;
use policy::counters::{Counter, Head, stall_bucket, stalls_at};

use super::record::{self, Counts, Record, STALLING, SUSPECT, SUSPECT_CORK};
use super::{GAP, file, trace};
use crate::arch::{CYCLES_PER_TICK, coarse_ticks, cycles, thread_pointer};
use crate::kernel;
use crate::machine::LIBRARY;

/// ioctl(2): bytes that were not sent yet (linux/sockios.h).
const SIOCOUTQNSD: usize = 0x894b;

const THREADS: usize = 1024;
const EACH: usize = 4;
/// By thread, as the engine's places (threads.rs): the last suspect sockets, as `fd + 1`. A hint: threads may share it.
static SUSPECTS: [[AtomicU32; EACH]; THREADS] = [const { [const { AtomicU32::new(0) }; EACH] }; THREADS];
/// Was there ever one? A program with TCP_NODELAY everywhere never has any.
static ANY: AtomicU32 = AtomicU32::new(0);

/// A delayed acknowledgement comes after 40 ms, up to a timer tick later (TCP_DELACK_MIN; see policy::stall). In milliseconds.
const DELAYED_ACK: core::ops::RangeInclusive<u32> = 38..=48;
/// A wait that is longer than any delayed acknowledgement was for something else too. In milliseconds.
const LONGEST: u32 = 250;

fn own() -> &'static [AtomicU32; EACH] {
    let index = (thread_pointer() >> 20) & THREADS.wrapping_sub(1);
    #[expect(clippy::indexing_slicing, reason = "masked to the length")]
    &SUSPECTS[index]
}

/// This thread has sent what can be kept waiting.
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

/// Is anything suspect on this thread, as far as one look tells?
#[inline(always)]
pub(super) fn any() -> bool {
    ANY.load(Relaxed) != 0
}

/// The thread is about to wait, for whatever.
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

/// The thread is about to wait: is anything kept on this socket?
#[cold]
#[inline(never)]
fn ask(fd: c_int) {
    let Some(record) = record::of(fd).filter(|record| record.is(SUSPECT | SUSPECT_CORK)) else { return };
    let Some(counts) = record.counts().filter(|_| LIBRARY.is_enabled()) else { return };
    counts.add(Counter::Asked, 1);
    let unsent = kernel::ask_int(fd, SIOCOUTQNSD).unwrap_or(0);
    // More than a segment is not kept by Nagle's rule but by the network or the other end.
    let kept =
        unsent > 0 && (record.is(SUSPECT_CORK) || kernel::tcp_info(fd).is_some_and(|info| unsent < info.segment()));
    if kept {
        record.with(STALLING);
    } else {
        record.without(SUSPECT | SUSPECT_CORK);
    }
}

/// The wait is over: something came, or more is sent.
#[cold]
#[inline(never)]
pub(super) fn over(record: &'static Record, counts: Counts) {
    let corked = record.is(SUSPECT_CORK);
    record.without(STALLING | SUSPECT | SUSPECT_CORK);
    let waited = record.since_sent(coarse_ticks());
    // When the kernel has sent the rest, in its own words; up to then it was the stall.
    let since = kernel::tcp_info(record.fd()).map_or(0, |info| info.since_sent());
    let millisecond = millisecond();
    // The thread did not wait after all: what it wanted was there already.
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

/// Data was received after such a pause in which nothing was sent; was it the other end's stall?
#[cold]
#[inline(never)]
pub(super) fn paused(counts: Counts, pause: u32, got: usize) {
    let milliseconds = pause.checked_div(millisecond()).unwrap_or(0);
    if got < tally::SMALL && DELAYED_ACK.contains(&milliseconds) {
        counts.add(Counter::PeerStalls, 1);
        counts.add(Counter::PeerStallDelay, u64::from(pause));
    }
}

/// A pause that [`paused`] is to be asked about, however fast the counter runs.
pub(super) const PAUSE: u32 = GAP.wrapping_mul(10);

/// A millisecond in ticks, measured by the kernel's clock.
#[cold]
pub(super) fn millisecond() -> u32 {
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    // In nanoseconds.
    const MILLISECOND: u64 = 1_000_000;
    const LEAST: u64 = 10 * MILLISECOND;
    const SECOND: u64 = 1000 * MILLISECOND;
    let known = KNOWN.load(Relaxed);
    let Some(file) = file::known().filter(|_| known == 0) else { return known };
    let ticks = cycles().wrapping_sub(file::head(file, Head::FirstCycles).load(Relaxed)) / CYCLES_PER_TICK;
    let nanos = kernel::clock(libc::CLOCK_MONOTONIC).wrapping_sub(file::head(file, Head::FirstClock).load(Relaxed));
    // Two readings that were interrupted between, or are close, tell nothing yet.
    let measured = if nanos < LEAST { None } else { ticks.saturating_mul(MILLISECOND).checked_div(nanos) };
    let measured = measured.and_then(|ticks| u32::try_from(ticks).ok()).unwrap_or(GAP);
    // The counter may be read up to a millisecond late: after a second that is little.
    if nanos >= SECOND {
        KNOWN.store(measured, Relaxed);
    }
    measured
}
