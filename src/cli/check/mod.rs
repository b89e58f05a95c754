//! `tcptune check`: can a program or a running process be reached by LD_PRELOAD, and what to do if not.
//!
//! Collects facts from files and /proc and never runs the program.

pub mod args;
mod calls;
mod notes;
mod print;
pub mod report;
mod symbols;

use crate::errors::{Failure, NO, OK};
use crate::os::refusal;
use crate::output;
use crate::programs::{facts, library};
use args::CheckArgs;

/// The command: print the report, give the exit code.
pub fn command(args: &CheckArgs) -> Result<u8, Failure> {
    let library = match args.library.as_deref() {
        Some(file) => Some(library::find(Some(file))?),
        // Without one the answer is the same; only the list of names it stands in for is less exact.
        None => library::find(None).ok(),
    };
    let found = match args.target.to_str().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())) {
        Some(digits) => facts::process(digits.parse().map_err(|_| refusal::of_none(digits))?)?,
        None => facts::program(&args.target)?,
    };
    // What the library stands in for is read from its file, if there is one.
    let report = report::assemble(found, library.as_ref());
    if args.json {
        output::json::document(&report)?;
    } else {
        print::report(&report);
    }
    Ok(if report.verdict.reachable { OK } else { NO })
}
