//! `tcptune report`: what the processes of a directory have counted, service by service, the tuned connections beside those that
//! were left untouched. Reads, and removes files only when asked to.

pub mod args;
mod compare;
mod fields;
pub mod json;
mod print;

use std::path::Path;

use crate::counters;
use crate::errors::{Failure, NO, OK, say};
use crate::output::{self, line, words};
use args::ReportArgs;

pub fn command(args: &ReportArgs) -> Result<u8, Failure> {
    let directory = counters::directory(args.directory.as_deref(), "report")?;
    let found = counters::read(&directory)?;
    found.problems.iter().for_each(say);
    if args.clean {
        return clean(&directory, &found);
    }
    if args.json {
        output::json::document(&json::report(&directory, &found))?;
    } else {
        print::report(&directory, &found);
    }
    Ok(if found.processes.is_empty() { NO } else { OK })
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
