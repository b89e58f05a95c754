//! Times by buckets: how many were how long. The bounds come from the layout; here they are nanoseconds.

use std::time::Duration;

/// The most in a bucket: all of them can be added up.
const MOST: u64 = 1 << 54;

/// How many times lie in each bucket; buckets follow each other without gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The shortest time of a bucket in nanoseconds, and how many lie in it.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    pub fn new(counts: impl Iterator<Item = u64>, shortest_ticks: fn(usize) -> u64, nanos_per_tick: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a bound of a bucket")]
        let bound = |number: usize| shortest_ticks(number) as f64 * nanos_per_tick;
        Self { buckets: counts.enumerate().map(|(number, count)| (bound(number), count)).collect() }
    }

    pub fn total(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Adds another of the same layout. The bounds of the fuller one stay.
    pub fn add(&mut self, other: &Self) {
        if self.total() == 0 {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        for ((_, sum), (_, count)) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum = sum.saturating_add(*count).min(MOST);
        }
    }

    /// What has come since `before`, an earlier reading of the same file.
    pub fn since(&self, before: &Self) -> Self {
        let earlier = before.buckets.iter().map(|(_, count)| *count).chain(std::iter::repeat(0));
        let buckets = self.buckets.iter().zip(earlier).map(|((at, count), then)| (*at, count.saturating_sub(then)));
        Self { buckets: buckets.collect() }
    }

    /// The time below which a share of all lies (0.5: the median), with the place inside its bucket estimated.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let total = self.total();
        if total == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a place among counts")]
        let mut left = share.clamp(0.0, 1.0) * total as f64;
        for (number, &(from, count)) in self.buckets.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a count")]
            let here = count as f64;
            if count > 0 && left <= here {
                let to = self.buckets.get(number + 1).map_or(from * 1.25, |next| next.0);
                return Some(nanos(from + (to - from) * (left / here)));
            }
            left -= here;
        }
        self.buckets.iter().rev().find(|(_, count)| *count > 0).map(|&(from, _)| nanos(from))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time, not negative")]
pub fn nanos(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_in_their_buckets() {
        let counts = Histogram::new([0, 10, 0, 10].into_iter(), |n| 1 << n, 1000.0);
        assert_eq!(counts.total(), 20);
        let median = counts.quantile(0.5).expect("not empty").as_nanos();
        assert!((2000..=4000).contains(&median), "{median}");
        let late = counts.quantile(0.9).expect("not empty").as_nanos();
        assert!((8000..=10_000).contains(&late), "{late}");
        assert_eq!(Histogram::default().quantile(0.5), None);
        let mut sum = counts.clone();
        sum.add(&counts);
        assert_eq!(sum.since(&counts), counts);
    }
}
