//! How much of a core watching may take, and how it is divided: each part of the work waits after it was done until it has cost no
//! more than its share.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What this thread has had of a processor, in the kernel too.
pub fn used() -> Duration {
    of(ClockId::ThreadCPUTime)
}

/// What the whole process has had of a processor since it was started.
pub fn used_in_all() -> Duration {
    of(ClockId::ProcessCPUTime)
}

fn of(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

/// A part of the work.
pub struct Part {
    /// Of a core.
    share: f64,
    /// Not before this time after the last one.
    least: Duration,
    due: Instant,
}

impl Part {
    pub fn new(share: f64, least: Duration, due: Instant) -> Self {
        Self { share, least, due }
    }

    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    /// Does the work.
    pub fn run<T>(&mut self, now: Instant, work: impl FnOnce() -> T) -> T {
        let before = used();
        let result = work();
        self.charge(now, used().saturating_sub(before));
        result
    }

    /// The work was done, and has cost this: it is due again when that is no more than its share.
    pub fn charge(&mut self, now: Instant, cost: Duration) {
        self.due = now + self.least.max(cost.div_f64(self.share));
    }

    /// From now on only this part of its share.
    pub fn lessen(&mut self, part: f64) {
        self.share *= part;
    }

    /// Earlier than it is due.
    pub fn hasten(&mut self, due: Instant) {
        self.due = self.due.min(due);
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, used};
    use std::time::{Duration, Instant};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn what_costs_more_is_done_less_often() {
        let now = Instant::now();
        let due = |cost: u64| {
            let mut part = Part::new(0.01, MS(20), now);
            part.charge(now, Duration::from_micros(cost));
            part.due() - now
        };
        assert_eq!([10, 200, 1_000, 100_000].map(due), [MS(20), MS(20), MS(100), MS(10_000)]);
        let mut part = Part::new(0.01, MS(20), now);
        assert!(part.is_due(now));
        part.lessen(0.5);
        part.charge(now, MS(1));
        assert_eq!(part.due() - now, MS(200));
        part.hasten(now + MS(50));
        assert!(!part.is_due(now + MS(49)) && part.is_due(now + MS(50)));
    }

    #[test]
    fn work_is_measured_by_the_processor_and_not_by_the_clock() {
        let (begin, now) = (used(), Instant::now());
        let mut part = Part::new(0.5, Duration::ZERO, now);
        part.run(now, || std::thread::sleep(MS(30)));
        assert!(part.due() - now < MS(20) && used() - begin < MS(15), "{:?}", part.due() - now);
        part.run(now, || while now.elapsed() < MS(80) {});
        assert!(part.due() - now > MS(15), "{:?}", part.due() - now);
    }
}
