//! What the library itself counts in a run (TCPTUNE_STATS): a directory for the run, what the arms need for it in their
//! environments, and the sums of what it finds there afterwards. The baseline is counted by a library that only observes.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tcptune_policy::counters::Counter;

use super::arm::Arm;
use crate::counters::{self, ArmCounts, Histogram};
use crate::errors::Failure;
use crate::settings::Pair;

/// The sums over all processes and connections of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counted {
    pub processes: usize,
    pub connections: u64,
    pub tuned: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub segments_sent: u64,
    pub retransmissions: u64,
    pub exchanges: u64,
    pub stalls: u64,
    /// Seconds that were lost in them.
    pub stall_delay: f64,
    /// How long answers took: the shortest time of a bucket in seconds, and how many lie in it.
    pub answers: Vec<(f64, u64)>,
}

/// A directory that counters go to; it is gone afterwards.
pub struct Counting(PathBuf);

impl Counting {
    pub fn start() -> Result<Self, Failure> {
        // In memory where that is possible: counters are mapped files.
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        let directory = base.join(format!("tcptune-ab-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        // Programs that change their user must be able to make a file in it.
        std::fs::DirBuilder::new().mode(0o1777).create(&directory)?;
        let counting = Self(directory);
        std::fs::set_permissions(&counting.0, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
        Ok(counting)
    }

    /// The arm's environment, and counting. An arm without the library gets one that only observes; it is taken from the arm
    /// that has one.
    pub fn environment(&self, environment: &[Pair], arms: &[Arm; 2]) -> Vec<Pair> {
        let mut counted = environment.to_vec();
        let without = counted.iter().any(|(name, value)| name == "TCPTUNE" && value == "off");
        if without {
            let preload = arms.iter().flat_map(|arm| &arm.environment).find(|(name, _)| name == "LD_PRELOAD");
            counted.retain(|(name, _)| name != "TCPTUNE" && name != "LD_PRELOAD");
            counted.push(("TCPTUNE".into(), "observe".into()));
            counted.extend(preload.cloned());
        }
        counted.retain(|(name, _)| name != "TCPTUNE_STATS");
        counted.push(("TCPTUNE_STATS".into(), self.0.clone().into()));
        counted
    }

    pub fn read(&self) -> Result<Counted, Failure> {
        let found = counters::read(&self.0)?;
        let mut sum = ArmCounts::default();
        for service in counters::services(&found.processes) {
            sum.add(&service.both());
        }
        let nanos = |counter| sum.get(counter) as f64 / 1e9;
        Ok(Counted {
            processes: found.processes.len(),
            connections: sum.get(Counter::Connections),
            tuned: sum.get(Counter::Tuned),
            bytes_sent: sum.get(Counter::BytesSent),
            bytes_received: sum.get(Counter::BytesReceived),
            segments_sent: sum.get(Counter::SegmentsSent),
            retransmissions: sum.get(Counter::Retransmissions),
            exchanges: sum.get(Counter::Exchanges),
            stalls: sum.get(Counter::Stalls) + sum.get(Counter::CorkStalls) + sum.get(Counter::PeerStalls),
            stall_delay: nanos(Counter::StallDelay) + nanos(Counter::CorkStallDelay) + nanos(Counter::PeerStallDelay),
            answers: buckets(&sum.answers),
        })
    }
}

/// In seconds, without the empty ones at both ends.
fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let filled = |(_, count): &(f64, u64)| *count > 0;
    let first = histogram.buckets.iter().position(filled).unwrap_or(0);
    let last = histogram.buckets.iter().rposition(filled).map_or(0, |n| n + 1);
    histogram.buckets.get(first..last).unwrap_or(&[]).iter().map(|(nanos, count)| (nanos / 1e9, *count)).collect()
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Does the library know the setting? Its names are in its file.
pub fn is_known_to(library: &Path) -> bool {
    const NAME: &[u8] = b"TCPTUNE_STATS";
    std::fs::read(library).is_ok_and(|bytes| bytes.windows(NAME.len()).any(|window| window == NAME))
}
