//! What the library holds, and for how long. Every byte that it keeps in the kernel for a moment (MSG_MORE, TCP_CORK)
//! is accounted for when it leaves: how old it was, and what made it leave. What is late is counted as late, whoever is
//! to blame.
//!
//! The engine reports each such event, with what it knows of the thread.

use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

use policy::counters::{Counter, hold_bucket, holds_at};
use policy::evidence::{Cause, Gone, Whereabouts};

use super::record::{self, Counts, Record};
use super::{GAP, stalls};
use crate::arch::coarse_ticks;

/// At most a millisecond, whatever the counter's rate (0.2 to 1 ms on x86): what is younger cannot be late.
const PERHAPS_LATE: u32 = GAP.wrapping_mul(2) / 5;
/// In milliseconds. By itself the kernel sends held data after some 205 ms.
const LONGEST: u32 = 250;
/// The engine's ages wrap after this time, in coarse ticks.
const WRAP: u32 = 1 << 24;

/// The library has corked a connection.
#[cold]
pub(crate) fn corked(fd: c_int) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    counts.add(Counter::Corks, 1);
}

/// Held data on a socket is leaving. If nothing is held as far as was counted, an earlier call has taken it along.
#[cold]
pub(crate) fn let_go(fd: c_int, gone: Gone) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    if record.held() == 0 && !gone.corked {
        return;
    }
    let (told, longest) = (gone.age >> 8, age(record, coarse_ticks()));
    // The smaller of both ages: the record may describe a byte that has left meanwhile, as the engine knows; the engine
    // never knows of an older byte. After WRAP its age has wrapped, and the record's is right.
    let age = if gone.corked || longest < WRAP && told < longest { told } else { longest };
    out(record, counts, gone, age);
}

/// The age of the oldest held byte.
#[inline(always)]
pub(super) fn age(record: &Record, now: u32) -> u32 {
    let age = now.wrapping_sub(record.since.load(Relaxed));
    // The counters of two processors may differ a little.
    if age.cast_signed() < 0 { 0 } else { age }
}

#[inline(always)]
fn aged(counts: Counts, age: u32) {
    counts.bucket(holds_at(hold_bucket(age)));
    counts.add(Counter::HeldTime, u64::from(age));
    if u64::from(age) > counts.get(Counter::HeldLongest) {
        counts.raise(Counter::HeldLongest, u64::from(age));
    }
}

/// Counts the data that is leaving, of this age in coarse ticks.
fn out(record: &Record, counts: Counts, gone: Gone, age: u32) {
    let millisecond = if age >= PERHAPS_LATE { stalls::millisecond() } else { u32::MAX };
    let age = age.min(LONGEST.saturating_mul(millisecond));
    aged(counts, age);
    let late = age >= millisecond;
    if late {
        was_late(counts, gone);
    }
    let calls = u64::from(record.let_go());
    if gone.cause == Cause::Call {
        counts.add(Counter::ReleasedNext, calls);
        return;
    }
    counts.add(if gone.cause == Cause::Wait { Counter::ReleasedWait } else { Counter::ReleasedEnd }, 1);
    // Each call but the last was taken along by the next one.
    counts.add(Counter::ReleasedNext, calls.saturating_sub(1));
    // A cork is meant to end with a wait, so only late ones count as missed.
    if late || !gone.corked {
        counts.add(Counter::Misses, 1);
        counts.add(Counter::MissDelay, u64::from(age));
    }
}

fn was_late(counts: Counts, gone: Gone) {
    counts.add(Counter::HeldLate, 1);
    counts.add(
        match gone.cause {
            Cause::Call => Counter::LateByCall,
            Cause::Wait => Counter::LateByWait,
            Cause::End => Counter::LateByEnd,
        },
        1,
    );
    match gone.thread {
        Whereabouts::Elsewhere => counts.add(Counter::LateElsewhere, 1),
        Whereabouts::Preempted => counts.add(Counter::LatePreempted, 1),
        Whereabouts::Here | Whereabouts::Unknown => {}
    }
}
