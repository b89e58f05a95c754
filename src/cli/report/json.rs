//! What was counted, as JSON: everything, by the names of the table in `tcptune_policy::counters`.

use std::path::Path;
use std::time::UNIX_EPOCH;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use tcptune_policy::counters::Arm;

use super::compare::{self, Comparison};
use super::fields::Counters;
use crate::counters::{ArmCounts, Direction, Found, Histogram, Process, Service, services};
use crate::output::json::{Bucket, Document};

#[derive(Serialize, JsonSchema)]
pub struct Report<'f> {
    directory: String,
    #[serde(serialize_with = "processes")]
    #[schemars(with = "Vec<OneProcess>")]
    processes: &'f [Process],
    /// All processes added up.
    #[serde(serialize_with = "added_up")]
    #[schemars(with = "Vec<OneService>")]
    services: Vec<Service>,
    /// Files that were left out, and why.
    problems: &'f [String],
}

impl Document for Report<'_> {
    const NAME: &'static str = "report";
    const SCHEMA: u32 = 1;
}

#[derive(Serialize, JsonSchema)]
struct OneProcess {
    file: String,
    pid: u64,
    uid: u32,
    running: bool,
    /// Seconds since 1970.
    created_unix_s: u64,
    program: String,
    command: String,
    settings: String,
    library: String,
    observing: bool,
    /// Of its connections, so many are left untouched.
    split_percent: u64,
    forks: u64,
    uncounted: u64,
    restricted: bool,
    detached: bool,
    services: Vec<OneService>,
}

#[derive(Serialize, JsonSchema)]
struct OneService {
    service: String,
    /// Which end of its connections the program is.
    side: &'static str,
    address: Option<String>,
    port: u16,
    observed: bool,
    tuned: OneArm,
    untouched: OneArm,
    comparison: Option<Comparison>,
}

#[derive(Serialize, JsonSchema)]
struct OneArm {
    /// False: no call that sends was seen, and that there were no stalls says nothing.
    stalls_known: bool,
    counters: Counters,
    /// The sizes of the calls before the last stall, 65535 for that or more; the latest last.
    last_stall_bytes: Vec<u16>,
    /// Times to an answer; buckets that are empty are left out, here and below.
    answers: Vec<Bucket>,
    /// How long stalls took.
    stalls: Vec<Bucket>,
    /// How long the oldest byte of each of the library's holds waited.
    held_age: Vec<Bucket>,
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
        uid: process.user,
        running: process.running,
        created_unix_s: process.created.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        program: process.program.clone(),
        command: process.command.clone(),
        settings: process.settings.clone(),
        library: process.library.clone(),
        observing: process.observing,
        split_percent: process.split,
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
        side: match service.direction {
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
    let filled = |histogram: &Histogram| {
        let filled = histogram.buckets.iter().filter(|(_, count)| *count > 0);
        filled.map(|&(nanos, count)| Bucket { from_ms: nanos / 1e6, count }).collect()
    };
    OneArm {
        stalls_known: arm.knows_stalls(),
        counters: Counters(arm.clone()),
        last_stall_bytes: arm.pattern(),
        answers: filled(&arm.answers),
        stalls: filled(&arm.stalls),
        held_age: filled(&arm.holds),
    }
}
