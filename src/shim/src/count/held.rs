//! What the library holds, and how long: each byte that it keeps in the kernel for a moment (MSG_MORE, TCP_CORK) is accounted for
//! when it goes out, by its age and by what let it go. What is late is counted as such, whoever is to blame.
//!
//! The engine says so whenever that happens, and what it knows of the thread.

use core::ffi::c_int;
use core::sync::atomic::Ordering::Relaxed;

use policy::counters::{Counter, hold_bucket, holds_at};
use policy::evidence::{Cause, Gone, Whereabouts};

use super::record::{self, Counts, Record};
use super::{GAP, stalls};
use crate::arch::coarse_ticks;

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

/// What was held on a socket goes out now. Where nothing is held any more, as far as was counted, another call has taken it along.
#[cold]
pub(crate) fn let_go(fd: c_int, gone: Gone) {
    let Some(record) = record::if_any(fd) else { return };
    let Some(counts) = record.counts() else { return };
    if record.held() == 0 && !gone.corked {
        return;
    }
    let (told, longest) = (gone.age >> 8, age(record, coarse_ticks()));
    // The engine may know of a byte that has left since, but of none that is older. Its clock wraps, ours does not.
    let age = if gone.corked || longest < WRAP && told < longest { told } else { longest };
    out(record, counts, gone, age);
}

/// How long at this time the oldest byte is held.
#[inline(always)]
pub(super) fn age(record: &Record, now: u32) -> u32 {
    let age = now.wrapping_sub(record.since.load(Relaxed));
    // The clocks of two processors may differ by a little.
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

/// Counts what goes out, after so many coarse ticks.
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
    // All but the last were taken along by the next.
    counts.add(Counter::ReleasedNext, calls.saturating_sub(1));
    // That a cork ends with a wait is what it is for.
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
