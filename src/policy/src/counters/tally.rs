//! A burst so far, counted in one word so that a data call costs one addition: how many calls it has, how many of them
//! left on their own as small segments, and how many of those were tiny.
//!
//! ```text
//! 31    22 21    11 10     0
//! +-------+--------+--------+
//! | calls | tiny   | alone  |
//! +-------+--------+--------+
//! ```
//! The word turns negative before a field can overflow; it must then be added up and started again.

/// A call.
pub const CALL: u32 = 1 << 22;
/// The call is small and leaves on its own: nothing holds it, and Nagle's algorithm is off.
pub const ALONE: u32 = 1;
/// The call is tiny and leaves on its own.
pub const TINY_ALONE: u32 = ALONE | 1 << 11;
const FIELD: u32 = 0x7ff;

/// A segment shorter than this is small, in bytes: Ethernet carries more.
pub const SMALL: usize = 1448;
/// A segment shorter than this is tiny, in bytes.
pub const TINY: usize = 128;
/// A burst with this many tiny segments is a flood.
pub const FLOOD: u32 = 8;

/// The counts of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Number of calls.
    pub calls: u32,
    /// Small segments that left on their own.
    pub alone: u32,
    /// How many of those were tiny.
    pub tiny: u32,
}

/// Must the word be added up and started again?
#[inline(always)]
pub const fn is_full(tally: u32) -> bool {
    tally.cast_signed() < 0
}

/// The counts in a word.
#[inline]
#[must_use]
pub const fn burst(tally: u32) -> Burst {
    Burst { calls: tally >> 22, alone: tally & FIELD, tiny: tally >> 11 & FIELD }
}

impl Burst {
    /// Small segments that left on their own although another call followed: all but the last call's, if that was one.
    pub const fn runts(&self, last_alone: bool) -> u32 {
        self.alone.saturating_sub(last_alone as u32)
    }

    /// Calls that make it a flood: the eighth and later tiny ones. 0 if it is none.
    pub const fn flood(&self) -> u32 {
        self.tiny.saturating_sub(FLOOD.wrapping_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_full_before_a_field_runs_over() {
        let mut tally = 0;
        let mut calls = 0;
        while !is_full(tally) {
            tally += CALL + TINY_ALONE;
            calls += 1;
        }
        assert_eq!(burst(tally), Burst { calls, alone: calls, tiny: calls });
        assert_eq!(calls, 512);
    }

    #[test]
    fn the_last_call_is_no_runt_and_the_eighth_tiny_segment_makes_a_flood() {
        let burst_of = |tiny| burst(tiny * (CALL + TINY_ALONE));
        assert_eq!((burst_of(1).runts(true), burst_of(3).runts(true), burst_of(3).runts(false)), (0, 2, 3));
        assert_eq!((burst_of(0).flood(), burst_of(7).flood(), burst_of(8).flood(), burst_of(9).flood()), (0, 0, 1, 2));
    }
}
