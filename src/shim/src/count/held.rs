//! What the library holds, and how long: each byte that it keeps in the kernel for a moment (MSG_MORE, TCP_CORK) is accounted for
//! when it goes out, by its age and by what let it go. What is late is counted as such, whoever is to blame.
//!
//! The holder (hold.rs) says so where a thread comes to wait, and where something ends. A data call that takes along what was
//! held is noticed by the counting functions themselves (calls.rs), unless the holder has said more about it before.

use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

use policy::counters::{Counter, hold_bucket, holds_at};

use super::record::{self, Counts, Record};
use super::{GAP, stalls};
use crate::arch::coarse_ticks;

/// What let held data go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The next data call, as expected.
    Call,
    /// The thread is about to wait: the next call did not follow.
    Wait,
    /// The descriptor or the process is about to end, or to be shared.
    End,
}

/// How it was kept, and, where it is late, what the holder has found out about the reason.
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "a holder that asks what its thread did says more")]
pub(crate) enum Kept {
    /// By MSG_MORE. Nobody has asked what the thread did meanwhile.
    Held,
    /// The same, and the thread slept or computed where no hook sees it.
    Elsewhere,
    /// The same, and the thread would have gone on, but the machine ran something else.
    Preempted,
    /// By TCP_CORK, for several calls: that it ends with a wait is what it is for.
    Corked,
}

/// Half a millisecond at most, however fast the counter runs: what is younger is not late.
const PERHAPS_LATE: u32 = GAP.wrapping_mul(2) / 5;
/// The kernel itself sends what nobody has let go after some 205 ms. In milliseconds.
const LONGEST: u32 = 250;
/// The clock of ages wraps after so much.
const WRAP: u32 = 1 << 24;

/// The library has corked a connection.
#[cold]
pub(crate) fn corked(fd: c_int) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    counts.add(Counter::Corks, 1);
}

/// What was held on a socket goes out now; its oldest byte has waited so many `arch::ticks`. Before the call that sends it. Where
/// nothing is held any more, as far as was counted, another call has taken it along.
#[inline(never)]
pub(crate) fn let_go(fd: c_int, cause: Cause, age: u32, kept: Kept) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    let corked = kept == Kept::Corked;
    if record.held() == 0 && !corked {
        return;
    }
    let age = age >> 8;
    let longest = self::age(record, coarse_ticks());
    // The holder may know of a byte that has left since, but of none that is older. Its clock wraps, ours does not.
    let age = if corked || longest < WRAP && age < longest { age } else { longest };
    out(record, counts, cause, age, kept);
}

/// How long at this time the oldest byte is held.
#[inline(always)]
pub(super) fn age(record: &Record, now: u32) -> u32 {
    let age = now.wrapping_sub(record.since.load(Relaxed));
    // The clocks of two processors may differ by a little.
    if age.cast_signed() < 0 { 0 } else { age }
}

/// Is that so long that [`taken_late`] must look at it?
#[inline(always)]
pub(super) fn perhaps_late(age: u32) -> bool {
    age >= PERHAPS_LATE
}

/// The present call has taken along what was held for so long.
#[inline(always)]
pub(super) fn taken_along(record: &Record, counts: Counts, age: u32) {
    aged(counts, age);
    counts.add(Counter::ReleasedNext, u64::from(record.let_go()));
}

/// The same, however long.
#[cold]
#[inline(never)]
pub(super) fn taken_late(record: &Record, counts: Counts, age: u32) {
    out(record, counts, Cause::Call, age, Kept::Held);
}

#[inline(always)]
fn aged(counts: Counts, age: u32) {
    counts.bucket(holds_at(hold_bucket(age)));
    counts.add(Counter::HeldTime, u64::from(age));
    if u64::from(age) > counts.get(Counter::HeldLongest) {
        counts.raise(Counter::HeldLongest, u64::from(age));
    }
}

/// Counts what goes out, after so many coarse ticks.
fn out(record: &Record, counts: Counts, cause: Cause, age: u32, kept: Kept) {
    let millisecond = if perhaps_late(age) { stalls::millisecond() } else { u32::MAX };
    let age = age.min(LONGEST.saturating_mul(millisecond));
    aged(counts, age);
    let late = age >= millisecond;
    if late {
        was_late(counts, cause, kept);
    }
    let calls = u64::from(record.let_go());
    if cause == Cause::Call {
        counts.add(Counter::ReleasedNext, calls);
        return;
    }
    counts.add(if cause == Cause::Wait { Counter::ReleasedWait } else { Counter::ReleasedEnd }, 1);
    // All but the last were taken along by the next.
    counts.add(Counter::ReleasedNext, calls.saturating_sub(1));
    if late || kept != Kept::Corked {
        counts.add(Counter::Misses, 1);
        counts.add(Counter::MissDelay, u64::from(age));
    }
}

#[cold]
#[inline(never)]
fn was_late(counts: Counts, cause: Cause, kept: Kept) {
    counts.add(Counter::HeldLate, 1);
    counts.add(
        match cause {
            Cause::Call => Counter::LateByCall,
            Cause::Wait => Counter::LateByWait,
            Cause::End => Counter::LateByEnd,
        },
        1,
    );
    match kept {
        Kept::Elsewhere => counts.add(Counter::LateElsewhere, 1),
        Kept::Preempted => counts.add(Counter::LatePreempted, 1),
        Kept::Held | Kept::Corked => {}
    }
}
