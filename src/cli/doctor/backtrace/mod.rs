//! `--backtrace`: which functions made the calls that waited. The library has copied the stack as it was (counters/samples.rs);
//! here it is unwound (unwind.rs) with what the loaded objects say of themselves (object.rs), and equal chains are put together.

pub mod chain;
mod object;
mod text;
mod unwind;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tcptune_policy::counters::samples;

use super::family::Member;
use super::gate::key;
use super::report::Told;
use crate::counters::{Process, Sample};
use crate::stalls::evidence::{Key, SEVERAL_PORTS, Service};
use crate::stalls::finding::{Finding, Kind};

use chain::{CalledBy, Chain, Frame};
use object::Objects;
use unwind::Loaded;

/// Samples with the same frames, added up.
#[derive(Default)]
struct Sum {
    samples: u32,
    delay: Duration,
    threads: HashSet<(u64, u64)>,
}

/// Who made a call, and where its stack was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    pub process: u64,
    pub thread: u64,
    pub stack: u64,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.delay += other.delay;
        self.threads.extend(&other.threads);
    }
}

/// Is this a service's key, or that of one of those that were put together?
pub fn is_of(key: &Key, service: &Service) -> bool {
    let (file, command, side, address, port) = service.key();
    let (key_file, key_command, key_side, key_address, key_port) = key;
    (key_file, key_command, *key_side, *key_address) == (&file, &command, side, address)
        && (*key_port == port || port == SEVERAL_PORTS)
}

/// The chains of all programs, by service and kind.
#[derive(Default)]
pub struct Backtraces {
    objects: Objects,
    found: HashMap<(Key, u8), HashMap<Vec<Frame>, Sum>>,
    callers: HashMap<(Key, u8), Vec<Caller>>,
}

impl Backtraces {
    /// Adds the samples of a process. `service_of`: the service of a sample, as findings call it.
    pub fn add(&mut self, process: &Process, service_of: impl Fn(&Sample) -> Service) {
        let mut loaded: HashMap<u64, Loaded> = HashMap::new();
        for sample in &process.samples.samples {
            let behind = (service_of(sample).key(), sample.kind as u8);
            let [_, stack, ..] = sample.registers;
            let caller = Caller { process: sample.process, thread: sample.thread, stack };
            self.callers.entry(behind.clone()).or_default().push(caller);
            let loaded = loaded
                .entry(sample.process)
                .or_insert_with(|| Loaded::new(&process.samples.modules, sample.process, &mut self.objects));
            let frames = loaded.callers(sample, &self.objects);
            if !frames.is_empty() {
                let chains = self.found.entry(behind).or_default();
                let sum = chains.entry(frames).or_default();
                sum.samples += 1;
                sum.delay += sample.delay;
                sum.threads.insert((sample.process, sample.thread));
            }
        }
    }

    /// Who made the calls behind such a finding.
    pub fn callers(&self, service: &Service, kind: Kind) -> Vec<Caller> {
        let Some(kind) = sampled(kind) else { return Vec::new() };
        let found = self.callers.iter().filter(|((key, of), _)| *of == kind as u8 && is_of(key, service));
        found.flat_map(|(_, callers)| callers).copied().collect()
    }

    /// What is known of the calls behind such a finding.
    pub fn of(&self, service: &Service, kind: Kind) -> CalledBy {
        let Some(kind) = sampled(kind) else { return CalledBy::default() };
        let mut found: HashMap<&Vec<Frame>, Sum> = HashMap::new();
        for (_, chains) in self.found.iter().filter(|((key, of), _)| *of == kind as u8 && is_of(key, service)) {
            for (frames, sum) in chains {
                found.entry(frames).or_default().add(sum);
            }
        }
        let chain = |(frames, sum): (&&Vec<Frame>, &Sum)| Chain {
            samples: sum.samples.into(),
            mean_ms: sum.delay.as_secs_f64() * 1e3 / f64::from(sum.samples),
            threads: sum.threads.len(),
            frames: (*frames).clone(),
        };
        let mut chains: Vec<Chain> = found.iter().map(chain).collect();
        chains.sort_by(|a, b| {
            b.samples.cmp(&a.samples).then_with(|| text::order(&a.frames).cmp(&text::order(&b.frames)))
        });
        CalledBy { samples: chains.iter().map(|chain| chain.samples).sum(), chains }
    }
}

/// As what the calls behind a finding are sampled.
fn sampled(kind: Kind) -> Option<samples::Kind> {
    match kind {
        Kind::Nagle | Kind::Paced => Some(samples::Kind::Nagle),
        Kind::Cork => Some(samples::Kind::Cork),
        Kind::Flood | Kind::Runts => Some(samples::Kind::Small),
        // The calls are the other end's; and where the stack is copied nothing is held.
        Kind::Peer | Kind::Held => None,
    }
}

/// Completes the findings; says of which the functions are not known, and why.
pub fn tell(findings: &mut [Told], backtraces: &Backtraces, processes: &[Member]) -> Vec<String> {
    let mut notes = Vec::new();
    // What the other end does is not this program's call.
    for told in findings.iter_mut().filter(|told| !told.finding.other_end && told.finding.kind != Kind::Peer) {
        let called = backtraces.of(&told.finding.of, told.finding.kind);
        if called.chains.is_empty() && told.finding.kind.is_grave() {
            notes.push(format!(
                "which function of {} made these calls is not known: {}",
                told.finding.program.shown(),
                unknown(&told.finding, processes)
            ));
        }
        told.called_by_text = text::rows(&called);
        if told.finding.program.is_interpreter() && !called.chains.is_empty() {
            told.called_by_text.push("(the interpreter's own functions, not those of what it runs)".to_owned());
        }
        told.key.call = key::call(&told.finding.program, &called);
        told.called_by = Some(called);
    }
    notes
}

fn unknown(finding: &Finding, processes: &[Member]) -> &'static str {
    let is_missing = |pid: &u32| processes.iter().any(|member| member.pid == *pid && member.loaded == Some(false));
    match finding.pids.iter().any(is_missing) {
        true => "the library is not in it",
        false => "the library did not see them (stdio, raw system calls), or the kernel does not let it copy the stack",
    }
}
