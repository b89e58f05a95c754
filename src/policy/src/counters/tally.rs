//! What a burst has come to so far, in one word, so that a data call costs one addition: how many calls, how many of them left
//! alone as small segments, how many of those were tiny.
//!
//! ```text
//! 31    22 21    11 10     0
//! +-------+--------+--------+
//! | calls | tiny   | alone  |
//! +-------+--------+--------+
//! ```
//! The word is negative before a field can run over: then it is to be counted and begun again.

/// One call.
pub const CALL: u32 = 1 << 22;
/// It is small and leaves alone: nothing holds it, Nagle's rule is off.
pub const ALONE: u32 = 1;
/// It is tiny, and leaves alone.
pub const TINY_ALONE: u32 = ALONE | 1 << 11;
const FIELD: u32 = 0x7ff;

/// A segment with fewer bytes is small: less than Ethernet carries.
pub const SMALL: usize = 1448;
/// A segment with fewer bytes is tiny.
pub const TINY: usize = 128;
/// From so many tiny segments on a burst is a flood.
pub const FLOOD: u32 = 8;

/// A burst in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Calls.
    pub calls: u32,
    /// Small segments that left alone.
    pub alone: u32,
    /// Tiny ones among them.
    pub tiny: u32,
}

/// Is the word full?
#[inline(always)]
pub const fn is_full(tally: u32) -> bool {
    tally.cast_signed() < 0
}

/// What a word says.
#[inline]
#[must_use]
pub const fn burst(tally: u32) -> Burst {
    Burst { calls: tally >> 22, alone: tally & FIELD, tiny: tally >> 11 & FIELD }
}

impl Burst {
    /// Small segments that left alone though another call followed: all but the last call, if that was one of them.
    pub const fn runts(&self, last_alone: bool) -> u32 {
        self.alone.saturating_sub(last_alone as u32)
    }

    /// Calls in the flood: the eighth and later ones, 0 where the burst is none.
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
