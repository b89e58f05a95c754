//! Waits, counted and added up; of each kind a few are kept as they were.

use super::scatter::Scatter;
use super::ticks::Ticks;

/// Of more waits than this a part is kept: every second, every fourth ...
const KEPT: usize = 64;

/// A piece that was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Nanoseconds from the piece before it, or from what the program had heard last.
    pub time: i64,
    /// Bytes on their way meanwhile.
    pub left: u32,
    pub held: u32,
}

/// Waits of one kind.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    pub count: u64,
    pub total: i64,
    pub kept: Vec<Wait>,
    /// One of `1 << thinned` is kept.
    thinned: u32,
}

impl Waits {
    pub fn add(&mut self, wait: Wait) {
        if self.count.trailing_zeros() >= self.thinned {
            self.kept.push(wait);
            self.thin();
        }
        self.count += 1;
        self.total = self.total.saturating_add(wait.time);
    }

    pub fn merge(&mut self, other: &Waits) {
        self.count += other.count;
        self.total = self.total.saturating_add(other.total);
        self.kept.extend_from_slice(&other.kept);
        self.thin();
    }

    fn thin(&mut self) {
        while self.kept.len() > KEPT {
            let mut even = false;
            self.kept.retain(|_| {
                even = !even;
                even
            });
            self.thinned += 1;
        }
    }
}

/// What one end of a connection sent, or that end of many.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub segments: u64,
    pub bytes: u64,
    /// Pieces of less than a segment.
    pub small: u64,
    /// Pieces that left with the acknowledgement of the one before.
    pub nagle: Waits,
    /// How many left a little later, and how long they waited, added up: they were held too, if most were.
    pub soon: (u64, i64),
    /// How those of `nagle` lie in time.
    pub scatter: Scatter,
    /// Pieces that left at another time near it, or although nothing was acknowledged: where these are many, it was the program
    /// that took its time. Those of `soon` are among them.
    pub against: u64,
    /// Pieces that left as late as the kernel lets go of what is corked.
    pub corked: Waits,
    /// Pieces that left after about as long, but earlier or later.
    pub uncorked: u64,
    /// When those of `corked` left.
    pub ticks: Ticks,
    /// Gaps in what was captured.
    pub missing: u64,
}

impl Sum {
    pub fn merge(&mut self, other: &Sum) {
        self.segments += other.segments;
        self.bytes += other.bytes;
        self.small += other.small;
        self.nagle.merge(&other.nagle);
        self.soon = (self.soon.0 + other.soon.0, self.soon.1.saturating_add(other.soon.1));
        self.scatter.merge(&other.scatter);
        self.against += other.against;
        self.corked.merge(&other.corked);
        self.uncorked += other.uncorked;
        self.ticks.merge(&other.ticks);
        self.missing += other.missing;
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Wait, Waits};

    #[test]
    fn however_many_there_are_few_are_kept_and_from_all_of_the_time() {
        let mut waits = Waits::default();
        for time in 0..100_000 {
            waits.add(Wait { time, left: 1, held: 1 });
        }
        assert_eq!((waits.count, waits.total), (100_000, 99_999 * 50_000));
        assert!((KEPT / 3..=KEPT).contains(&waits.kept.len()), "{}", waits.kept.len());
        let middle = waits.kept[waits.kept.len() / 2].time;
        assert!((40_000..60_000).contains(&middle), "{middle}");
        let mut all = waits.clone();
        all.merge(&waits);
        assert!(all.count == 200_000 && all.kept.len() <= KEPT);
    }
}
