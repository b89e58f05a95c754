//! What a burst has come to so far, in one word, so that a data call costs one addition: how many calls, how many small
//! segments left alone though another call followed ("runts"), how many of them were tiny, how many calls were held.
//!
//! ```text
//! 63    54 53      36 35    24 23    12 11     0
//! +-------+----------+--------+--------+--------+
//! | calls | -        | held   | tiny   | runts  |
//! +-------+----------+--------+--------+--------+
//! ```
//! The word is negative when a field could run over with the next calls: then it is to be counted and begun again.

/// One call.
pub const CALL: u64 = 1 << 54;
/// The call before it left alone: that was a runt.
pub const RUNT: u64 = 1;
/// It is tiny, and leaves alone.
pub const TINY_CALL: u64 = 1 << 12;
/// It is held.
pub const HELD_CALL: u64 = 1 << 24;
const FIELD: u64 = 0xfff;

/// A segment with fewer bytes is small: less than Ethernet carries.
pub const SMALL: usize = 1448;
/// A segment with fewer bytes is tiny.
pub const TINY: usize = 128;
/// From so many tiny segments on a burst is a flood.
pub const FLOOD: u64 = 8;

/// A burst in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Calls.
    pub calls: u64,
    /// Small segments that left alone though another call followed.
    pub runts: u64,
    /// Tiny segments that left alone.
    pub tiny: u64,
    /// Calls that were held.
    pub held: u64,
}

/// Is the word full?
#[inline(always)]
pub const fn is_full(tally: u64) -> bool {
    tally.cast_signed() < 0
}

/// What a word says.
#[must_use]
pub const fn burst(tally: u64) -> Burst {
    Burst { calls: tally >> 54, runts: tally & FIELD, tiny: tally >> 12 & FIELD, held: tally >> 24 & FIELD }
}

impl Burst {
    /// Calls in the flood: the eighth and later ones, 0 where the burst is none.
    pub const fn flood(&self) -> u64 {
        (self.tiny.wrapping_add(1)).saturating_sub(FLOOD)
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
            tally += CALL + RUNT + TINY_CALL + HELD_CALL;
            calls += 1;
        }
        assert_eq!(burst(tally), Burst { calls, runts: calls, tiny: calls, held: calls });
        assert_eq!(calls, 512);
    }

    #[test]
    fn the_eighth_tiny_segment_makes_a_flood() {
        assert_eq!(burst(7 * TINY_CALL).flood(), 0);
        assert_eq!(burst(8 * TINY_CALL).flood(), 1);
        assert_eq!(burst(0).flood(), 0);
    }
}
