//! Was something let go of by a timer of the kernel? Such timers run out on the ticks of its clock, so that the times between
//! are whole numbers of ticks. A program that takes its time, or sleeps, is not bound to them.

use std::f64::consts::TAU;

use super::time::MS;

/// Ticks of kernels that tick 250 (or 1000: these timers run out on every eighth), 300 and 100 times in a second.
const PERIODS: [f64; 3] = [4e6, 1e7 / 3.0, 1e7];
/// How close to ticks (1: on them, 0: anywhere) what many times has to be, and a few; fewer say nothing.
const TOGETHER: [(u64, f64); 2] = [(10, 0.8), (3, 0.95)];

/// Times of one end of a connection, or sums of them. What two times have between them counts, so that clocks may drift.
#[derive(Clone, Debug, Default)]
pub struct Ticks {
    last: Option<i64>,
    count: u64,
    sums: [f64; PERIODS.len()],
}

impl Ticks {
    pub fn add(&mut self, time: i64) {
        if let Some(last) = self.last.replace(time) {
            self.count += 1;
            let between = time.saturating_sub(last) as f64;
            for (sum, period) in self.sums.iter_mut().zip(PERIODS) {
                *sum += (between / period * TAU).cos();
            }
        }
    }

    pub fn merge(&mut self, other: &Ticks) {
        self.count += other.count;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
    }

    /// Do they lie on ticks?
    pub fn found(&self) -> bool {
        let Some((_, least)) = TOGETHER.iter().find(|(count, _)| self.count >= *count) else { return false };
        self.sums.iter().any(|sum| sum / self.count as f64 >= *least)
    }
}

/// How long the kernel holds what is corked: the retransmission timeout, which is 200 ms and the round trip as it has measured
/// it, with delays of acknowledgements in it; from the tick after that on.
pub fn cork_holds(round_trip: i64) -> std::ops::RangeInclusive<i64> {
    200 * MS + 9 * MS / 10 + round_trip..=265 * MS + round_trip
}

#[cfg(test)]
mod tests {
    use super::Ticks;

    fn of(times: impl Iterator<Item = i64>) -> bool {
        let mut ticks = Ticks::default();
        times.for_each(|time| ticks.add(time));
        ticks.found()
    }

    #[test]
    fn timers_of_the_kernel_are_told_from_programs() {
        for tick in [4_000_000, 8_000_000, 10_000_000] {
            // Each up to two ticks later than the one before would have it, and some microseconds late.
            assert!(of((0..40).map(|n| (n * 53 + n * n % 3) * tick + n * n * 7919 % 90_000)), "{tick}");
        }
        // Work that takes from 201 to 211 ms.
        assert!(!of((0..40i64).scan(0, |time, n| {
            *time += 201_000_000 + n * n * 7_919_133 % 10_000_000;
            Some(*time)
        })));
        // A sleep of 202.06 ms again and again.
        assert!(!of((0..40).map(|n| n * 202_060_000 + n * n * 7919 % 90_000)));
        assert!(!of((0..3).map(|n| n * 204_000_000)), "too few");
    }
}
