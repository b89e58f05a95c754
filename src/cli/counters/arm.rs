//! The counters of one arm, with all times in nanoseconds.

use tcptune_policy::counters::{
    ANSWERS, COUNTERS, Counter, HOLDS, STALLS, Unit, answer_ticks, hold_ticks, stall_ticks,
};

use super::histogram::Histogram;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a sum of squares, with as many digits as its mean is worth"
)]
fn squared(value: u64, micros_per_tick: f64) -> u64 {
    (value as f64 * micros_per_tick * micros_per_tick) as u64
}

/// The largest sum, so that a few of them can be added up whatever files say: 36 years in nanoseconds.
const MOST: u64 = 1 << 60;

/// A number of things as a file has it. No process does anything so often, and what it cannot have done is not to make sums
/// overflow.
pub fn believed(count: u64) -> u64 {
    count.min(1 << 48)
}

/// What was counted for one arm of one service, or sums of that.
#[derive(Clone, Debug)]
pub struct ArmCounts {
    counts: [u64; COUNTERS],
    /// Times from the last call of a burst to the first byte of the answer.
    pub answers: Histogram,
    /// Stalls of all kinds.
    pub stalls: Histogram,
    /// How long the oldest byte of each hold of the library's waited.
    pub holds: Histogram,
}

impl Default for ArmCounts {
    fn default() -> Self {
        Self {
            counts: [0; COUNTERS],
            answers: Histogram::default(),
            stalls: Histogram::default(),
            holds: Histogram::default(),
        }
    }
}

impl ArmCounts {
    /// From the words of an arm: counters, and buckets of answers, stalls and holds, which a file may have fewer or more of than
    /// we know.
    pub fn parse(counters: &[u64], [answers, stalls, holds]: [&[u64]; 3], nanos_per_tick: f64) -> Self {
        let mut counts = [0; COUNTERS];
        for (&counter, (place, &value)) in Counter::ALL.iter().zip(counts.iter_mut().zip(counters)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_sign_loss,
                reason = "a time"
            )]
            let nanos = || (value as f64 * nanos_per_tick) as u64;
            *place = match counter.row().unit {
                Unit::Ticks | Unit::Longest => nanos(),
                // Square microseconds, so that sums of many have room.
                Unit::TicksSquared => squared(value, nanos_per_tick / 1000.0),
                Unit::Last => value,
                _ => believed(value),
            };
            if counter.row().unit != Unit::Last {
                *place = (*place).min(MOST);
            }
        }
        Self {
            counts,
            answers: Histogram::new(answers.iter().copied().map(believed).take(ANSWERS), answer_ticks, nanos_per_tick),
            stalls: Histogram::new(stalls.iter().copied().map(believed).take(STALLS), stall_ticks, nanos_per_tick),
            holds: Histogram::new(holds.iter().copied().map(believed).take(HOLDS), hold_ticks, nanos_per_tick),
        }
    }

    /// A counter; times are nanoseconds, their squares square microseconds.
    pub fn get(&self, counter: Counter) -> u64 {
        self.counts[counter as usize]
    }

    /// Can it be told whether there were stalls? Where no call that sends was seen (static parts, io_uring, system calls that a
    /// program makes itself), none was looked for, and 0 says nothing.
    pub fn knows_stalls(&self) -> bool {
        let stalls = [Counter::Stalls, Counter::CorkStalls, Counter::PeerStalls];
        self.get(Counter::CallsSent) > 0 || stalls.iter().any(|&counter| self.get(counter) > 0)
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        for &counter in Counter::ALL {
            let (sum, more) = (&mut self.counts[counter as usize], other.get(counter));
            *sum = match counter.row().unit {
                Unit::Last if more == 0 => *sum,
                Unit::Last => more,
                Unit::Longest => more.max(*sum),
                _ => sum.saturating_add(more).min(MOST),
            };
        }
        self.answers.add(&other.answers);
        self.stalls.add(&other.stalls);
        self.holds.add(&other.holds);
    }

    /// What has come since `before`, an earlier reading. What is no sum stays as it is.
    pub fn since(&self, before: &Self) -> Self {
        let mut change = self.clone();
        for &counter in Counter::ALL {
            if counter.row().unit.is_sum() {
                change.counts[counter as usize] = self.get(counter).saturating_sub(before.get(counter));
            }
        }
        change.answers = self.answers.since(&before.answers);
        change.stalls = self.stalls.since(&before.stalls);
        change.holds = self.holds.since(&before.holds);
        change
    }

    /// Segments that holding has saved: a call that was held in vain has saved none.
    pub fn segments_saved(&self) -> u64 {
        self.get(Counter::Held).saturating_sub(self.get(Counter::Misses))
    }

    /// The sizes of the calls before the last stall, the latest last; empty if there was none.
    pub fn pattern(&self) -> Vec<u16> {
        let calls = self.get(Counter::StallCalls).min(4);
        let sizes = self.get(Counter::StallSizes);
        #[expect(clippy::cast_possible_truncation, reason = "16 bits each")]
        (0..calls).rev().map(|back| (sizes >> (16 * back)) as u16).collect()
    }
}
