//! The evidence of the library's counters, and how it is laid together with what was seen from outside. Inside a program every
//! exchange and every wait is counted; from outside one sees programs that the library cannot be loaded into, and calls that
//! it does not see (stdio).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tcptune_policy::counters::Counter;

use super::backtrace::Backtraces;
use crate::counters::{self, ArmCounts, Direction, Process};
use crate::errors::Failure;
use crate::os::proc;
use crate::settings;
use crate::stalls::evidence::{Evidence, Holds, Key, Service, Side, Waits};
use crate::stalls::program::Program;
use crate::stalls::starts;

/// What the counters say.
pub struct Counted {
    pub evidence: Vec<Evidence>,
    /// Programs that counted: process, and program with its command line.
    pub programs: Vec<(u32, Program)>,
    pub notes: Vec<String>,
    /// Where calls came from, if that was asked for.
    pub backtraces: Backtraces,
}

/// Reads the files of a directory. `watched`: how long the command ran, where connections do not say how long they lasted.
pub fn read(directory: &Path, watched: Duration) -> Result<Counted, Failure> {
    Ok(sum(counters::read(directory)?, watched))
}

/// What the library has held in these processes since they began to count, where they do: who runs already may be tuned.
pub fn holds(pids: &BTreeSet<u32>) -> Vec<Evidence> {
    let directories: BTreeSet<PathBuf> = pids.iter().filter_map(|&pid| counting_into(pid)).collect();
    let mut all = Vec::new();
    for directory in directories {
        let Ok(mut found) = counters::read(&directory) else { continue };
        let is_one = |process: &Process| u32::try_from(process.pid).is_ok_and(|pid| pids.contains(&pid));
        found.processes.retain(|process| process.running && is_one(process));
        all.extend(sum(found, Duration::ZERO).evidence.into_iter().filter(|e| e.holds.count > 0));
    }
    all
}

/// The directory that a process counts into, by its environment.
fn counting_into(pid: u32) -> Option<PathBuf> {
    let environment = proc::environment(pid).ok()?;
    let directory = Path::new(settings::value(&environment, "TCPTUNE_STATS")?);
    directory.is_absolute().then(|| directory.to_owned())
}

/// Adds what was held to what was seen from outside.
pub fn with_holds(outside: Vec<Evidence>, counted: Vec<Evidence>) -> Vec<Evidence> {
    let mut all = outside;
    for inside in counted {
        match all.iter_mut().find(|e| !e.other_end && e.service.key() == inside.service.key()) {
            Some(seen) => seen.holds = inside.holds,
            // None of its connections was open meanwhile.
            None => all.push(Evidence { holds: inside.holds, ..Evidence::of(inside.service, inside.pids) }),
        }
    }
    all
}

fn sum(found: counters::Found, watched: Duration) -> Counted {
    let mut notes = found.problems;
    let mut groups: HashMap<Key, (Service, ArmCounts, Vec<u32>)> = HashMap::new();
    let mut programs = Vec::new();
    let mut backtraces = Backtraces::default();
    for process in &found.processes {
        let program = program(process);
        let pid = u32::try_from(process.pid).unwrap_or(0);
        programs.push((pid, program.clone()));
        if process.uncounted > 0 {
            notes.push(format!("{}: {} connections were too many to be counted", program.shown(), process.uncounted));
        }
        if process.restricted {
            notes.push(format!(
                "{} restricted its own system calls or divided its descriptors: what it did since then was only seen from outside",
                program.shown()
            ));
        }
        let service_of = |(direction, address, port)| {
            let side = match direction {
                Direction::Client => Side::Client,
                Direction::Server => Side::Server,
            };
            Service { program: program.clone(), side, address, port }
        };
        backtraces.add(process, |sample| service_of(sample.service));
        for service in &process.services {
            let key = service_of(service.key());
            let (_, sum, pids) = groups.entry(key.key()).or_insert_with(|| (key, ArmCounts::default(), Vec::new()));
            sum.add(&service.both());
            pids.push(pid);
        }
    }
    let evidence =
        groups.into_values().map(|(service, counts, pids)| evidence(service, &counts, pids, watched)).collect();
    Counted { evidence, programs, notes, backtraces }
}

fn program(process: &Process) -> Program {
    let file = Path::new(&process.program);
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // It has blanks between the words, and no quotes: what is no plain text cannot be given to a shell.
    let plain = |line: &String| shell_words::split(line).is_ok_and(|words| shell_words::join(words) == *line);
    let start = Some(process.command.clone()).filter(|line| line.len() <= starts::LONG && plain(line));
    Program { name, file: file.to_owned(), command: process.command.chars().take(200).collect(), start }
}

fn evidence(service: Service, counts: &ArmCounts, pids: Vec<u32>, watched: Duration) -> Evidence {
    let get = |counter| counts.get(counter);
    let time = |counter| Duration::from_nanos(counts.get(counter));
    let (stalls, corks, peers) = (get(Counter::Stalls), get(Counter::CorkStalls), get(Counter::PeerStalls));
    let most = stalls.max(corks).max(peers);
    // One histogram holds stalls of all kinds: its median is that of the commonest, and for others the mean must do.
    let waits = |count: u64, delay| {
        let total = time(delay);
        let mean = total / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        let median = counts.stalls.quantile(0.5).filter(|_| count == most).unwrap_or(mean);
        Waits { seen: count, count, total, median }
    };
    let open = get(Counter::Closed) < get(Counter::Connections);
    Evidence {
        pids,
        other_end: false,
        example: None,
        connections: get(Counter::Connections).max(u64::from(get(Counter::CallsSent) > 0)),
        exchanges: get(Counter::Exchanges),
        sampled: false,
        nagle: waits(stalls, Counter::StallDelay),
        cork: waits(corks, Counter::CorkStallDelay),
        peer: waits(peers, Counter::PeerStallDelay),
        paced: None,
        bare_acks: peers,
        span: if open { watched } else { time(Counter::ConnectionTime) },
        pieces: 0,
        mean_delay: Duration::ZERO,
        round_trip: Duration::ZERO,
        pattern: counts.pattern().into_iter().map(u64::from).collect(),
        options: None,
        bytes_sent: get(Counter::BytesSent),
        segments: get(Counter::SegmentsSent).max(get(Counter::FloodCalls)),
        fewest_segments: 0,
        calls: get(Counter::CallsSent),
        flood_calls: get(Counter::FloodCalls),
        holds: Holds {
            count: counts.holds.total(),
            late: get(Counter::HeldLate).saturating_sub(get(Counter::LatePreempted)),
            longest: time(Counter::HeldLongest),
        },
        hidden: Duration::ZERO,
        untold: 0,
        watched: 0,
        service,
    }
}

/// Lays both together, service by service.
pub fn combine(outside: Vec<Evidence>, counted: Vec<Evidence>) -> Vec<Evidence> {
    let mut all = outside;
    for inside in counted {
        if inside.connections == 0 {
            continue;
        }
        let same = all.iter_mut().find(|e| !e.other_end && e.service.key() == inside.service.key());
        match same {
            Some(seen) => refine(seen, inside),
            // Connections too short to be seen from outside.
            None => all.push(Evidence { fewest_segments: inside.segments, ..inside }),
        }
    }
    all
}

/// What is counted is exact, as far as the library saw the calls at all.
fn refine(seen: &mut Evidence, inside: Evidence) {
    seen.holds = inside.holds;
    let saw = |inside: &Waits, outside: &Waits| inside.total * 2 >= outside.total;
    let blind = !saw(&inside.nagle, &seen.nagle) || !saw(&inside.cork, &seen.cork);
    if blind {
        return;
    }
    let stream = inside.is_stream() || seen.is_stream();
    (seen.calls, seen.flood_calls) = (inside.calls, inside.flood_calls);
    seen.connections = seen.connections.max(inside.connections);
    if !stream {
        seen.exchanges = inside.exchanges;
        // To the library each request that waits for an acknowledgement is a stall, with an answer or without.
        if seen.paced.is_none() {
            seen.nagle = inside.nagle;
        }
        seen.cork = inside.cork;
        seen.span = seen.span.max(seen.nagle.total + seen.cork.total);
    }
    if !inside.pattern.is_empty() {
        seen.pattern = inside.pattern;
    }
    if seen.pids.is_empty() {
        seen.pids = inside.pids;
    }
}
