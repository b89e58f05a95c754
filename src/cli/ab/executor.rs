//! What the session needs of the world: something that runs one arm once and says what it took. The session and the figures
//! are tested with a made-up one; nothing in here starts anything.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::counted::Counted;
use super::network::Network;
use super::schedule::Side;
use crate::errors::Failure;

/// Why a run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It does not count.
    Warmup,
    /// It does not count, and its segments are followed over time.
    Trace,
    /// It counts.
    Measure,
    /// It counts, and its segments are followed over time: there is no warm-up to do it in.
    MeasureAndTrace,
}

impl Purpose {
    pub fn traced(self) -> bool {
        matches!(self, Self::Trace | Self::MeasureAndTrace)
    }
}

/// What the kernel accounts for a process and for those descendants that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Usage {
    pub user_cpu_s: f64,
    pub system_cpu_s: f64,
    /// Of the largest of them; at least what this command has in memory when it starts a process.
    pub peak_memory_bytes: u64,
    /// Voluntary and forced.
    pub context_switches: u64,
    /// Minor and major.
    pub page_faults: u64,
}

/// Segments sent so far, at seconds since the start.
pub type TimeLine = Vec<(f64, u64)>;

/// What one run took.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Measured {
    /// From the start of the command to its end.
    pub time_s: f64,
    #[serde(flatten)]
    pub usage: Usage,
    /// Of the server, from its start to its end.
    pub server: Option<Usage>,
    /// Its exit status; 128 and the signal's number, if a signal ended it.
    pub status: i32,
    pub network: Network,
    /// What it printed, by the name that was given.
    pub metrics: BTreeMap<String, f64>,
    /// What the library counted, if it did.
    pub counted: Option<Counted>,
    #[serde(skip)]
    pub time_line: TimeLine,
}

pub trait Executor {
    fn run(&mut self, side: Side, purpose: Purpose) -> Result<Measured, Failure>;
    /// Since the first run, with all that was around the runs.
    fn elapsed_s(&self) -> f64;
}
