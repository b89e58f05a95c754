//! How many more confirmations something owes before it is trusted. Both kinds of evidence, for services and for
//! places, use this type: each confirmation pays one, and each disappointment has a price.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The debt of everything to begin with, and after a usual disappointment.
const FIRST: u32 = 8;
/// A debt that is never paid off.
const NEVER: u32 = u32::MAX;

/// A debt of confirmations. All zeros is a debt of eight, so memory that was never written trusts nobody.
///
/// Relaxed: this is a counter of habits; threads that race lose a confirmation.
#[derive(Debug)]
pub struct Owed(AtomicU32);

impl Owed {
    /// A debt of eight confirmations.
    pub const fn new() -> Owed {
        Owed(AtomicU32::new(0))
    }

    /// How many confirmations it still owes.
    #[inline(always)]
    pub fn owes(&self) -> u32 {
        self.0.load(Relaxed) ^ FIRST
    }

    /// Is everything paid?
    #[inline(always)]
    pub fn is_trusted(&self) -> bool {
        self.0.load(Relaxed) == FIRST
    }

    /// Pays one confirmation.
    #[inline(always)]
    pub fn confirm(&self) {
        let owes = self.owes();
        if owes != 0 && owes != NEVER {
            self.set(owes.wrapping_sub(1));
        }
    }

    /// A usual disappointment: from now on it owes at least eight.
    #[inline]
    pub fn deny(&self) {
        self.owe(FIRST);
    }

    /// From now on it owes at least `least`.
    #[inline]
    pub fn owe(&self, least: u32) {
        if self.owes() < least {
            self.set(least);
        }
    }

    /// From now on it is never trusted.
    pub fn never(&self) {
        self.set(NEVER);
    }

    /// Does it owe as much as something never seen before, or more?
    #[inline]
    pub fn is_distrusted(&self) -> bool {
        self.owes() >= FIRST
    }

    fn set(&self, owes: u32) {
        self.0.store(owes ^ FIRST, Relaxed);
    }
}

impl Default for Owed {
    fn default() -> Owed {
        Owed::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_confirmations_in_a_row_are_trust() {
        let owed = Owed::new();
        for _ in 0..7 {
            owed.confirm();
        }
        assert!(!owed.is_trusted() && owed.owes() == 1);
        owed.deny();
        assert_eq!(owed.owes(), 8);
        for _ in 0..8 {
            owed.confirm();
        }
        assert!(owed.is_trusted());
        owed.confirm();
        assert!(owed.is_trusted(), "more change nothing");
    }

    #[test]
    fn a_smaller_price_does_not_replace_a_higher_one() {
        let owed = Owed::new();
        owed.owe(1000);
        owed.deny();
        assert_eq!(owed.owes(), 1000);
        owed.never();
        for _ in 0..10_000 {
            owed.confirm();
        }
        assert_eq!(owed.owes(), u32::MAX);
        owed.owe(5);
        assert_eq!(owed.owes(), u32::MAX);
    }
}
