//! `tcptune run --summary`: where the program counts, so that something can be said when it has ended. A directory of our own,
//! unless the program has one already.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::print;
use crate::counters::{self, Process, Scratch};
use crate::errors::{Failure, say};

/// Where the program counts.
pub struct Place {
    directory: PathBuf,
    /// Ours, which goes with it.
    scratch: Option<Scratch>,
    /// Files that were there before.
    before: BTreeSet<(String, u64)>,
}

impl Place {
    /// `given` is what TCPTUNE_STATS says already.
    pub fn prepare(given: &[u8]) -> Result<Self, Failure> {
        use std::os::unix::ffi::OsStrExt;
        if !given.is_empty() {
            let directory = PathBuf::from(std::ffi::OsStr::from_bytes(given));
            let before = files(&directory);
            return Ok(Self { directory, scratch: None, before });
        }
        let scratch = Scratch::new("tcptune", 0o700)?;
        Ok(Self { directory: scratch.path().to_owned(), scratch: Some(scratch), before: BTreeSet::new() })
    }

    pub fn directory(&self) -> OsString {
        self.directory.clone().into_os_string()
    }

    /// Says the three lines. `unreachable` is why the program itself cannot be reached, if it cannot.
    pub fn tell(&self, unreachable: Option<&str>) {
        match counters::read(&self.directory) {
            Ok(found) => {
                let old = |process: &Process| self.before.contains(&(process.file.clone(), process.inode));
                let new: Vec<Process> = found.processes.into_iter().filter(|process| !old(process)).collect();
                print::summary(&new, &found.problems, unreachable).iter().for_each(say);
            }
            Err(failure) => say(failure.message),
        }
    }

    /// The program could not be started, or all is said.
    pub fn remove(self) {
        drop(self.scratch);
    }
}

fn files(directory: &Path) -> BTreeSet<(String, u64)> {
    let found = counters::read(directory).map(|found| found.processes).unwrap_or_default();
    found.into_iter().map(|process| (process.file, process.inode)).collect()
}
