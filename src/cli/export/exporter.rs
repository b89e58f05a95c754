//! One reading after the other, with what must outlive the files that are read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::ExportArgs;
use super::ended::{self, Ended};
use super::host::Watcher;
use super::text;
use super::totals::{File, Sums, Totals, file};
use crate::counters::{self, Found};
use crate::errors::{Failure, say};

/// So many different problems are told of: whoever writes into the directory can make as many as they like.
const TOLD: usize = 1000;

/// Reads a directory and keeps what must outlive its files.
pub struct Exporter {
    /// None: only the host is told of.
    directory: Option<PathBuf>,
    host: Option<Watcher>,
    totals: Totals,
    ended: Option<Ended>,
    /// What was said about files that cannot be read: once each.
    told: BTreeSet<String>,
}

impl Exporter {
    pub fn new(directory: Option<PathBuf>, host: Option<Watcher>, args: &ExportArgs) -> Result<Self, Failure> {
        let (ended, sums) = match &args.ended {
            Some(path) => ended::load(path).map(|(ended, sums)| (Some(ended), sums))?,
            None => (None, Sums::default()),
        };
        Ok(Self { directory, host, totals: Totals::new(sums, args.max_services.into()), ended, told: BTreeSet::new() })
    }

    pub fn text(&mut self) -> Result<String, Failure> {
        self.read()?;
        let lost = self.host.as_ref().map(Watcher::lost).transpose()?;
        text::text(&self.totals.sums(), self.totals.left_out, lost.as_ref())
    }

    fn read(&mut self) -> Result<(), Failure> {
        let Some(directory) = self.directory.clone() else { return Ok(()) };
        let mut found = counters::read(&directory)?;
        if let Some(mut ended) = self.ended.take() {
            let result = self.remove_ended(&directory, &mut ended, &mut found);
            self.ended = Some(ended);
            result?;
        } else {
            self.totals.update(&found, &BTreeSet::new());
        }
        found.problems.iter().for_each(|problem| self.tell(problem));
        Ok(())
    }

    fn tell(&mut self, problem: &str) {
        if self.told.len() < TOLD && self.told.insert(problem.to_owned()) {
            say(problem);
        }
    }

    /// Counts of processes that have ended go into the file of --ended, then their own files go.
    fn remove_ended(&mut self, directory: &Path, ended: &mut Ended, found: &mut Found) -> Result<(), Failure> {
        let gone = |found: &Found| -> BTreeSet<File> {
            found.processes.iter().filter(|process| !process.running).map(file).collect()
        };
        let candidates = gone(found);
        if !candidates.is_empty() {
            // What a process counted between our reading and its end is in a second one.
            *found = counters::read(directory)?;
        }
        let (sums, removed) = (self.totals.ended.clone(), ended.removed.clone());
        self.totals.update(found, &removed);
        let present: BTreeSet<File> = found.processes.iter().map(file).collect();
        ended.removed.retain(|file| present.contains(file));
        for file in candidates.iter().filter(|file| present.contains(file) && !removed.contains(file)) {
            self.totals.fold(file);
            ended.removed.insert(file.clone());
        }
        let changed = (&self.totals.ended, &ended.removed) != (&sums, &removed);
        if changed && let Err(failure) = ended.save(&self.totals.ended) {
            // Nothing is removed, and what was added is forgotten: it is read again next time.
            self.totals.ended = sums;
            ended.removed = removed;
            return Err(failure);
        }
        for process in found.processes.iter().filter(|process| ended.removed.contains(&file(process))) {
            if let Err(problem) = found.remove(process) {
                self.tell(&problem);
            }
        }
        Ok(())
    }
}
