//! `tcptune export`: what the processes of a directory have counted, for Prometheus: once, again and again into a file, or over
//! HTTP. Removes files of counters only with --ended, and only when their counts are safe.

pub mod args;
mod ended;
mod listen;
mod text;
mod textfile;
mod totals;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};

use crate::counters::{self, Found};
use crate::errors::{Failure, OK, say};
use crate::output;
use args::ExportArgs;
use ended::Ended;
use totals::{File, Sums, Totals, file};

pub fn command(args: &ExportArgs) -> Result<u8, Failure> {
    let directory = counters::directory(args.directory.as_deref(), "export")?;
    let mut exporter = Exporter::new(directory, args)?;
    match (&args.textfile, args.every, args.listen) {
        (Some(path), None, _) => write(path, &mut exporter)?,
        (Some(path), Some(every), _) => again_and_again(path, every, &mut exporter)?,
        (None, _, Some(address)) => {
            // What is wrong with the directory is better said now than to whoever asks first.
            exporter.text()?;
            listen::serve(address, &mut exporter, &*signals()?)?;
        }
        (None, ..) => output::raw(exporter.text()?.as_bytes()),
    }
    Ok(OK)
}

/// Mode of the file: node_exporter runs as a user of its own.
const READABLE: u32 = 0o644;

fn write(path: &Path, exporter: &mut Exporter) -> Result<(), Failure> {
    textfile::write(path, exporter.text()?.as_bytes(), READABLE)
}

fn again_and_again(path: &Path, every: Duration, exporter: &mut Exporter) -> Result<(), Failure> {
    let stop = signals()?;
    write(path, exporter)?;
    let mut due = Instant::now() + every;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)));
        if Instant::now() >= due {
            // A full disk may have room again: the file then tells its age (node_textfile_mtime_seconds).
            if let Err(failure) = write(path, exporter) {
                say(failure.message);
            }
            due = Instant::now() + every;
        }
    }
    Ok(())
}

/// Signals that end a program end this one between two readings. Somebody who hangs up does not.
fn signals() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    signal_hook::flag::register(SIGPIPE, Arc::default())?;
    Ok(stop)
}

/// Reads a directory and keeps what must outlive its files.
struct Exporter {
    directory: PathBuf,
    totals: Totals,
    ended: Option<Ended>,
    /// What was said about files that cannot be read: once each.
    told: BTreeSet<String>,
}

impl Exporter {
    fn new(directory: PathBuf, args: &ExportArgs) -> Result<Self, Failure> {
        let (ended, sums) = match &args.ended {
            Some(path) => ended::load(path).map(|(ended, sums)| (Some(ended), sums))?,
            None => (None, Sums::default()),
        };
        Ok(Self { directory, totals: Totals::new(sums, args.max_services.into()), ended, told: BTreeSet::new() })
    }

    fn text(&mut self) -> Result<String, Failure> {
        let mut found = counters::read(&self.directory)?;
        if let Some(mut ended) = self.ended.take() {
            let result = self.remove_ended(&mut ended, &mut found);
            self.ended = Some(ended);
            result?;
        } else {
            self.totals.update(&found, &BTreeSet::new());
        }
        for problem in &found.problems {
            if self.told.insert(problem.clone()) {
                say(problem);
            }
        }
        text::text(&self.totals.sums(), self.totals.left_out)
    }

    /// Counts of processes that have ended go into the file of --ended, then their own files go.
    fn remove_ended(&mut self, ended: &mut Ended, found: &mut Found) -> Result<(), Failure> {
        let gone = |found: &Found| -> BTreeSet<File> {
            found.processes.iter().filter(|process| !process.running).map(file).collect()
        };
        let candidates = gone(found);
        if !candidates.is_empty() {
            // What a process counted between our reading and its end is in a second one.
            *found = counters::read(&self.directory)?;
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
            if let Err(problem) = found.remove(process)
                && self.told.insert(problem.clone())
            {
                say(problem);
            }
        }
        Ok(())
    }
}
