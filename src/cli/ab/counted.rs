//! What the library itself counts in a run (TCPTUNE_STATS): a directory for the run, what the arms need for it in their
//! environments, and the sums of what it finds there afterwards. The baseline is counted by a library that only observes.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use tcptune_policy::counters::Counter;

use super::unit::Unit;
use crate::counters::{self, ArmCounts, Histogram, Scratch};
use crate::errors::Failure;
use crate::output::json::Bucket;
use crate::programs::preload;
use crate::settings::{Pair, put};

/// The sums over all processes and connections of a run.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
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
    /// The time that was lost in them.
    pub stall_delay_s: f64,
    /// How often the library held a byte for more than a millisecond, and the longest.
    pub held_late: u64,
    pub held_longest_ms: f64,
    /// How long answers took: the shortest time of each bucket, in seconds here, and how many lie in it.
    #[serde(serialize_with = "in_buckets")]
    #[schemars(with = "Vec<Bucket>")]
    pub answers: Vec<(f64, u64)>,
}

/// A figure for tables.
pub struct Figure {
    pub label: &'static str,
    pub show: fn(&Counted) -> String,
}

const fn figure(label: &'static str, show: fn(&Counted) -> String) -> Figure {
    Figure { label, show }
}

pub const FIGURES: [Figure; 8] = [
    figure("connections", |c| Unit::Count.show(c.connections as f64)),
    figure("tuned of them", |c| Unit::Count.show(c.tuned as f64)),
    figure("data segments sent", |c| Unit::Count.show(c.segments_sent as f64)),
    figure("exchanges", |c| Unit::Count.show(c.exchanges as f64)),
    figure("stalls", |c| Unit::Count.show(c.stalls as f64)),
    figure("time lost in them", |c| Unit::Seconds.show(c.stall_delay_s)),
    figure("held over 1 ms", |c| Unit::Count.show(c.held_late as f64)),
    figure("held at most", |c| Unit::Seconds.show(c.held_longest_ms / 1e3)),
];

/// A directory that counters go to; it is gone afterwards.
pub struct Counting(Scratch);

impl Counting {
    pub fn start() -> Result<Self, Failure> {
        // In memory where that is possible: counters are mapped files.
        let shared = Path::new("/dev/shm");
        let base = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
        // Programs that change their user must be able to make a file in it.
        Scratch::below(&base, "tcptune-ab", 0o1777).map(Self)
    }

    /// The arm's environment, and counting; an arm without the library gets it, to observe only.
    pub fn environment(&self, environment: &[Pair], library: &Path) -> Vec<Pair> {
        let mut counted = environment.to_vec();
        if counted.iter().any(|(name, value)| name == "TCPTUNE" && value == "off") {
            preload::add(&mut counted, library);
            put(&mut counted, "TCPTUNE", "observe".into());
        }
        put(&mut counted, "TCPTUNE_STATS", self.0.path().into());
        counted
    }

    pub fn read(&self) -> Result<Counted, Failure> {
        let found = counters::read(self.0.path())?;
        let mut sum = ArmCounts::default();
        for service in counters::services(&found.processes) {
            sum.add(&service.both());
        }
        let seconds = |counter| sum.get(counter) as f64 / 1e9;
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
            stall_delay_s: seconds(Counter::StallDelay)
                + seconds(Counter::CorkStallDelay)
                + seconds(Counter::PeerStallDelay),
            held_late: sum.get(Counter::HeldLate),
            held_longest_ms: seconds(Counter::HeldLongest) * 1e3,
            answers: buckets(&sum.answers),
        })
    }
}

fn in_buckets<S: Serializer>(pairs: &[(f64, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pairs.iter().map(|&(from, count)| Bucket { from_ms: from * 1e3, count }))
}

/// In seconds, without the empty ones at both ends.
fn buckets(histogram: &Histogram) -> Vec<(f64, u64)> {
    let filled = |(_, count): &(f64, u64)| *count > 0;
    let first = histogram.buckets.iter().position(filled).unwrap_or(0);
    let last = histogram.buckets.iter().rposition(filled).map_or(0, |n| n + 1);
    histogram.buckets.get(first..last).unwrap_or(&[]).iter().map(|(nanos, count)| (nanos / 1e9, *count)).collect()
}

/// Can this library count? Asked of its file, which holds the names of its settings: an older one would take the setting for a
/// mistake, and tune nothing.
pub fn is_known_to(library: &Path) -> bool {
    const NAME: &[u8] = b"TCPTUNE_STATS";
    std::fs::read(library).is_ok_and(|bytes| bytes.windows(NAME.len()).any(|window| window == NAME))
}

#[cfg(test)]
mod tests {
    use super::{Counting, buckets};
    use crate::counters::Histogram;
    use crate::settings::Pair;
    use std::path::Path;

    fn pairs(given: &[(&str, &str)]) -> Vec<Pair> {
        given.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn a_directory_is_made_read_and_gone() {
        let counting = Counting::start().expect("there is room");
        let directory = counting.0.path().to_owned();
        assert!(directory.is_dir());
        assert_eq!(counting.read().expect("readable").processes, 0);
        drop(counting);
        assert!(!directory.exists());
    }

    #[test]
    fn an_arm_without_the_library_is_observed() {
        let counting = Counting::start().expect("there is room");
        let place = counting.0.path().to_str().expect("text");
        let counted = |given: &[(&str, &str)]| {
            let mut all = counting.environment(&pairs(given), Path::new("/libtcptune.so"));
            all.sort();
            all
        };
        let observed = [
            ("HOME", "/root"),
            ("LD_PRELOAD", "/libtcptune.so:/other.so"),
            ("TCPTUNE", "observe"),
            ("TCPTUNE_STATS", place),
        ];
        assert_eq!(counted(&[("TCPTUNE", "off"), ("LD_PRELOAD", "/other.so"), ("HOME", "/root")]), pairs(&observed));
        let tuned = [("LD_PRELOAD", "/libtcptune.so"), ("TCPTUNE_CORK", "off"), ("TCPTUNE_STATS", place)];
        assert_eq!(counted(&[tuned[0], tuned[1], ("TCPTUNE_STATS", "/elsewhere")]), pairs(&tuned));
    }

    #[test]
    fn empty_buckets_at_the_ends_are_left_out() {
        let histogram = Histogram::new([0, 3, 0, 4, 0].into_iter(), |n| 1 << n, 1e9);
        assert_eq!(buckets(&histogram), [(2.0, 3), (4.0, 0), (8.0, 4)]);
        assert_eq!(buckets(&Histogram::default()), []);
    }
}
