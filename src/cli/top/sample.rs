//! Two readings of a directory beside each other: what each process has counted in all, and in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tcptune_policy::counters::{Arm, Counter};

use crate::counters::{ArmCounts, Found, Process};

/// One process in both readings.
pub struct Line {
    pub process: Process,
    /// All services, both arms.
    pub total: ArmCounts,
    /// What came since the reading before; None in the first.
    pub change: Option<Change>,
}

pub struct Change {
    pub counts: ArmCounts,
    pub time: Duration,
}

impl Line {
    /// So many a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub fn rate(&self, counters: &[Counter]) -> Option<f64> {
        let change = self.change.as_ref()?;
        Some(sum(&change.counts, counters) as f64 / change.time.as_secs_f64())
    }

    pub fn sum(&self, counters: &[Counter]) -> u64 {
        sum(&self.total, counters)
    }

    /// Connections of an arm.
    pub fn connections(&self, arm: Arm) -> u64 {
        self.process.services.iter().map(|service| service.arm(arm).get(Counter::Connections)).sum()
    }

    pub fn is(&self, file: &str) -> bool {
        self.process.file == file
    }
}

pub fn sum(counts: &ArmCounts, counters: &[Counter]) -> u64 {
    counters.iter().map(|&counter| counts.get(counter)).sum()
}

/// The readings so far.
#[derive(Default)]
pub struct Samples {
    pub lines: Vec<Line>,
    /// Files that were left out.
    pub problems: Vec<String>,
    at: Option<Instant>,
}

impl Samples {
    pub fn add(&mut self, found: Found) {
        let now = Instant::now();
        let time = self.at.map(|before| now - before);
        let key = |process: &Process| (process.file.clone(), process.inode);
        let earlier: BTreeMap<_, &Line> = self.lines.iter().map(|line| (key(&line.process), line)).collect();
        let line = |process: Process| {
            let total = total(&process);
            let before = earlier.get(&key(&process));
            let change = time.map(|time| Change {
                // A process that is new has counted everything since the reading before.
                counts: before.map_or_else(|| total.clone(), |before| total.since(&before.total)),
                time,
            });
            Line { process, total, change }
        };
        let lines = found.processes.into_iter().map(line).collect();
        self.lines = lines;
        self.problems = found.problems;
        self.at = Some(now);
    }

    /// All processes together, a second.
    pub fn rate(&self, counters: &[Counter]) -> f64 {
        self.lines.iter().filter_map(|line| line.rate(counters)).sum()
    }
}

fn total(process: &Process) -> ArmCounts {
    let mut total = ArmCounts::default();
    for service in &process.services {
        total.add(&service.both());
    }
    total
}
