//! What one series of labels has counted, in a form that can be added up, kept in a file, and never falls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tcptune_policy::counters::{Counter, Unit};

use crate::counters::{ArmCounts, Histogram};

/// The labels of everything that is counted for an arm of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Labels {
    pub program: String,
    pub service: String,
    /// "client" or "server".
    pub direction: String,
    /// "tuned", "untouched" (the control group), or "observed" where the library only observes.
    pub arm: String,
}

/// Upper bounds of the buckets in seconds, the same everywhere, so that hosts can be added up. Between 30 and 50 ms, where a
/// delayed acknowledgement lies on Linux, they are close.
pub const BOUNDS: [f64; 22] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.038, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25,
    0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The same for what the library holds: microseconds, up to the kernel's own timer.
pub const HOLD_BOUNDS: [f64; 13] =
    [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.2];

/// How many times lie below each bound and above the one before; the last are longer than all bounds.
type Buckets = [u64; BOUNDS.len() + 1];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// By name, so that another version can read them; times in nanoseconds.
    pub counters: BTreeMap<String, u64>,
    pub answers: Buckets,
    pub stalls: Buckets,
    /// By [`HOLD_BOUNDS`]. Not there in what earlier versions wrote.
    #[serde(default)]
    pub holds: Vec<u64>,
}

/// The counters that can be laid together: sums, and the longest of times.
pub fn exported() -> impl Iterator<Item = Counter> {
    Counter::ALL.iter().copied().filter(|counter| counter.row().unit != Unit::Last)
}

/// Is the longest of two what both together have, rather than their sum?
fn is_longest(name: &str) -> bool {
    exported().any(|counter| counter.row().unit == Unit::Longest && counter.row().name == name)
}

impl Values {
    pub fn of(arm: &ArmCounts) -> Self {
        Self {
            counters: exported().map(|counter| (counter.row().name.to_owned(), arm.get(counter))).collect(),
            answers: buckets(&arm.answers, &BOUNDS),
            stalls: buckets(&arm.stalls, &BOUNDS),
            holds: buckets::<{ HOLD_BOUNDS.len() + 1 }>(&arm.holds, &HOLD_BOUNDS).to_vec(),
        }
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.counters.get(counter.row().name).copied().unwrap_or(0)
    }

    /// As of the counts themselves: is it known whether there were stalls?
    pub fn knows_stalls(&self) -> bool {
        let counters = [Counter::CallsSent, Counter::Stalls, Counter::CorkStalls, Counter::PeerStalls];
        counters.iter().any(|&counter| self.get(counter) > 0)
    }

    pub fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
    }

    /// Where an earlier reading of the same file said more, that stays: how long a tick is gets known better with time, and a
    /// sum that falls a little would be a restart to Prometheus.
    pub fn not_below(&mut self, earlier: &Self) {
        self.combine(earlier, u64::max);
    }

    fn combine(&mut self, other: &Self, with: fn(u64, u64) -> u64) {
        for (name, more) in &other.counters {
            let value = self.counters.entry(name.clone()).or_default();
            *value = if is_longest(name) { (*value).max(*more) } else { with(*value, *more) };
        }
        self.holds.resize(self.holds.len().max(other.holds.len()), 0);
        let pairs = self.answers.iter_mut().zip(&other.answers).chain(self.stalls.iter_mut().zip(&other.stalls));
        let pairs = pairs.chain(self.holds.iter_mut().zip(&other.holds));
        for (value, more) in pairs {
            *value = with(*value, *more);
        }
    }
}

/// A bucket of the file goes, as a whole, where its middle belongs: its bounds lie within a quarter of each other.
fn buckets<const N: usize>(histogram: &Histogram, bounds: &[f64]) -> [u64; N] {
    let mut sums = [0u64; N];
    for (number, (from, count)) in histogram.buckets.iter().enumerate() {
        let to = histogram.buckets.get(number + 1).map_or(f64::INFINITY, |next| next.0);
        let middle = if to.is_finite() { (from + to) / 2.0 } else { *from };
        let place = bounds.partition_point(|bound| *bound < middle / 1e9);
        sums[place] = sums[place].saturating_add(*count);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_into_the_bucket_of_their_bound() {
        // Buckets of 1, 2, 4 … microseconds.
        let histogram = Histogram::new((0..40).map(|number| u64::from(number == 15)), |n| 1 << n, 1000.0);
        // 32.8 to 65.5 ms: the middle is 49 ms.
        let mut expected = Buckets::default();
        expected[BOUNDS.iter().position(|&bound| bound == 0.05).expect("a bound")] = 1;
        assert_eq!(buckets::<{ BOUNDS.len() + 1 }>(&histogram, &BOUNDS), expected);
        assert!(BOUNDS.is_sorted() && HOLD_BOUNDS.is_sorted());
    }

    #[test]
    fn sums_are_added_and_do_not_fall() {
        let of = |count| Values { counters: [("stalls".to_owned(), count)].into(), ..Values::default() };
        let mut sum = of(3);
        sum.add(&of(4));
        assert_eq!(sum.get(Counter::Stalls), 7);
        sum.not_below(&of(5));
        assert_eq!(sum.get(Counter::Stalls), 7);
        sum.not_below(&of(9));
        assert_eq!(sum.get(Counter::Stalls), 9);
        let longest = |time| Values { counters: [("held_longest".to_owned(), time)].into(), ..Values::default() };
        let mut both = longest(5);
        both.add(&longest(3));
        assert_eq!(both.get(Counter::HeldLongest), 5);
    }
}
