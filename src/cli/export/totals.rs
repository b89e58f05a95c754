//! Adds up what all processes have counted, by program, service and arm, so that no sum ever falls: what was read from a file
//! that is gone stays in it. Bounded: so many services get labels of their own, the others share one.

use std::collections::{BTreeMap, BTreeSet};

use tcptune_policy::counters::{Arm, Counter};

use super::values::{Labels, Values};
use crate::counters::{Direction, Found, Process, Service, name};

/// What gets no labels of its own.
pub const OTHERS: &str = "others";

/// A file that can be told from a later one of the same name.
pub type File = (String, u64);

/// What was read from one file.
struct Seen {
    program: String,
    running: bool,
    uncounted: u64,
    series: BTreeMap<Labels, Values>,
}

/// Counts of a program as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Program {
    /// Processes whose files were seen, ended ones too.
    pub started: u64,
    /// Connections that could not be counted.
    pub uncounted: u64,
    #[serde(skip)]
    pub running: u64,
}

/// Sums by labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub series: BTreeMap<Labels, Values>,
    pub programs: BTreeMap<String, Program>,
}

pub struct Totals {
    files: BTreeMap<File, Seen>,
    /// Of files that are gone.
    pub ended: Sums,
    /// Which services have labels of their own: program, service, direction.
    own: BTreeSet<(String, String, &'static str)>,
    most: usize,
    pub left_out: usize,
}

impl Totals {
    /// Begins with the sums of files that are gone.
    pub fn new(ended: Sums, most: usize) -> Self {
        let own = ended.series.keys().map(|labels| {
            let direction = if labels.direction == "server" { "server" } else { "client" };
            (labels.program.clone(), labels.service.clone(), direction)
        });
        let own = own.filter(|(program, ..)| program != OTHERS).collect();
        Self { files: BTreeMap::new(), own, ended, most, left_out: 0 }
    }

    /// Takes in a reading of the directory, but for these files.
    pub fn update(&mut self, found: &Found, except: &BTreeSet<File>) {
        let mut processes: Vec<&Process> =
            found.processes.iter().filter(|process| !except.contains(&file(process))).collect();
        // The oldest first, so that labels go to the same services however often this is started.
        processes.sort_by_key(|process| process.created);
        let present: BTreeSet<File> = processes.iter().map(|process| file(process)).collect();
        for process in processes {
            let mut seen = self.read(process);
            if let Some(before) = self.files.get(&file(process)) {
                for (labels, earlier) in &before.series {
                    seen.series.entry(labels.clone()).or_default().not_below(earlier);
                }
            }
            self.files.insert(file(process), seen);
        }
        self.left_out = found.left_out;
        // A file that cannot be read for once is not gone; one whose name another has now is.
        let read: BTreeSet<&str> = present.iter().map(|(name, _)| name.as_str()).collect();
        let replaced = |name: &str| read.contains(name) || found.lists(name) == Some(false);
        let is_gone = |file: &&File| !present.contains(file) && replaced(&file.0);
        let gone: Vec<File> = self.files.keys().filter(is_gone).cloned().collect();
        gone.iter().for_each(|file| self.fold(file));
    }

    /// A file is gone or will be: its counts stay.
    pub fn fold(&mut self, file: &File) {
        if let Some(seen) = self.files.remove(file) {
            seen.add_to(&mut self.ended);
        }
    }

    pub fn sums(&self) -> Sums {
        let mut sums = self.ended.clone();
        for seen in self.files.values() {
            seen.add_to(&mut sums);
            if seen.running {
                sums.programs.entry(seen.program.clone()).or_default().running += 1;
            }
        }
        sums
    }

    fn read(&mut self, process: &Process) -> Seen {
        let name = name(process);
        let mut series: BTreeMap<Labels, Values> = BTreeMap::new();
        for service in &process.services {
            let (program, named, direction) = self.labels(name, service);
            for arm in Arm::BOTH {
                let counts = service.arm(arm);
                let arm = match arm {
                    Arm::Tuned if process.observing => "observed",
                    Arm::Tuned => "tuned",
                    // Nothing is divided there.
                    Arm::Control if counts.get(Counter::Connections) == 0 && process.split == 0 => continue,
                    Arm::Control => "untouched",
                };
                let labels = Labels {
                    program: program.clone(),
                    service: named.clone(),
                    direction: direction.to_owned(),
                    arm: arm.to_owned(),
                };
                series.entry(labels).or_default().add(&Values::of(counts));
            }
        }
        let first = self.own.range((name.to_owned(), String::new(), "")..).next();
        let known = first.is_some_and(|(program, ..)| program == name);
        let program = if known { name } else { OTHERS }.to_owned();
        Seen { program, running: process.running, uncounted: process.uncounted, series }
    }

    /// The labels of a service: its own, if there is room.
    fn labels(&mut self, program: &str, service: &Service) -> (String, String, &'static str) {
        let direction = match service.direction {
            Direction::Client => "client",
            Direction::Server => "server",
        };
        let own = (program.to_owned(), service.to_string(), direction);
        if self.own.contains(&own) {
            return own;
        }
        if self.own.len() >= self.most {
            return (OTHERS.to_owned(), OTHERS.to_owned(), direction);
        }
        self.own.insert(own.clone());
        own
    }
}

impl Seen {
    fn add_to(&self, sums: &mut Sums) {
        for (labels, values) in &self.series {
            sums.series.entry(labels.clone()).or_default().add(values);
        }
        let program = sums.programs.entry(self.program.clone()).or_default();
        program.started += 1;
        program.uncounted += self.uncounted;
    }
}

pub fn file(process: &Process) -> File {
    (process.file.clone(), process.inode)
}
