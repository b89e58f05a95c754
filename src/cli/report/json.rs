//! What was counted, as JSON: everything, by the names of the table in `tcptune_policy::counters`. Times are nanoseconds.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Serialize, Serializer};
use tcptune_policy::counters::{Arm, Counter};

use super::compare::{self, Comparison};
use crate::counters::{ArmCounts, Direction, Found, Histogram, Process, Service, services};

#[derive(Serialize)]
pub struct Report<'f> {
    directory: String,
    #[serde(serialize_with = "processes")]
    processes: &'f [Process],
    /// All processes added up.
    #[serde(serialize_with = "added_up")]
    services: Vec<Service>,
    problems: &'f [String],
}

#[derive(Serialize)]
struct OneProcess {
    file: String,
    pid: u64,
    user: u32,
    running: bool,
    /// Seconds since 1970.
    created: u64,
    program: String,
    command: String,
    settings: String,
    library: String,
    observing: bool,
    split: u64,
    forks: u64,
    uncounted: u64,
    restricted: bool,
    detached: bool,
    services: Vec<OneService>,
}

#[derive(Serialize)]
struct OneService {
    service: String,
    direction: &'static str,
    address: Option<String>,
    port: u16,
    observed: bool,
    tuned: OneArm,
    untouched: OneArm,
    comparison: Option<Comparison>,
}

#[derive(Serialize)]
struct OneArm {
    /// False: no call that sends was seen, and that there were no stalls says nothing.
    stalls_known: bool,
    counters: BTreeMap<&'static str, u64>,
    /// Times to an answer: the shortest of each bucket that is not empty, and how many.
    answers: Vec<(f64, u64)>,
    stalls: Vec<(f64, u64)>,
    /// How long the oldest byte of each of the library's holds waited.
    held_age: Vec<(f64, u64)>,
}

pub fn report<'f>(directory: &Path, found: &'f Found) -> Report<'f> {
    Report {
        directory: directory.display().to_string(),
        processes: &found.processes,
        services: services(&found.processes),
        problems: &found.problems,
    }
}

/// One after the other: all of them together may be many.
fn processes<S: Serializer>(all: &[Process], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(process))
}

fn added_up<S: Serializer>(all: &[Service], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(all.iter().map(service))
}

fn process(process: &Process) -> OneProcess {
    OneProcess {
        file: process.file.clone(),
        pid: process.pid,
        user: process.user,
        running: process.running,
        created: process.created.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        program: process.program.clone(),
        command: process.command.clone(),
        settings: process.settings.clone(),
        library: process.library.clone(),
        observing: process.observing,
        split: process.split,
        forks: process.forks,
        uncounted: process.uncounted,
        restricted: process.restricted,
        detached: process.detached,
        services: process.services.iter().map(service).collect(),
    }
}

fn service(service: &Service) -> OneService {
    let (tuned, untouched) = (service.arm(Arm::Tuned), service.arm(Arm::Control));
    OneService {
        service: service.to_string(),
        direction: match service.direction {
            Direction::Client => "client",
            Direction::Server => "server",
        },
        address: service.address.map(|address| address.to_string()),
        port: service.port,
        observed: service.observed,
        tuned: arm(tuned),
        untouched: arm(untouched),
        comparison: compare::compare(tuned, untouched),
    }
}

fn arm(arm: &ArmCounts) -> OneArm {
    let filled = |histogram: &Histogram| histogram.buckets.iter().copied().filter(|(_, count)| *count > 0).collect();
    OneArm {
        stalls_known: arm.knows_stalls(),
        counters: Counter::ALL.iter().map(|&counter| (counter.row().name, arm.get(counter))).collect(),
        answers: filled(&arm.answers),
        stalls: filled(&arm.stalls),
        held_age: filled(&arm.holds),
    }
}
