//! `tcptune report`: what the processes of a directory have counted, service by service, the tuned connections beside those that
//! were left untouched. Reads, and removes files only when asked to.

mod compare;
pub mod json;
mod print;
pub mod words;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::args::ReportArgs;
use crate::counters;
use crate::errors::{Failure, NO, OK, say};
use crate::output::line;

pub fn command(args: &ReportArgs) -> Result<u8, Failure> {
    let directory = directory(args.directory.as_deref(), "report")?;
    let found = counters::read(&directory)?;
    found.problems.iter().for_each(say);
    if args.clean {
        return clean(&directory, &found);
    }
    if args.json {
        line(&serde_json::to_string_pretty(&json::report(&directory, &found))?);
    } else {
        print::report(&directory, &found);
    }
    Ok(if found.processes.is_empty() { NO } else { OK })
}

/// The directory that was named, else the one of the environment.
pub fn directory(named: Option<&Path>, command: &str) -> Result<PathBuf, Failure> {
    let from_environment =
        || std::env::var_os("TCPTUNE_STATS").filter(|value| value != OsStr::new("off")).map(Into::into);
    named.map(Path::to_owned).or_else(from_environment).ok_or_else(|| {
        Failure::own(format!(
            "no directory: name the one that TCPTUNE_STATS names for the programs, as in `tcptune {command} /run/tcptune`",
        ))
    })
}

fn clean(directory: &Path, found: &counters::Found) -> Result<u8, Failure> {
    let ended: Vec<_> = found.processes.iter().filter(|process| !process.running).collect();
    let mut removed = 0;
    for process in &ended {
        match found.remove(process) {
            Ok(()) => removed += 1,
            Err(problem) => say(problem),
        }
    }
    let running = found.processes.len() - ended.len();
    line(&format!(
        "`{}`: {} of processes that are gone removed, {} of running ones kept",
        directory.display(),
        words::files(removed),
        words::files(running as u64),
    ));
    Ok(if removed == ended.len() as u64 { OK } else { NO })
}
