//! How much of a connection's time lay between looks too far apart for a stall to be seen in it. Pure.

use std::time::Duration;

/// Looks that lie further apart than this may miss a wait, or see two as one; a little more than the longest interval that may be
/// asked for.
pub const BLIND: Duration = Duration::from_millis(12);

/// The shortest stall: a delayed acknowledgement, less a tick of the kernel's.
const STALL: Duration = Duration::from_millis(36);
/// What is held is seen for certain if two looks fall into it.
const HELD: Duration = Duration::from_millis(18);
/// What was seen stands for no more than so many times as much.
pub const MOST: f64 = 3.0;
/// An exchange may take a few segments each way. More of them than this in a stall's time, and they did not all stall.
const SEGMENTS: u128 = 3;

/// The time between two looks.
pub struct Gap {
    pub time: Duration,
    /// Of it: something was unsent or unacknowledged, and it was not the same piece at both looks.
    pub busy: Duration,
    /// Segments with data.
    pub came: u32,
    pub went: u32,
}

/// Added up: time in which this end may have held something, and in which the other may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    own: Duration,
    other: Duration,
}

impl Hidden {
    pub fn pass(&mut self, gap: Gap) {
        let stalls = gap.time.as_millis() / STALL.as_millis() + 1;
        if u128::from(gap.came.min(gap.went)) > stalls * SEGMENTS {
            return;
        }
        if gap.time > HELD {
            self.own += gap.busy;
        }
        // The other end's stall shows in when our acknowledgement goes and when the next piece comes: no look may be missed.
        if gap.time > BLIND && gap.came > 0 {
            self.other += gap.time;
        }
    }

    /// By how much to multiply what was seen of the other end's stalls in so much time, for those that passed unseen.
    pub fn times(self, span: Duration) -> f64 {
        let seen = span.saturating_sub(self.other).as_secs_f64();
        if seen > 0.0 { (span.as_secs_f64() / seen).min(MOST) } else { MOST }
    }

    /// `both`: the other end is watched too, where it is seen what that one holds.
    pub fn time(self, both: bool) -> Duration {
        if both { self.own } else { self.own.max(self.other) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gap, Hidden};
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn after(gap: Gap) -> [u128; 2] {
        let mut hidden = Hidden::default();
        hidden.pass(gap);
        [true, false].map(|both| hidden.time(both).as_millis())
    }

    #[test]
    fn a_stall_hides_between_looks_that_lie_far_apart() {
        assert_eq!(after(Gap { time: MS(2), busy: MS(2), came: 1, went: 1 }), [0, 0]);
        assert_eq!(after(Gap { time: MS(15), busy: MS(15), came: 1, went: 1 }), [0, 15]);
        assert_eq!(after(Gap { time: MS(100), busy: MS(90), came: 2, went: 4 }), [90, 100]);
        // Nothing was under way, and nothing came: it was idle.
        assert_eq!(after(Gap { time: MS(100), busy: MS(0), came: 0, went: 0 }), [0, 0]);
    }

    #[test]
    fn what_passed_unseen_of_the_other_end_counts_as_the_rest_does() {
        let mut hidden = Hidden::default();
        assert_eq!(hidden.times(MS(1000)), 1.0);
        hidden.pass(Gap { time: MS(250), busy: MS(0), came: 3, went: 2 });
        hidden.pass(Gap { time: MS(250), busy: MS(0), came: 3, went: 2 });
        assert_eq!(hidden.times(MS(1000)), 2.0);
        // Little stands for no more than it can.
        assert_eq!((hidden.times(MS(510)), hidden.times(MS(500))), (3.0, 3.0));
    }

    #[test]
    fn exchanges_that_follow_each_other_quickly_did_not_stall() {
        assert_eq!(after(Gap { time: MS(100), busy: MS(50), came: 500, went: 500 }), [0, 0]);
    }
}
